//! What one reader sees of the breaker while the storm goes on, and whether it may.

use std::time::Duration;

use ampacity::{Snapshot, State};

use super::chain::Faults;
use super::hand;

/// By how much the time of a transition may fall. Where the caller who won it has not
/// noted the time yet, a reader notes its own, later one; and whoever wins the next may
/// have looked at the clock before that.
const LATE: Duration = hand::MOST_IN_AN_ERA;

/// One reader's view, from look to look.
#[derive(Debug, Default)]
pub(crate) struct View {
    latest: Option<Snapshot>,
    /// The last era that was seen, and its state then.
    place: Option<(u64, State)>,
    pub(crate) taken: u64,
    /// Counts and times that fell.
    pub(crate) fell: Faults,
    /// Parts above their wholes.
    pub(crate) parts: Faults,
    /// Eras, states and answers in an order that no breaker has.
    pub(crate) order: Faults,
}

impl View {
    /// Takes over what another reader found.
    pub(crate) fn join(&mut self, other: Self) {
        self.taken += other.taken;
        self.fell.join(other.fell);
        self.parts.join(other.parts);
        self.order.join(other.order);
    }

    /// A snapshot, later than all it saw before.
    pub(crate) fn add(&mut self, snapshot: Snapshot) {
        self.taken += 1;
        self.place(snapshot.era, snapshot.state);
        self.whole(&snapshot);
        if let Some(before) = self.latest.take() {
            self.fall(&before, &snapshot);
        }
        self.latest = Some(snapshot);
    }

    /// A state, and the era that it was seen in.
    ///
    /// An era has one state, but for the open one that is due and calls itself half-open.
    pub(crate) fn place(&mut self, era: u64, state: State) {
        if let Some((last, was)) = self.place {
            let due = was == State::Open && state == State::HalfOpen;
            if era < last || era == last && state != was && !due {
                self.order.add(|| format!("era {era} {state} after era {last} {was}"));
            }
        }
        self.place = Some((era, state));
    }

    /// What `would_admit` said within one era, and the state just after.
    pub(crate) fn answer(&mut self, era: u64, state: State, admits: bool) {
        let may = match state {
            State::Closed => admits,
            State::Open => !admits,
            _ => true,
        };
        if !may {
            self.order.add(|| format!("era {era} {state}: would admit, it says: {admits}"));
        }
    }

    fn fall(&mut self, before: &Snapshot, now: &Snapshot) {
        for ((name, before), (_, now)) in counts(before).into_iter().zip(counts(now)) {
            if now < before {
                self.fell.add(|| format!("{name}: {now} after {before}"));
            }
        }
        let times = [
            ("last_success", before.last_success, now.last_success),
            ("last_failure", before.last_failure, now.last_failure),
            ("last_transition", before.last_transition, now.last_transition.map(|at| at + LATE)),
        ];
        for (name, before, now) in times {
            if now < before {
                self.fell.add(|| format!("{name}: {now:?} after {before:?}"));
            }
        }
        for from in State::ALL {
            for to in State::ALL {
                let count = |snapshot: &Snapshot| snapshot.transitions.between(*from, *to);
                if count(now) < count(before) {
                    self.fell
                        .add(|| format!("{from} to {to}: {} after {}", count(now), count(before)));
                }
            }
        }
    }

    fn whole(&mut self, snapshot: &Snapshot) {
        let lifetime = &snapshot.lifetime;
        let settled = snapshot.succeeded + snapshot.failed + snapshot.ignored + snapshot.cancelled;
        if snapshot.admitted.checked_sub(settled) != Some(snapshot.in_flight) {
            self.parts.add(|| {
                format!(
                    "{} admitted, {settled} settled, {} in flight",
                    snapshot.admitted, snapshot.in_flight
                )
            });
        }
        let pairs = [
            ("in flight of admitted", snapshot.in_flight, snapshot.admitted),
            ("panicked of failed", snapshot.panicked, snapshot.failed),
            ("stale of settled", snapshot.stale, settled),
            ("fallbacks of rejected", snapshot.fallbacks, snapshot.rejected.total()),
            ("retries of swaps", snapshot.contention.retries, snapshot.contention.swaps),
            // Nobody resets this breaker.
            ("admitted of all ever", snapshot.admitted, lifetime.admitted),
            ("succeeded of all ever", snapshot.succeeded, lifetime.succeeded),
            ("failed of all ever", snapshot.failed, lifetime.failed),
        ];
        for (name, part, whole) in pairs {
            if part > whole {
                self.parts.add(|| format!("{name}: {part} of {whole}"));
            }
        }
    }
}

