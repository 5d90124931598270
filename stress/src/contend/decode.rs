//! What an executed instruction did: was it locked, and which cache lines did it touch.

use std::collections::{HashMap, HashSet};

use iced_x86::{
    Decoder, DecoderOptions, Instruction, InstructionInfoFactory, InstructionInfoOptions, Mnemonic,
    OpAccess, OpKind, Register, UsedMemory,
};

/// The longest instruction there is.
pub(super) const LONGEST: usize = 15;
/// Of a cache line, in bits of its address.
const LINE_BITS: u32 = 6;

/// A cache line, by the number of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Line(pub(super) u64);

/// What was executed between two marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) instructions: u64,
    /// With a `lock` prefix, or an exchange with memory, which is locked without one; or a
    /// full fence, which waits for all stores as those do.
    pub(super) locked: u64,
    pub(super) syscalls: u64,
    /// The first and the last line of each store outside the thread's stack.
    pub(super) stores: Vec<(Line, Line)>,
    pub(super) read: HashSet<Line>,
    /// Accesses whose address could not be worked out.
    pub(super) unknown: u64,
}

/// The registers before an instruction.
pub(super) trait Registers {
    /// The value of a general register, all 64 bits, or a segment's base.
    fn value(&self, register: Register) -> Option<u64>;

    /// Whether an address lies on the thread's own stack.
    fn is_stack(&self, address: u64) -> bool;
}

/// Decodes each instruction once.
pub(super) struct Decoded {
    known: HashMap<u64, Known>,
    factory: InstructionInfoFactory,
}

struct Known {
    is_locked: bool,
    is_syscall: bool,
    /// Done as often as a register says, perhaps never.
    is_repeated: bool,
    memory: Vec<UsedMemory>,
}

impl Decoded {
    pub(super) fn new() -> Self {
        Self { known: HashMap::new(), factory: InstructionInfoFactory::new() }
    }

    /// Adds the instruction at `address` to `batch`; `fetch` reads its bytes, should it be
    /// new, and says nothing if they cannot be read.
    pub(super) fn add(
        &mut self,
        batch: &mut Batch,
        address: u64,
        registers: &impl Registers,
        fetch: impl FnOnce() -> Option<([u8; LONGEST], usize)>,
    ) -> Option<()> {
        if !self.known.contains_key(&address) {
            let (bytes, len) = fetch()?;
            let known = self.decode(address, bytes.get(..len)?)?;
            self.known.insert(address, known);
        }
        let known = self.known.get(&address)?;
        batch.instructions += 1;
        batch.locked += u64::from(known.is_locked);
        batch.syscalls += u64::from(known.is_syscall);
        if known.is_repeated && registers.value(Register::RCX) == Some(0) {
            return Some(());
        }
        for memory in &known.memory {
            add_access(batch, memory, registers);
        }
        Some(())
    }

    fn decode(&mut self, address: u64, bytes: &[u8]) -> Option<Known> {
        let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return None;
        }
        let options = InstructionInfoOptions::NO_REGISTER_USAGE;
        let info = self.factory.info_options(&instruction, options);
        Some(Known {
            is_locked: is_locked(&instruction),
            is_syscall: instruction.mnemonic() == Mnemonic::Syscall,
            is_repeated: instruction.is_string_instruction()
                && (instruction.has_rep_prefix() || instruction.has_repne_prefix()),
            memory: info.used_memory().to_vec(),
        })
    }
}

fn is_locked(instruction: &Instruction) -> bool {
    let in_memory = (0..instruction.op_count()).any(|op| instruction.op_kind(op) == OpKind::Memory);
    match instruction.mnemonic() {
        Mnemonic::Mfence => true,
        Mnemonic::Xchg => in_memory,
        _ => instruction.has_lock_prefix(),
    }
}

fn add_access(batch: &mut Batch, memory: &UsedMemory, registers: &impl Registers) {
    let (reads, writes) = match memory.access() {
        OpAccess::Read | OpAccess::CondRead => (true, false),
        OpAccess::Write | OpAccess::CondWrite => (false, true),
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => (true, true),
        OpAccess::None | OpAccess::NoMemAccess => return,
    };
    let value = |register: Register, _, _| {
        let value = registers.value(register.full_register())?;
        let bits = register.size() * 8;
        // A segment register is 16 bits, but its value is the base behind it.
        Some(if bits < 64 && !register.is_segment_register() {
            value & ((1 << bits) - 1)
        } else {
            value
        })
    };
    let Some(address) = memory.virtual_address(0, value) else {
        batch.unknown += 1;
        return;
    };
    if registers.is_stack(address) {
        return;
    }
    let size = memory.memory_size().size().max(1) as u64;
    let (first, last) = (line(address), line(address.saturating_add(size - 1)));
    if writes {
        batch.stores.push((first, last));
    }
    if reads {
        batch.read.extend([first, last]);
    }
}

