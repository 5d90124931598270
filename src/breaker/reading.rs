//! What a breaker shows of itself.

use super::CircuitBreaker;
use crate::clock::TICK;
use crate::event::desk::Desk;
use crate::metrics::snapshot::{Head, Snapshot};
use crate::word::State;
use core::time::Duration;

impl CircuitBreaker {
    /// Whether a call would be let through now; takes and writes nothing. With
    /// [`count_in_flight`](crate::Builder::count_in_flight), calls that hang may yet turn it
    /// away.
    pub fn would_admit(&self) -> bool {
        self.circuit.would_admit(&self.settings.get().rules, || self.now())
    }

    /// The state now: half-open, too, when the open wait is over though no call
    /// has come. Takes and writes nothing.
    pub fn state(&self) -> State {
        self.circuit.state(&self.circuit.look(|| self.now()), &self.settings.get().rules)
    }

    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    pub(crate) fn word(&self) -> crate::word::Word {
        self.circuit.word()
    }

    /// The number of transitions so far.
    pub fn era(&self) -> u64 {
        self.circuit.era_of(self.circuit.word()).0
    }

    /// Where the calling thread counts its calls of this breaker.
    #[cfg(feature = "contention")]
    pub fn place(&self) -> crate::Place {
        self.metrics.recorder().place()
    }

    /// State, counts and latencies at about this time. Not for a hot path: it adds up
    /// all threads' counters. It waits for nobody. Before that it tells listeners what is
    /// left to tell, if nobody does.
    pub fn snapshot(&self) -> Snapshot {
        if let Some(desk) = self.desk.get() {
            desk.deliver(&|| self.era_from_now_on());
        }
        let settings = self.settings.get();
        let seen = self.circuit.look(|| self.now());
        let word = seen.word;
        let era = self.circuit.era_of(word);
        let last = self.circuit.last_turn(word, || self.now());
        let of = word.is_judged().then_some(era);
        let window = settings.judge.as_ref().map(|judge| judge.read(of, self.now()));
        let head = Head {
            name: self.name.clone().into_owned(),
            state: self.circuit.state(&seen, &settings.rules),
            era: era.0,
            streak: word.streak(),
            opens: self.circuit.opens_before(word),
            window: window.unwrap_or_default(),
            last_transition: last.map(|tick| Duration::from_nanos(tick.0 * TICK)),
            events: self.desk.get().map(Desk::counts).unwrap_or_default(),
        };
        Snapshot::new(head, self.metrics.read(settings.rules.grain))
    }
}
