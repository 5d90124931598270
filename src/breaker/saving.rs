//! State and window as data, and a breaker that goes on from them.

use super::{CircuitBreaker, whole_nanos};
use crate::clock::Tick;
use crate::saved::{Parts, RestoreError, Saved};
use crate::word::{Finding, State};

impl CircuitBreaker {
    /// State and window as data, to be [restored](Self::restore) later or elsewhere.
    ///
    /// Of a closed breaker, and of one that only says what it would do, the streak and the
    /// window; of an open one what is left of its wait, and how often in a row it has
    /// opened; of a half-open one the latter. Probes and calls in flight are not in it, nor are
    /// totals, latencies and settings. Not for a hot path: as [`snapshot`](Self::snapshot),
    /// it adds up what threads recorded, and what they record meanwhile may be left out.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "serde")] {
    /// use ampacity::{CircuitBreaker, Saved, State};
    ///
    /// let before = CircuitBreaker::new("db");
    /// before.trip();
    /// let text = serde_json::to_string(&before.save())?;
    ///
    /// let after = CircuitBreaker::new("db");
    /// after.restore(&serde_json::from_str::<Saved>(&text)?)?;
    /// assert_eq!(after.state(), State::Open);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self) -> Saved {
        let mut word = self.circuit.word();
        loop {
            let era = self.circuit.era_of(word);
            let (state, now) = (word.state(), self.now());
            let wait = match (state, word.deadline()) {
                (State::Open, Tick::NEVER) => None,
                (State::Open, deadline) => Some(whole_nanos(deadline.remaining(now))),
                _ => None,
            };
            let judge = self.settings.get().judge.as_ref().filter(|_| word.is_judged());
            let parts = Parts {
                name: &self.name,
                state,
                era: era.0,
                streak: word.streak(),
                opens: self.circuit.opens_before(word),
                wait,
                window: judge.map(|judge| judge.export(era, now)),
            };
            // What was read beside the word belongs to it if its era still is now.
            let again = self.circuit.word();
            if again.era() == word.era() {
                return Saved::new(parts);
            }
            word = again;
        }
    }

    /// Goes on from what was saved, under a new era: one transition, one event, and what was
    /// in flight is stale.
    ///
    /// An open breaker waits for what was left of its wait, by this breaker's clock: the
    /// time in between does not count, and clocks need not agree. A half-open one is open
    /// and due, so that the next call is its first probe, and the next wait goes on with
    /// the back-off in both. The window takes over the newest results that fit, with the
    /// ages they had, to within a slice; between calls and time it takes over none. It opens
    /// nothing by itself: the next failure does, if it should. Settings stay as they are.
    ///
    /// The state changes first, in one step, and then the window: calls that end meanwhile
    /// are counted beside what is restored, and may find it incomplete. A breaker that trips
    /// at that very time may take over the saved step of the back-off, until it is restored.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] says what is wrong. Nothing changes then.
    pub fn restore(&self, saved: &Saved) -> Result<(), RestoreError> {
        let revived = saved.check(&self.name)?;
        let settings = self.settings.get();
        let decision = self.circuit.restore(&revived, &settings.rules, || self.now());
        self.take_note(&decision);
        if let (Some(change), Some(judge), Some(window)) =
            (decision.change, &settings.judge, &revived.window)
            && judge.import(window, change.turn.era, self.now()) == Finding::Armed
        {
            self.take_note(&self.circuit.arm(change.turn.era));
        }
        self.tell(&decision);
        Ok(())
    }
}
