//! A thread that stops at one of its accesses, for as long as a model likes.
//!
//! Before that access it has done all that comes before and nothing of what comes after,
//! as if the system had taken its processor away. What it has locked stays locked.

use core::cell::RefCell;
use shuttle::current::{TaskId, me};
use shuttle::thread::{self, Thread};

std::thread_local! {
    static SUSPENDED: RefCell<Option<Suspended>> = const { RefCell::new(None) };
}

struct Suspended {
    task: TaskId,
    thread: Thread,
    accesses_left: u64,
    stands: bool,
}

/// Stops the calling thread before its `nth` access from here on, the first of them being 0.
/// One thread at a time can be asked to.
pub fn stop_before_access(nth: u64) {
    let (task, thread) = (me(), thread::current());
    let asked = Suspended { task, thread, accesses_left: nth, stands: false };
    SUSPENDED.set(Some(asked));
}

/// Whether it stands there now.
pub fn is_stopped() -> bool {
    SUSPENDED.with_borrow(|asked| asked.as_ref().is_some_and(|asked| asked.stands))
}

/// Lets it go on, or never stop if it has not come so far.
pub fn let_go_on() {
    if let Some(asked) = SUSPENDED.take() {
        asked.thread.unpark();
    }
}

/// What every access of shared memory begins with, and what follows the taking of a lock.
pub(crate) fn pass() {
    let stops = SUSPENDED.with_borrow_mut(|asked| {
        let Some(asked) = asked.as_mut().filter(|asked| asked.task == me()) else { return false };
        asked.stands = asked.accesses_left == 0;
        asked.accesses_left = asked.accesses_left.saturating_sub(1);
        asked.stands
    });
    while stops && is_stopped() {
        thread::park();
    }
}
