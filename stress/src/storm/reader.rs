//! Takes the snapshots, on a thread of its own.
//!
//! Whoever watches the storm must not wait for the breaker: a snapshot that never came
//! back would take the watchdog with it. So it asks for one and looks whether it is there.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ampacity::Snapshot;

#[derive(Debug)]
pub(super) struct Reader {
    orders: SyncSender<()>,
    taken: Receiver<Snapshot>,
    /// Whether one was ordered and has not come.
    waits: bool,
}

impl Reader {
    /// Starts the thread; it ends when this is dropped and `snapshot` has come back.
    ///
    /// # Errors
    ///
    /// The system refuses the thread.
    pub(super) fn start(snapshot: impl Fn() -> Snapshot + Send + 'static) -> io::Result<Self> {
        let (orders, ordered) = sync_channel(1);
        let (done, taken) = sync_channel(1);
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || while ordered.recv().is_ok() && done.send(snapshot()).is_ok() {})?;
        Ok(Self { orders, taken, waits: false })
    }

    /// The snapshot ordered before, if it has come, and orders the next; never waits.
    pub(super) fn latest(&mut self) -> Option<Snapshot> {
        let latest = self.taken.try_recv().ok();
        self.waits = self.waits && latest.is_none();
        self.order();
        latest
    }

    /// One begun after now; `None` if it has not come for as long as that.
    pub(super) fn last(&mut self, patience: Duration) -> Option<Snapshot> {
        if self.waits {
            self.taken.recv_timeout(patience).ok()?; // it may have been begun before
            self.waits = false;
        }
        self.order();
        let last = self.taken.recv_timeout(patience).ok()?;
        self.waits = false;
        Some(last)
    }

    fn order(&mut self) {
        // There is room for one order, and never more than one.
        self.waits = self.waits || self.orders.try_send(()).is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ampacity::CircuitBreaker;
    use std::sync::Arc;

    #[test]
    fn whoever_looks_does_not_wait_for_a_snapshot_that_never_comes() {
        let (hold, held) = sync_channel::<()>(0);
        let held = std::sync::Mutex::new(held);
        let mut reader = Reader::start(move || {
            // Until the test is over.
            let _ = held.lock().unwrap().recv();
            CircuitBreaker::new("reader").snapshot()
        })
        .unwrap();
        for _ in 0..3 {
            assert!(reader.latest().is_none());
        }
        assert!(reader.last(Duration::ZERO).is_none());
        drop(hold);
    }

    #[test]
    fn the_last_snapshot_is_one_that_was_begun_after_it_was_asked_for() {
        let breaker = Arc::new(CircuitBreaker::new("reader"));
        let its = Arc::clone(&breaker);
        let mut reader = Reader::start(move || its.snapshot()).unwrap();
        let _ = reader.latest(); // an order that may be carried out before the call below
        breaker.try_acquire().unwrap().success();
        assert_eq!(reader.last(Duration::MAX).unwrap().succeeded, 1);
    }
}