/// Calls that had been admitted or turned away when it was taken.
pub(crate) fn calls(snapshot: &Snapshot) -> u64 {
    snapshot.lifetime.admitted + snapshot.lifetime.rejected.total()
}

fn counts(snapshot: &Snapshot) -> [(&'static str, u64); 19] {
    let lifetime = &snapshot.lifetime;
    [
        ("admitted", lifetime.admitted),
        ("succeeded", lifetime.succeeded),
        ("failed", lifetime.failed),
        ("panicked", lifetime.panicked),
        ("ignored", lifetime.ignored),
        ("cancelled", lifetime.cancelled),
        ("stale", lifetime.stale),
        ("rejected.open", lifetime.rejected.open),
        ("rejected.half_open_full", lifetime.rejected.half_open_full),
        ("rejected.forced_open", lifetime.rejected.forced_open),
        ("fallbacks", lifetime.fallbacks),
        ("transitions", snapshot.transitions.total()),
        ("latency.success.samples", snapshot.latency.success.samples),
        ("latency.failure.samples", snapshot.latency.failure.samples),
        ("events.told", snapshot.events.told),
        ("events.dropped", snapshot.events.dropped),
        ("events.panics", snapshot.events.panics),
        ("swaps", snapshot.contention.swaps),
        ("retries", snapshot.contention.retries),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Closed, HalfOpen, Open};
    use ampacity::CircuitBreaker;

    fn snapshot() -> Snapshot {
        let breaker = CircuitBreaker::new("view");
        for _ in 0..2 {
            breaker.try_acquire().unwrap().success();
        }
        breaker.try_acquire().unwrap().failure();
        breaker.snapshot()
    }

    fn faults(view: &View) -> [u64; 3] {
        [&view.fell, &view.parts, &view.order].map(|faults| faults.count)
    }

    #[test]
    fn a_view_that_stands_still_or_grows_is_let_be() {
        let mut view = View::default();
        for admitted in [3, 3, 4] {
            let mut one = snapshot();
            (one.admitted, one.in_flight, one.lifetime.admitted) =
                (admitted, admitted - 3, admitted);
            view.add(one);
        }
        assert_eq!((faults(&view), view.taken), ([0; 3], 3));
    }

    #[test]
    fn a_count_a_time_or_an_edge_that_falls_is_named() {
        let mut view = View::default();
        view.add(snapshot());
        let mut less = snapshot();
        less.lifetime.succeeded = 1;
        less.last_success = None;
        view.add(less);
        assert!(view.fell.text().contains("succeeded: 1 after 2"), "{:?}", view.fell);
        assert!(view.fell.text().contains("last_success: None after"), "{:?}", view.fell);

        let breaker = CircuitBreaker::new("view");
        breaker.trip();
        let mut view = View::default();
        view.add(breaker.snapshot());
        view.fall(&breaker.snapshot(), &snapshot());
        assert!(view.fell.text().contains("closed to open: 0 after 1"), "{:?}", view.fell);
    }

    #[test]
    fn a_part_above_its_whole_is_named() {
        let mut view = View::default();
        let mut one = snapshot();
        one.panicked = 2;
        one.in_flight = 1;
        view.add(one);
        assert_eq!(
            view.parts.text(),
            "3 admitted, 3 settled, 1 in flight; panicked of failed: 2 of 1"
        );
    }

    #[test]
    fn an_era_has_one_state_but_for_an_open_one_that_is_due() {
        let wrong = |places: &[(u64, State)]| {
            let mut view = View::default();
            places.iter().for_each(|&(era, state)| view.place(era, state));
            view.order.count
        };
        assert_eq!(wrong(&[(0, Closed), (1, Open), (1, HalfOpen), (2, HalfOpen), (3, Closed)]), 0);
        assert_eq!(wrong(&[(1, HalfOpen), (1, Open)]), 1);
        assert_eq!(wrong(&[(4, Closed), (4, HalfOpen)]), 1);
        assert_eq!(wrong(&[(4, Closed), (3, HalfOpen)]), 1);
    }

    #[test]
    fn a_closed_breaker_that_says_no_and_an_open_one_that_says_yes_are_named() {
        let mut view = View::default();
        view.answer(0, Closed, true);
        view.answer(1, Open, false);
        view.answer(2, HalfOpen, false);
        assert_eq!(view.order.count, 0);
        view.answer(0, Closed, false);
        view.answer(1, Open, true);
        assert_eq!(view.order.count, 2);
    }
}
