//! Two threads write one number without any order between them: a sanitizer that is at work
//! says "data race".

use std::cell::UnsafeCell;
use std::thread;

struct Shared(UnsafeCell<u64>);

// SAFETY: this is wrong, which is the point.
unsafe impl Sync for Shared {}

static NUMBER: Shared = Shared(UnsafeCell::new(0));

fn add() {
    for _ in 0..1_000 {
        // SAFETY: as above.
        unsafe { *NUMBER.0.get() += 1 };
    }
}

fn main() {
    thread::scope(|scope| {
        scope.spawn(add);
        scope.spawn(add);
    });
}
