//! All that a breaker shows of itself, and what it should show.

use super::expected::Expected;
use super::subject::Subject;
use crate::spec::{Counts, Figures, Latencies, Model, NAME, TICK, Turn};
use ampacity::{Event, Latency, Lifetime, Snapshot, State, Transitions};
use std::collections::BTreeMap;
use std::time::Duration;

type Edges = BTreeMap<(&'static str, &'static str), u64>;

/// What is to be seen of a breaker between two operations.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct View {
    name: String,
    state: State,
    era: u64,
    would_admit: bool,
    streak: u64,
    opens: u32,
    in_flight: u64,
    counts: Counts,
    lifetime: Counts,
    /// The shares of failures and of successes.
    rates: [Option<f64>; 2],
    edges: Edges,
    window: Figures,
    /// The shares of failures and of slow calls.
    window_rates: [Option<f64>; 2],
    /// Of successes, and of failures.
    latencies: [Latencies; 2],
    last_transition: Option<Duration>,
    /// Told, dropped, and listeners that panicked.
    events: [u64; 3],
    history: Vec<Turn>,
    /// Since the mark, if there is one: counts, edges, and how many calls were timed.
    lately: Option<(Counts, Edges, [u64; 2])>,
}

/// What the model was at some time, as far as later figures can be compared with it.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    counts: Counts,
    edges: Edges,
    samples: [u64; 2],
}

impl Marked {
    pub(super) fn of(model: &Model) -> Self {
        let samples = model.latencies.map(|latency| latency.samples);
        Marked { counts: model.counts, edges: model.edges.clone(), samples }
    }
}

impl View {
    /// What the breaker shows; an error where it says two things of itself.
    pub(super) fn of(subject: &Subject) -> Result<View, String> {
        let breaker = &subject.breaker;
        let snapshot = breaker.snapshot();
        let own = (breaker.state(), breaker.era(), breaker.name());
        if own != (snapshot.state, snapshot.era, snapshot.name.as_str()) {
            return Err(format!("{own:?}, and its snapshot says {snapshot:?}"));
        }
        let latency = &snapshot.latency;
        let lately = subject.mark().map(|mark| {
            let lately = snapshot.since(&mark);
            let samples = [&lately.latency.success, &lately.latency.failure];
            (counted(&lately), edges(&lately.transitions), samples.map(|latency| latency.samples))
        });
        let window = &snapshot.window;
        let events = snapshot.events;
        Ok(View {
            name: snapshot.name.clone(),
            state: snapshot.state,
            era: snapshot.era,
            would_admit: breaker.would_admit(),
            streak: snapshot.streak,
            opens: snapshot.opens,
            in_flight: snapshot.in_flight,
            counts: counted(&snapshot),
            lifetime: lifetime(&snapshot.lifetime),
            rates: [snapshot.failure_rate, snapshot.success_rate],
            edges: edges(&snapshot.transitions),
            window: Figures {
                calls: window.calls,
                failed: window.failed,
                slow: window.slow,
                hanging: window.hanging,
            },
            window_rates: [window.failure_rate, window.slow_call_rate],
            latencies: [
                timed(&latency.success, snapshot.last_success),
                timed(&latency.failure, snapshot.last_failure),
            ],
            last_transition: snapshot.last_transition,
            events: [events.told, events.dropped, events.panics],
            history: breaker.history().iter().map(turn).collect(),
            lately,
        })
    }

    /// What the model says that it should show.
    pub(super) fn expected(expected: &Expected) -> View {
        let Expected { model, desk, .. } = expected;
        let counts = (model.counts - model.before_reset).within_wholes();
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let results = counts.succeeded + counts.failed;
        let window = model.figures();
        let minimum = model.rules.judge.map_or(u64::MAX, |judge| judge.minimum);
        let window_rate = |part: u64| share(part, window.calls).filter(|_| window.calls >= minimum);
        let lately = expected.mark.as_ref().map(|mark| {
            let grown = |(edge, count): (&_, &u64)| {
                let count = count - mark.edges.get(edge).unwrap_or(&0);
                (count > 0).then_some((*edge, count))
            };
            let samples = |at: usize| model.latencies[at].samples - mark.samples[at];
            let edges = model.edges.iter().filter_map(grown).collect();
            (model.counts - mark.counts, edges, std::array::from_fn(samples))
        });
        View {
            name: NAME.to_owned(),
            state: model.state(),
            era: model.era,
            would_admit: model.would_admit(),
            streak: model.streak(),
            opens: model.opens(),
            in_flight: expected.in_hand() as u64,
            counts,
            lifetime: model.counts,
            rates: [share(counts.failed, results), share(counts.succeeded, results)],
            edges: model.edges.clone(),
            window,
            window_rates: [window_rate(window.failed), window_rate(window.slow)],
            latencies: model.latencies,
            last_transition: model.turned_at.map(|tick| Duration::from_nanos(tick * TICK)),
            events: [desk.told, 0, desk.panics],
            history: desk.kept.iter().cloned().collect(),
            lately,
        }
    }

    /// Draws the times of the last calls to those of another view, as far as a breaker may
    /// be late with them: where settings have changed, threads share a histogram.
    pub(super) fn allowed_for(mut self, expected: &View) -> View {
        for (mine, theirs) in self.latencies.iter_mut().zip(&expected.latencies) {
            if let (Some(seen), Some(last)) = (mine.last, theirs.last)
                && (seen..=seen + TICK).contains(&last)
            {
                mine.last = theirs.last;
            }
        }
        self
    }
}

fn turn(event: &Event) -> Turn {
    Turn {
        era: event.era,
        from: event.from,
        to: event.to,
        cause: event.cause.to_string(),
        at: event.at.as_nanos() as u64,
    }
}

fn edges(transitions: &Transitions) -> Edges {
    transitions.iter().map(|(from, to, count)| ((from.as_str(), to.as_str()), count)).collect()
}

fn timed(latency: &Latency, last: Option<Duration>) -> Latencies {
    let nanos = |time: Duration| time.as_nanos() as u64;
    Latencies {
        samples: latency.samples,
        sum: nanos(latency.sum()),
        ends: latency.min.map(nanos).zip(latency.max.map(nanos)),
        last: last.map(nanos),
    }
}

/// Those of a snapshot: since the last reset.
fn counted(snapshot: &Snapshot) -> Counts {
    lifetime(&{
        let mut counts = Lifetime::default();
        counts.admitted = snapshot.admitted;
        counts.succeeded = snapshot.succeeded;
        counts.failed = snapshot.failed;
        counts.panicked = snapshot.panicked;
        counts.ignored = snapshot.ignored;
        counts.cancelled = snapshot.cancelled;
        counts.stale = snapshot.stale;
        counts.rejected = snapshot.rejected;
        counts.fallbacks = snapshot.fallbacks;
        counts
    })
}

fn lifetime(counts: &Lifetime) -> Counts {
    let rejected = counts.rejected;
    Counts {
        admitted: counts.admitted,
        succeeded: counts.succeeded,
        failed: counts.failed,
        panicked: counts.panicked,
        ignored: counts.ignored,
        cancelled: counts.cancelled,
        stale: counts.stale,
        rejected: [rejected.open, rejected.half_open_full, rejected.forced_open],
        fallbacks: counts.fallbacks,
    }
}
