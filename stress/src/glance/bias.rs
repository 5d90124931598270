//! What sampling costs in accuracy: the same calls, all timed and some of them.
//!
//! Time is a clock moved by hand, so the answer is the same on any machine. Each load has
//! something that a careless choice of calls gets wrong: a heavy tail, bursts shorter
//! than any change of pace, a period as long as that of the sampling, and a pace that
//! changes together with the share of slow calls.

use std::time::Duration;

use ampacity::{CircuitBreaker, ConfigError, ManualClock, Timing};
use serde_json::{Value, json};

use crate::program::{Check, Stop, Table};
use crate::sample::Dice;

/// Calls of each load. Of the rarest slow ones, a sixteenth, 23,000 are then timed, so
/// that chance puts their share 0.6 % off, and 3 % is beyond it.
pub(super) const CALLS: u64 = 6_000_000;
/// A call is slow from here on; the bound of a bucket, so that a histogram can tell.
const SLOW: u64 = 512; // ns
const MOST_ERROR: f64 = 0.03;

const ONE_IN: u32 = 16;
const TIMINGS: [(Timing, &str); 3] = [
    (Timing::Every, "every"),
    (Timing::Sampled(ONE_IN), "sampled"),
    (Timing::Adaptive, "adaptive"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    HeavyTail,
    Bursts,
    Periodic,
    TwoPaces,
}

impl Load {
    const ALL: [Self; 4] = [Self::HeavyTail, Self::Bursts, Self::Periodic, Self::TwoPaces];

    fn name(self) -> &'static str {
        match self {
            Self::HeavyTail => "heavy_tail",
            Self::Bursts => "bursts",
            Self::Periodic => "periodic",
            Self::TwoPaces => "two_paces",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::HeavyTail => "heavy tail (Pareto)",
            Self::Bursts => "bursts of 1 to 16 slow",
            Self::Periodic => "every 16th slow",
            Self::TwoPaces => "pace and share change",
        }
    }
}

/// The calls of a load, one after the other.
struct Calls {
    load: Load,
    dice: Dice,
    nth: u64,
    /// Calls until the burst or the calm ends, and which it is.
    left: u64,
    burst: bool,
}

impl Calls {
    fn new(load: Load, seed: u64) -> Self {
        // The breaker's own draws come from the same function; a draw sets the two apart.
        let dice = Dice(Dice(seed).next());
        Self { load, dice, nth: 0, left: 0, burst: true }
    }

    /// In (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.dice.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// How long the next call takes, and how long it is until the one after it, in ns.
    fn next(&mut self) -> (u64, u64) {
        const QUICK: u64 = 100;
        const APART: u64 = 100;
        self.nth += 1;
        match self.load {
            // One in twelve is slow.
            Load::HeavyTail => ((64.0 * self.uniform().powf(-1.0 / 1.2)) as u64, APART),
            Load::Bursts => {
                if self.left == 0 {
                    self.burst = !self.burst;
                    self.left = 1 + self.dice.next() % if self.burst { 16 } else { 64 };
                }
                self.left -= 1;
                (if self.burst { 3_000 } else { QUICK }, APART)
            }
            Load::Periodic => {
                (if self.nth.is_multiple_of(ONE_IN.into()) { 600 } else { QUICK }, APART)
            }
            Load::TwoPaces => {
                let calm = self.nth / 10_000 % 2 == 1;
                let (share, apart) = if calm { (0.4, 4_000) } else { (0.1, APART) };
                (if self.uniform() < share { 600 } else { QUICK }, apart)
            }
        }
    }
}

/// What a breaker says about a load that it timed in one way.
#[derive(Clone, Debug)]
struct Measured {
    load: Load,
    timing: &'static str,
    calls: u64,
    timed: u64,
    slow_share: f64,
    slow_share_told: f64,
    percentiles: [Option<Duration>; PERCENTILES.len()],
}

