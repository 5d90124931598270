//! Memory that is kept from one value to the next, so that encoding allocates nothing.

use std::cell::Cell;

/// What a thread keeps at most of each kind: one huge value must not be paid for ever.
const KEPT_BYTES: usize = 64 << 10;

/// Where a value needs room to itself before it is written.
#[derive(Default)]
pub(super) struct Scratch {
    /// Text that is not escaped yet.
    pub(super) text: String,
    /// The same without what must not be seen, and where that was.
    pub(super) masked: String,
    pub(super) found: Vec<(usize, usize)>,
    /// The keys of the objects that are open, as ranges of the output, each object's sorted.
    pub(super) keys: Vec<(usize, usize)>,
}

thread_local! {
    static POOL: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// The thread's own, or a new one: where a value logs while it is being written, and where
    /// the thread is being torn down.
    pub(super) fn take() -> Box<Scratch> {
        POOL.try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    /// Keeps it for the thread's next value.
    pub(super) fn give_back(mut self: Box<Self>) {
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES);
        self.masked.clear();
        self.masked.shrink_to(KEPT_BYTES);
        for ranges in [&mut self.found, &mut self.keys] {
            ranges.clear();
            ranges.shrink_to(KEPT_BYTES / size_of::<(usize, usize)>());
        }
        // A thread that is being torn down has no next value.
        let _ = POOL.try_with(|pool| pool.set(Some(self)));
    }
}
