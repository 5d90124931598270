//! The invocations and returns of the operations that are not yet taken, in the order of
//! their stamps: a list in which both can be taken out, and put back in the reverse order.

/// Entry 0 is the head; operation `n` has its invocation at `2n + 1` and its return at
/// `2n + 2`.
#[derive(Debug)]
pub(super) struct Entries {
    next: Vec<u32>,
    before: Vec<u32>,
}

const HEAD: u32 = 0;

fn invocation(operation: usize) -> u32 {
    2 * operation as u32 + 1
}

impl Entries {
    /// Of operations with these stamps of invocation and return.
    pub(super) fn new(stamps: &[(u64, u64)]) -> Self {
        let mut order: Vec<(u64, u32)> = (stamps.iter().enumerate())
            .flat_map(|(at, (invoked, returned))| {
                [(*invoked, invocation(at)), (*returned, invocation(at) + 1)]
            })
            .collect();
        order.sort_unstable();
        let mut entries = Entries { next: vec![HEAD; 2 * stamps.len() + 1], before: vec![] };
        entries.before.clone_from(&entries.next);
        let mut last = HEAD;
        for (_, entry) in order {
            entries.next[last as usize] = entry;
            entries.before[entry as usize] = last;
            last = entry;
        }
        entries.next[last as usize] = HEAD;
        entries.before[HEAD as usize] = last;
        entries
    }

    /// The operations that none of the others came before, by their invocations.
    pub(super) fn first(&self) -> impl Iterator<Item = usize> + '_ {
        let mut entry = HEAD;
        std::iter::from_fn(move || {
            entry = self.next[entry as usize];
            // An even entry is a return, or the head again.
            (entry % 2 == 1).then(|| (entry as usize - 1) / 2)
        })
    }

    /// Takes an operation out.
    pub(super) fn take(&mut self, operation: usize) {
        for entry in [invocation(operation), invocation(operation) + 1] {
            let (before, next) = (self.before[entry as usize], self.next[entry as usize]);
            self.next[before as usize] = next;
            self.before[next as usize] = before;
        }
    }

    /// Puts back the one that was taken last of those that are out.
    pub(super) fn put_back(&mut self, operation: usize) {
        for entry in [invocation(operation) + 1, invocation(operation)] {
            let (before, next) = (self.before[entry as usize], self.next[entry as usize]);
            self.next[before as usize] = entry;
            self.before[next as usize] = entry;
        }
    }
}