fn line(address: u64) -> Line {
    Line(address >> LINE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a thread's own data is.
    const THREAD: u64 = 0x7f12_3456_9000;

    struct At {
        base: u64,
        count: u64,
    }

    impl Registers for At {
        fn value(&self, register: Register) -> Option<u64> {
            Some(match register {
                Register::RCX => self.count,
                Register::RSP => 0x7000,
                Register::FS => THREAD,
                Register::CS | Register::DS | Register::ES | Register::SS => 0,
                _ => self.base,
            })
        }

        fn is_stack(&self, address: u64) -> bool {
            (0x6000..0x8000).contains(&address)
        }
    }

    fn run(bytes: &[u8], at: &At) -> Batch {
        let mut batch = Batch::default();
        let mut all = [0x90; LONGEST];
        all[..bytes.len()].copy_from_slice(bytes);
        Decoded::new().add(&mut batch, 0x40_0000, at, || Some((all, LONGEST))).unwrap();
        batch
    }

    fn lines(addresses: &[u64]) -> Vec<(Line, Line)> {
        addresses.iter().map(|&address| (line(address), line(address))).collect()
    }

    const AT: At = At { base: 0x1000, count: 1 };

    #[test]
    fn locked_instructions_are_those_with_the_prefix_exchanges_with_memory_and_full_fences() {
        for (what, bytes, locked, stores) in [
            ("lock xadd [rdi], rax", &[0xf0, 0x48, 0x0f, 0xc1, 0x07][..], 1, &[0x1000][..]),
            ("lock cmpxchg [rdi], rsi", &[0xf0, 0x48, 0x0f, 0xb1, 0x37], 1, &[0x1000]),
            ("lock or dword [rsp], 0", &[0xf0, 0x83, 0x0c, 0x24, 0x00], 1, &[]),
            ("xchg [rdi], rax", &[0x48, 0x87, 0x07], 1, &[0x1000]),
            ("xchg rbx, rax", &[0x48, 0x87, 0xd8], 0, &[]),
            ("inc qword [rdi+8]", &[0x48, 0xff, 0x47, 0x08], 0, &[0x1008]),
            ("mov [rdi], rax", &[0x48, 0x89, 0x07], 0, &[0x1000]),
            ("mov rax, [rdi]", &[0x48, 0x8b, 0x07], 0, &[]),
            ("lea rax, [rdi]", &[0x48, 0x8d, 0x07], 0, &[]),
            ("push rax", &[0x50], 0, &[]),
            ("mov fs:[0x10], eax", &[0x64, 0x89, 0x04, 0x25, 0x10, 0, 0, 0], 0, &[THREAD + 0x10]),
            ("mov [edi], eax", &[0x67, 0x89, 0x07], 0, &[0x1000]),
            ("mfence", &[0x0f, 0xae, 0xf0], 1, &[]),
            ("sfence", &[0x0f, 0xae, 0xf8], 0, &[]),
            ("vmovdqu [rdi], ymm0", &[0xc5, 0xfe, 0x7f, 0x07], 0, &[0x1000]),
            ("call rax", &[0xff, 0xd0], 0, &[]),
            ("movsb", &[0xa4], 0, &[0x1000]),
        ] {
            let batch = run(bytes, &AT);
            assert_eq!((batch.instructions, batch.locked), (1, locked), "{what}");
            assert_eq!(batch.stores, lines(stores), "{what}");
            assert_eq!(batch.unknown, 0, "{what}");
        }
    }

    #[test]
    fn reads_are_kept_apart_from_stores_and_an_exchange_is_both() {
        assert_eq!(run(&[0x48, 0x8b, 0x07], &AT).read, HashSet::from([line(0x1000)]));
        assert_eq!(run(&[0x48, 0x89, 0x07], &AT).read, HashSet::new());
        assert_eq!(run(&[0x48, 0x87, 0x07], &AT).read, HashSet::from([line(0x1000)]));
        // mov rax, [rip+0x100], 7 bytes long.
        let read = run(&[0x48, 0x8b, 0x05, 0, 1, 0, 0], &AT).read;
        assert_eq!(read, HashSet::from([line(0x40_0107)]));
    }

    #[test]
    fn a_store_across_the_end_of_a_line_touches_both() {
        let batch = run(&[0x48, 0x89, 0x07], &At { base: 0x103c, count: 1 });
        assert_eq!(batch.stores, [(line(0x1000), line(0x1040))]);
    }

    #[test]
    fn a_repeated_store_that_is_done_no_more_stores_nothing() {
        let bytes = [0xf3, 0x48, 0xab]; // rep stosq
        assert_eq!(run(&bytes, &AT).stores, lines(&[0x1000]));
        assert_eq!(run(&bytes, &At { base: 0x1000, count: 0 }).stores, []);
    }

    #[test]
    fn what_cannot_be_fetched_or_is_no_instruction_is_said() {
        let mut batch = Batch::default();
        assert_eq!(Decoded::new().add(&mut batch, 0, &AT, || None), None);
        let wrong = [0x06; LONGEST]; // none in 64 bits
        assert_eq!(Decoded::new().add(&mut batch, 0, &AT, || Some((wrong, LONGEST))), None);
        assert_eq!(batch.instructions, 0);
    }
}
