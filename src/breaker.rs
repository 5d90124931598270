//! The circuit breaker: its decisions, its time and its counts, joined.

// Documentation shows the methods in this order; the blank lines keep it.
mod making;

mod calls;

mod reading;

mod by_hand;

mod settings;

mod saving;

mod events;

mod classified;
mod settling;

pub(crate) use calls::Ticket;
pub use classified::Classified;
pub(crate) use settling::End;

use crate::circuit::{Circuit, Decision};
use crate::clock::{Nanos, TimeSource};
use crate::config::Settings;
use crate::error::Name;
use crate::event::desk::Desk;
use crate::metrics::Metrics;
use crate::sync::{Kept, OnceBox};
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;
use std::borrow::Cow;

/// Stands between your code and something that fails.
///
/// Closed, it lets calls through and counts failures in a row. At the threshold
/// it opens and turns calls away, at once and without making them. When its wait
/// is over it is half-open: a few probes go through, and their success closes it
/// or a failure opens it again. The next call does what is due; there is no
/// timer and no background task.
///
/// Share it by reference, in an [`Arc`](std::sync::Arc) or in a `static`. Admitting a
/// call to a closed breaker reads its word and writes nothing that is shared. No call
/// locks, waits or allocates, but for a thread's first one, the first of all on each
/// breaker (with [`Timing::Every`](crate::Timing::Every) or a time window, of each thread
/// there), and one whose transition somebody listens to: that one allocates, and may run
/// the listeners.
///
/// # Examples
///
/// ```
/// use ampacity::{CallError, CircuitBreaker};
///
/// static DB: CircuitBreaker = CircuitBreaker::new("db");
///
/// fn query() -> Result<u32, std::io::Error> {
///     Ok(42)
/// }
///
/// match DB.call(query) {
///     Ok(rows) => println!("{rows} rows"),
///     Err(CallError::Failed(error)) => println!("the call failed: {error}"),
///     Err(CallError::Rejected(rejected)) => println!("not called: {rejected}"),
/// }
/// ```
pub struct CircuitBreaker {
    circuit: Circuit,
    settings: Kept<Settings>,
    metrics: Metrics,
    clock: TimeSource,
    name: Cow<'static, str>,
    short_name: Name,    // what rejections carry
    desk: OnceBox<Desk>, // made with the first listener or for a history
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(size_of::<CircuitBreaker>() <= 256, "an idle breaker stays small");

// A panic in a caller's code unwinds past a breaker at points where its word is
// whole: every change is one swap.
impl UnwindSafe for CircuitBreaker {}
impl RefUnwindSafe for CircuitBreaker {}

impl CircuitBreaker {
    #[inline(never)]
    fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Counts a swap: for the caller who won it, and after its loop.
    #[inline(always)]
    fn take_note<T>(&self, decision: &Decision<T>) {
        if let Some(change) = decision.change {
            self.metrics.turned(change.turn, decision.retries);
            if let Some(judge) = &self.settings.get().judge {
                judge.sweep(change.turn.era);
            }
        }
        #[cfg(feature = "contention")]
        if decision.swaps > 0 {
            self.metrics.recorder().swapped(decision.swaps, decision.retries);
        }
    }
}

/// Whole nanoseconds, up to 584 years.
fn whole_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("word", &self.circuit.word())
            .field("era", &self.era())
            .field("settings", &self.settings)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn without_a_listener_and_a_history_no_desk_is_made() {
        let breaker = CircuitBreaker::new("alone");
        (0..5).for_each(|_| breaker.try_acquire().unwrap().failure());
        breaker.reset();
        assert_eq!((breaker.snapshot().era, breaker.history()), (2, vec![]));
        assert!(breaker.desk.get().is_none());
        breaker.add_listener(|_| ());
        assert!(breaker.desk.get().is_some());
    }
}