const PERCENTILES: [f64; 3] = [0.5, 0.95, 0.99];

impl Measured {
    /// Relative to the true share.
    fn error(&self) -> f64 {
        self.slow_share_told / self.slow_share - 1.0
    }

    fn timed_share(&self) -> f64 {
        self.timed as f64 / self.calls as f64
    }
}

fn play(
    load: Load,
    (timing, name): (Timing, &'static str),
    calls: u64,
    seed: u64,
) -> Result<Measured, ConfigError> {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("bias").timing(timing).clock(clock.clone()).build()?;
    let mut load_calls = Calls::new(load, seed);
    let mut slow = 0;
    for _ in 0..calls {
        let (took, apart) = load_calls.next();
        slow += u64::from(took >= SLOW);
        // Nothing here fails.
        let _: Result<(), _> = breaker.call(|| {
            clock.advance(Duration::from_nanos(took));
            Ok::<(), ()>(())
        });
        clock.advance(Duration::from_nanos(apart));
    }
    let latency = breaker.snapshot().latency.success;
    let (mut all, mut told) = (latency.overflow, latency.overflow);
    for (longest, weight) in latency.buckets() {
        all += weight;
        told += if longest >= Duration::from_nanos(SLOW) { weight } else { 0 };
    }
    Ok(Measured {
        load,
        timing: name,
        calls,
        timed: latency.samples,
        slow_share: slow as f64 / calls as f64,
        slow_share_told: told as f64 / all as f64,
        percentiles: PERCENTILES.map(|share| latency.percentile(share)),
    })
}

/// All loads, timed in all ways.
#[derive(Debug, Default)]
pub(super) struct Bias(Vec<Measured>);

impl Bias {
    /// Plays `calls` calls of each load for each timing, until it is to stop.
    ///
    /// # Errors
    ///
    /// A breaker could not be built.
    pub(super) fn take(seed: u64, calls: u64, stop: &Stop) -> Result<Self, ConfigError> {
        let mut all = Vec::new();
        for load in Load::ALL {
            for timing in TIMINGS {
                if !stop.requested() {
                    all.push(play(load, timing, calls, seed)?);
                }
            }
        }
        Ok(Self(all))
    }

    fn sampled(&self) -> impl Iterator<Item = &Measured> {
        self.0.iter().filter(|one| one.timing != "every")
    }

    /// None if it was interrupted.
    pub(super) fn check(&self) -> Option<Check> {
        if self.0.len() < Load::ALL.len() * TIMINGS.len() {
            return None;
        }
        let name = "sampled_share_of_slow_calls_within_3_percent";
        let by_size = |a: &&Measured, b: &&Measured| a.error().abs().total_cmp(&b.error().abs());
        let worst = self.sampled().max_by(by_size)?;
        let detail = format!(
            "{:+.2} % at most, in {} with timing {}",
            worst.error() * 100.0,
            worst.load.name(),
            worst.timing
        );
        // What times nearly all calls estimates nothing.
        let periodic = |one: &&Measured| one.load == Load::Periodic;
        Some(match self.sampled().filter(periodic).find(|one| one.timed_share() > 0.1) {
            Some(one) => Check::not_reached(
                name,
                format!("timing {} timed {} of {} quick calls", one.timing, one.timed, one.calls),
            ),
            None => Check::judged(name, worst.error().abs() <= MOST_ERROR, detail),
        })
    }

    /// The same load with every call timed.
    fn full(&self, load: Load) -> Option<&Measured> {
        self.0.iter().find(|one| one.load == load && one.timing == "every")
    }

    /// Percentiles, as parts of those with every call timed.
    fn of_full(&self, one: &Measured) -> [Option<f64>; PERCENTILES.len()] {
        let full = self.full(one.load);
        std::array::from_fn(|at| {
            let (ours, all) = (one.percentiles[at]?, full?.percentiles[at]?);
            Some(ours.as_secs_f64() / all.as_secs_f64())
        })
    }

    /// For the record.
    pub(super) fn figures(&self) -> Value {
        let figures = |one: &Measured| {
            let [p50, p95, p99] = one.percentiles.map(|time| time.map(|time| time.as_nanos()));
            json!({
                "load": one.load.name(),
                "timing": one.timing,
                "calls": one.calls,
                "timed": one.timed,
                "slow_share": one.slow_share,
                "slow_share_told": one.slow_share_told,
                "error": one.error(),
                "p50_ns": p50,
                "p95_ns": p95,
                "p99_ns": p99,
            })
        };
        self.0.iter().map(figures).collect()
    }

    /// For people.
    pub(super) fn table(&self) -> Table {
        let row = |one: &Measured| {
            let mut cells = vec![
                format!("{}, {}", one.load.title(), one.timing),
                format!("{:.1} %", one.timed_share() * 100.0),
                format!("{:.3} %", one.slow_share * 100.0),
                format!("{:.3} %", one.slow_share_told * 100.0),
                format!("{:+.2} %", one.error() * 100.0),
            ];
            let part = |part: Option<f64>| part.map_or("-".to_owned(), |part| format!("{part:.3}"));
            cells.extend(self.of_full(one).map(part));
            cells
        };
        Table {
            title: "glance: what sampling costs in accuracy".to_owned(),
            head: ["load and timing", "timed", "slow", "told", "error", "p50", "p95", "p99"]
                .map(str::to_owned)
                .into(),
            rows: self.0.iter().map(row).collect(),
            notes: vec![
                format!("slow is {SLOW} ns or more; told is the share by the breaker's histogram"),
                "percentiles are parts of those with every call timed; time is moved by hand"
                    .to_owned(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    fn measured(timing: &'static str, timed: u64, told: f64) -> Measured {
        Measured {
            load: Load::Periodic,
            timing,
            calls: 1_000,
            timed,
            slow_share: 0.1,
            slow_share_told: told,
            percentiles: [None; 3],
        }
    }

    fn check(one: Measured) -> Check {
        let mut all = vec![measured("every", 1_000, 0.1); Load::ALL.len() * TIMINGS.len() - 1];
        all.push(one);
        Bias(all).check().unwrap()
    }

    #[test]
    fn the_share_of_slow_calls_is_judged_by_its_relative_error() {
        assert_eq!(check(measured("sampled", 62, 0.1029)).verdict, Verdict::Held);
        assert_eq!(check(measured("sampled", 62, 0.0969)).verdict, Verdict::Broken);
        assert!(check(measured("sampled", 62, 0.09)).detail.starts_with("-10.00 %"));
        assert!(Bias::default().check().is_none());
    }

    #[test]
    fn a_timing_that_times_nearly_everything_shows_nothing() {
        assert_eq!(check(measured("adaptive", 900, 0.1)).verdict, Verdict::NotReached);
    }

    #[test]
    fn sampled_loads_are_told_about_as_they_are() {
        let bias = Bias::take(7, 100_000, &Stop::default()).unwrap();
        assert_eq!(bias.check().unwrap().name, "sampled_share_of_slow_calls_within_3_percent");
        for one in &bias.0 {
            // A sixtieth of the calls of a run: eight times the error by chance.
            let most = if one.timing == "every" { 1e-9 } else { 0.25 };
            assert!(one.error().abs() <= most, "{one:?}");
            assert!(bias.of_full(one).iter().all(|part| part.is_some()));
        }
        assert!(bias.sampled().any(|one| one.timed_share() < 0.07));
        let table = bias.table();
        assert!(table.rows.iter().all(|row| row.len() == table.head.len()));
    }

    #[test]
    fn a_wish_to_stop_is_heeded() {
        let stop = Stop::default();
        stop.request();
        assert!(Bias::take(7, CALLS, &stop).unwrap().0.is_empty());
    }
}
