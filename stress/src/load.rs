//! Open-loop load: requests leave when the trace says, whatever became of the others.
//!
//! A closed loop waits for answers and so sends less while the server is in trouble, which
//! hides the trouble. Here a stall, of the server or of this program, is counted: latency
//! runs from the moment a request was due.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::program::Stop;

/// After so many launches in a row without a wait, others get their turn.
const BURST: usize = 32;

/// A launch this late is the last one: the machine cannot carry the load, and going on
/// would take as long as that lasts.
pub const HOPELESS: Duration = Duration::from_secs(10);

/// How the launches went.
#[derive(Clone, Debug, Default)]
pub struct Launched {
    /// How late each was, in order.
    pub late: Vec<Duration>,
    /// Whether all were made.
    pub complete: bool,
    /// Whether the rest was given up as [`HOPELESS`].
    pub gave_up: bool,
}

/// Calls `launch` for each of `due`, which is in order and counts from `zero`, when its
/// time has come, until `stop` or until that is hopeless.
pub async fn open_loop(
    due: impl IntoIterator<Item = Duration>,
    zero: Instant,
    stop: &Stop,
    mut launch: impl FnMut(usize, Duration),
) -> Launched {
    let mut launched = Launched::default();
    let stopped = stop.wait();
    tokio::pin!(stopped);
    let mut in_a_row = 0;
    for (index, due) in due.into_iter().enumerate() {
        let at = zero + due;
        if at > Instant::now() {
            in_a_row = 0;
            tokio::select! {
                biased;
                () = &mut stopped => return launched,
                () = sleep_until(at) => {}
            }
        } else {
            in_a_row += 1;
            if in_a_row % BURST == 0 {
                yield_now().await;
                if stop.requested() {
                    return launched;
                }
            }
        }
        let late = Instant::now().saturating_duration_since(at);
        launched.late.push(late);
        launch(index, due);
        if late >= HOPELESS {
            launched.gave_up = true;
            return launched;
        }
    }
    launched.complete = true;
    launched
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_launch_is_made_in_order_and_none_before_its_time() {
        let zero = Instant::now();
        let due = [0, 0, 3, 10, 10, 11].map(Duration::from_millis);
        let mut seen = Vec::new();
        let launched = open_loop(due, zero, &Stop::default(), |index, due| {
            assert!(zero.elapsed() >= due);
            seen.push(index);
        })
        .await;
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert!(launched.complete);
    }

    #[tokio::test(start_paused = true)]
    async fn a_launch_that_was_held_up_is_counted_late_and_the_rest_is_not_dropped() {
        let zero = Instant::now();
        tokio::time::advance(Duration::from_millis(100)).await;
        let due = (0..200).map(Duration::from_millis);
        let launched = open_loop(due, zero, &Stop::default(), |_, _| {}).await;
        assert_eq!(launched.late.len(), 200);
        assert_eq!(launched.late[0], Duration::from_millis(100));
        assert!(launched.late[150] < Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_launch_hopelessly_late_is_the_last() {
        let zero = Instant::now();
        tokio::time::advance(HOPELESS + Duration::from_millis(5)).await;
        let due = (0..200).map(|i| Duration::from_millis(20 * i));
        let launched = open_loop(due, zero, &Stop::default(), |_, _| {}).await;
        assert_eq!((launched.late.len(), launched.complete, launched.gave_up), (1, false, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_it_and_says_that_it_is_not_complete() {
        let stop = Stop::default();
        let made = Cell::new(0);
        let due = (0..100).map(|i| Duration::from_millis(10 * i));
        let launched = open_loop(due, Instant::now(), &stop, |index, _| {
            made.set(made.get() + 1);
            if index == 4 {
                stop.request();
            }
        })
        .await;
        assert_eq!((made.get(), launched.complete), (5, false));
    }
}
