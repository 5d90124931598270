//! Hand-overs: events that another thread told than the one that made them.
//!
//! Every thread trips the breaker and closes it again as fast as it can, and a listener is
//! told. Who made an event is in its time: the breaker's clock puts the number of the thread
//! that looks at it into the low bits, and a transition's time is that of its winner. So
//! nothing is added to what the breaker does but that clock.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ampacity::{CircuitBreaker, Clock, Event};

use crate::pool::{Job, Seat};
use crate::program::Failure;
use crate::workload::tally::Tally;

/// Bits of a time in ns that say who looked: enough for as many threads as may be asked for.
const BITS: u32 = 17;
const _: () = assert!(super::MOST_THREADS < 1 << BITS, "each has a number, and nobody has 0");

thread_local! {
    /// The number of this thread; 0 is nobody.
    static WHO: Cell<u64> = const { Cell::new(0) };
}

struct Signed(Instant);

impl Clock for Signed {
    fn now(&self) -> u64 {
        let nanos = u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (nanos >> BITS << BITS) | WHO.get()
    }
}

fn made_by(event: &Event) -> u64 {
    event.at.as_nanos() as u64 & ((1 << BITS) - 1)
}

#[derive(Debug, Default)]
struct Counts {
    by_maker: AtomicU64,
    by_another: AtomicU64,
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HandOvers {
    pub(super) told: u64,
    pub(super) by_another: u64,
    pub(super) dropped: u64,
}

pub(super) struct Orders {
    breaker: CircuitBreaker,
    counts: Arc<Counts>,
}

impl Orders {
    pub(super) fn new() -> Result<Self, Failure> {
        let counts = Arc::new(Counts::default());
        let told = Arc::clone(&counts);
        let breaker = CircuitBreaker::builder("hand-overs")
            .clock(Signed(Instant::now()))
            .on_event(move |event| {
                let another = made_by(event) != WHO.get();
                // Relaxed: statistics; and one listener runs at a time.
                let count = if another { &told.by_another } else { &told.by_maker };
                count.fetch_add(1, Ordering::Relaxed);
            })
            .build()
            .map_err(|error| Failure(error.to_string()))?;
        Ok(Self { breaker, counts })
    }

    /// At rest.
    pub(super) fn hand_overs(&self) -> HandOvers {
        // Relaxed: at rest, and whoever called has been waited for.
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (by_maker, by_another) = (load(&self.counts.by_maker), load(&self.counts.by_another));
        // After these: a snapshot tells what nobody has told yet, and that is no hand-over.
        let dropped = self.breaker.snapshot().events.dropped;
        HandOvers { told: by_maker + by_another, by_another, dropped }
    }
}

impl Job for Orders {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        WHO.set((seat.index as u64 + 1) & ((1 << BITS) - 1));
        let mut tally = Tally::default();
        while let Some(calls) = seat.next() {
            for nth in 0..calls {
                if nth % 2 == 0 {
                    self.breaker.trip();
                } else {
                    self.breaker.close();
                }
            }
            tally.calls += calls;
        }
        WHO.set(0);
        tally
    }

    fn dump(&self) -> String {
        format!("{:?}", self.breaker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn an_event_told_by_its_maker_is_no_hand_over() {
        let orders = Orders::new().unwrap();
        WHO.set(7);
        (0..3).for_each(|_| orders.breaker.reset());
        WHO.set(0);
        let told = HandOvers { told: 3, by_another: 0, dropped: 0 };
        assert_eq!(orders.hand_overs(), told);
    }

    /// While one thread is in a listener, another makes an event and goes on: the first tells
    /// it.
    #[test]
    fn an_event_made_while_another_thread_delivers_is_handed_over_to_it() {
        let orders = Arc::new(Orders::new().unwrap());
        let (entered, enters) = mpsc::channel();
        let (leave, leaves) = mpsc::channel::<()>();
        let leaves = Mutex::new(Some(leaves));
        orders.breaker.add_listener(move |_| {
            // The first event only.
            if let Some(leaves) = leaves.lock().unwrap().take() {
                entered.send(()).unwrap();
                leaves.recv().unwrap();
            }
        });
        let its = Arc::clone(&orders);
        let first = thread::spawn(move || {
            WHO.set(1);
            its.breaker.reset();
        });
        enters.recv().unwrap();
        WHO.set(2);
        orders.breaker.reset();
        WHO.set(0);
        leave.send(()).unwrap();
        first.join().unwrap();
        let told = HandOvers { told: 2, by_another: 1, dropped: 0 };
        assert_eq!(orders.hand_overs(), told);
    }
}
