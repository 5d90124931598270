//! Where scenarios begin.

use crate::note::Note;
use ampacity::{Builder, CircuitBreaker, ManualClock, OwnedPermit, Snapshot, State, Timing};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A breaker, its clock, and what actors share beside it.
#[derive(Debug)]
pub struct Stage {
    /// The breaker, in an `Arc` so that a permit can leave its thread.
    pub breaker: Arc<CircuitBreaker>,
    /// The breaker's clock; it stands still unless a scenario moves it.
    pub clock: ManualClock,
    /// What an actor wrote before it reported.
    pub note: Note,
    held: Mutex<Vec<OwnedPermit>>, // of the standard library: an input, as the clock is
}

/// How long an open breaker of these models waits.
const OPEN_FOR: Duration = Duration::from_millis(100);
/// How long their spells last.
const LEASE: Duration = Duration::from_millis(1000);

/// The settings that models begin with: no call is timed.
pub fn settings() -> Builder {
    CircuitBreaker::builder("model")
        .timing(Timing::Off)
        .open_for(OPEN_FOR)
        .probe_lease(LEASE)
        .success_threshold(1)
}

impl Stage {
    /// A closed breaker that has made its counters.
    ///
    /// # Panics
    ///
    /// If the settings cannot be.
    pub fn new(settings: Builder) -> Stage {
        let clock = ManualClock::new();
        clock.advance(Duration::from_millis(5));
        let breaker = settings.clock(clock.clone()).build();
        let stage = Stage {
            breaker: Arc::new(breaker.expect("the settings are legal")),
            clock,
            note: Note::new(0),
            held: Mutex::new(Vec::new()),
        };
        // A breaker makes its counters on the first call. Models of the word
        // should not have to explore that.
        stage.acquire().ignore();
        stage
    }

    /// Admits a call that must be admitted.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn acquire(&self) -> OwnedPermit {
        self.breaker.try_acquire_owned().expect("the breaker should admit a call here")
    }

    /// Takes `permits` in advance, for actors to [`take`](Self::take).
    pub fn with_permits(self, permits: usize) -> Stage {
        for _ in 0..permits {
            let permit = self.acquire();
            self.held.lock().unwrap().push(permit);
        }
        self
    }

    /// One of the permits taken in advance.
    ///
    /// # Panics
    ///
    /// If there is none left.
    pub fn take(&self) -> OwnedPermit {
        self.held.lock().unwrap().pop().expect("a permit is left")
    }

    /// Tries to admit a call.
    pub fn try_acquire(&self) -> Option<OwnedPermit> {
        self.breaker.try_acquire_owned().ok()
    }

    /// Lets the open wait pass.
    pub fn wait(&self) {
        self.clock.advance(OPEN_FOR);
    }

    /// Lets a first spell's lease pass.
    pub fn outlive_lease(&self) {
        self.clock.advance(LEASE);
    }

    /// The breaker at rest, with what must hold then in every scenario: totals add
    /// up, and every transition was counted once and took one era.
    ///
    /// # Panics
    ///
    /// If something does not hold.
    #[track_caller]
    pub fn at_rest(&self) -> Snapshot {
        let now = self.breaker.snapshot();
        let settled = now.succeeded + now.failed + now.ignored + now.cancelled;
        assert_eq!(now.admitted, settled + now.in_flight, "more calls were settled than admitted");
        assert_eq!(now.transitions.total(), now.era, "transitions told and eras differ");
        now
    }

    /// Transitions so far between two states.
    pub fn turns(&self, from: State, to: State) -> u64 {
        self.breaker.snapshot().transitions.between(from, to)
    }
}

/// Closed, in era 0; opens at `threshold` failures.
pub fn closed(threshold: u32) -> Stage {
    Stage::new(settings().failure_threshold(threshold))
}

/// Open and due, in era 1: the next call is the first probe of `permits`, of which
/// `needed` close.
pub fn due(permits: u32, needed: u32) -> Stage {
    let stage = Stage::new(
        settings().failure_threshold(1).success_threshold(needed).half_open_permits(permits),
    );
    stage.breaker.trip();
    stage.wait();
    stage
}

/// Half-open in era 2, with no probe out.
pub fn half_open(permits: u32, needed: u32) -> Stage {
    let stage = due(permits, needed);
    stage.acquire().ignore();
    stage
}

/// Half-open in era 2, with `out` probes out, for actors to take.
pub fn half_open_with_probes_out(out: usize, permits: u32, needed: u32) -> Stage {
    due(permits, needed).with_permits(out)
}
