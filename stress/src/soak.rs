//! `soak`: hours at a given load, and a look at everything once a minute.
//!
//! Threads call breakers of several kinds at a fixed rate, whatever becomes of the calls,
//! in weather that trips them and lets them recover, over and over. At every checkpoint a
//! thread comes and goes, all others stand still for a moment, and the breakers' counts
//! have to be what the threads did, exactly. A checkpoint is a line of `soak.jsonl` at once, so
//! that a run that is killed leaves all but the last.

mod books;
mod checkpoint;
mod crew;
mod drift;
mod journal;
mod mix;
mod pace;
mod report;

use std::time::{Duration, Instant};

use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::system::{self, Needs};
use crate::watchdog::Watchdog;
use checkpoint::{Auditor, Checkpoint};
use crew::{Crew, Load};
use journal::Journal;
use report::Outcome;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// The weather comes round about so often.
const CYCLE: Duration = Duration::from_secs(2);
/// More are more than anybody reads.
const MOST_CHECKPOINTS: u128 = 1_000_000;
/// Each thread has a histogram of its own.
const EACH_THREAD: u64 = 400 << 10;
const SHORTEST: Duration = Duration::from_millis(10);

/// The flags of `soak`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Go on for so many hours [default: 1; with --quick 3 s in all]
    #[arg(long, value_name = "H", value_parser = hours, conflicts_with_all = ["minutes", "lasting"])]
    pub hours: Option<Duration>,

    /// Go on for so many minutes
    #[arg(long, value_name = "M", value_parser = minutes, conflicts_with = "lasting")]
    pub minutes: Option<Duration>,

    /// Go on for so long: 90s, 2h 30m
    #[arg(long = "for", id = "lasting", value_name = "TIME", value_parser = duration)]
    pub lasting: Option<Duration>,

    /// Calls a second, of all threads
    #[arg(long, value_name = "N", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(10..=100_000_000))]
    pub rate: u32,

    /// Threads that call
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub threads: u32,

    /// From one checkpoint to the next [default: 1m; with --quick 200ms]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub every: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    // A sum of spans that does not fit makes it panic.
    if text.len() > 64 {
        return Err("longer than any time".to_owned());
    }
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    within(time)
}

fn hours(text: &str) -> Result<Duration, String> {
    number(text, 3_600.0)
}

fn minutes(text: &str) -> Result<Duration, String> {
    number(text, 60.0)
}

fn number(text: &str, seconds: f64) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let time = Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())?;
    within(time)
}

fn within(time: Duration) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);
    if time < SHORTEST || time > LONGEST {
        return Err("at least 10 ms, and at most a year".to_owned());
    }
    Ok(time)
}

/// Checks the flags against each other and against the system's limits.
///
/// # Errors
///
/// Too many checkpoints, or more threads than the system allows.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let (lasting, every) = match size {
        Size::Quick => (Duration::from_secs(3), Duration::from_millis(200)),
        _ => (Duration::from_secs(3_600), Duration::from_secs(60)),
    };
    let lasting = options.lasting.or(options.hours).or(options.minutes).unwrap_or(lasting);
    let every = options.every.unwrap_or(every);
    if lasting.as_nanos() / every.as_nanos() > MOST_CHECKPOINTS {
        return Err(Refusal(format!(
            "--every {}: more than {MOST_CHECKPOINTS} checkpoints in {}",
            humantime::format_duration(every),
            humantime::format_duration(lasting)
        )));
    }
    let threads = options.threads;
    let needs = Needs { threads: threads.into(), stack: EACH_THREAD, ..Needs::default() };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("--threads {threads}: {why}")));
    }
    Ok(Box::new(Soak { lasting, every, rate: options.rate, threads }))
}

#[derive(Clone, Copy, Debug)]
struct Soak {
    lasting: Duration,
    every: Duration,
    rate: u32,
    threads: u32,
}

impl Soak {
    /// The weather's, a whole number of which go into the time between two checkpoints, so
    /// that each has seen the same.
    fn cycle(&self) -> Duration {
        let times = self.every.as_nanos().div_ceil(CYCLE.as_nanos()).max(1);
        self.every / u32::try_from(times).unwrap_or(u32::MAX)
    }
}

impl Program for Soak {
    fn name(&self) -> &'static str {
        "soak"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut journal = Journal::begin(&ctx.dir)?;
        let cycle = self.cycle();
        let breakers = mix::breakers(cycle)?;
        let gap = Duration::from_secs(1) * self.threads / self.rate;
        let load = Load { breakers: breakers.clone(), cycle, gap, seed: ctx.seed };
        let most = (self.lasting.as_nanos() / self.every.as_nanos()) as usize + 2;
        let mut outcome = Outcome { looks: Vec::with_capacity(most), ..Outcome::default() };
        let mut auditor = Auditor::new(ctx.seed);
        let bar = ctx.bar("soak", u64::try_from(self.lasting.as_millis()).unwrap_or(u64::MAX));
        let mut crew = Crew::start(self.threads, load)?;
        let start = crew.start_time();
        let mut dog = Watchdog::new(start);
        let mut next = self.every;
        loop {
            let now = start.elapsed();
            let over = ctx.stop.requested() || now >= self.lasting;
            if dog.barks(crew.calls(), Instant::now()) {
                outcome.stalled = Some(format!("no call ended: {}", crew.whereabouts()));
                break;
            }
            if now >= next || over {
                next = now.max(next) + self.every;
                match auditor.look(&mut crew, &breakers) {
                    Ok(look) => {
                        journal.add(&look);
                        // A bar that nobody sees keeps what it would have printed.
                        if !bar.is_hidden() {
                            bar.println(report::line(&look));
                        }
                        outcome.looks.push(look);
                    }
                    Err(Failure(why)) => {
                        outcome.stalled = Some(why);
                        break;
                    }
                }
            }
            if over {
                break;
            }
            bar.set_position(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            std::thread::sleep(LOOK.min(next.saturating_sub(now)).min(self.lasting - now));
        }
        bar.finish_and_clear();
        outcome.partial = ctx.stop.requested();
        outcome.states = breakers
            .iter()
            .map(|breaker| format!("{} {} era {}", breaker.name(), breaker.state(), breaker.era()))
            .collect();
        if outcome.stalled.is_some() {
            // The threads are left where they stand; they end with the process.
            std::mem::forget(crew);
        } else {
            outcome.survived = crew.end();
        }
        Ok(report::section(self, outcome, &auditor, &journal))
    }
}

/// The last look, if there was one.
fn last(looks: &[Checkpoint]) -> Checkpoint {
    looks.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Stop, Verdict};

    fn soak(lasting_ms: u64) -> Soak {
        Soak {
            lasting: Duration::from_millis(lasting_ms),
            every: Duration::from_millis(50),
            rate: 20_000,
            threads: 3,
        }
    }

    #[test]
    fn times_are_read_as_people_write_them_and_nonsense_is_refused() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(hours("0.5"), Ok(Duration::from_secs(1_800)));
        assert_eq!(minutes("2"), Ok(Duration::from_secs(120)));
        for text in ["", "5", "-3s", "5 parsecs", "0s", "1ms", "400days", &"9y ".repeat(30)] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "-1", "NaN", "inf", "1e30", "0", "x"] {
            assert!(hours(text).is_err() && minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn weather_comes_round_a_whole_number_of_times_between_checkpoints() {
        for ms in [10, 50, 200, 1_999, 2_000, 2_001, 60_000, 3_600_000] {
            let every = Duration::from_millis(ms);
            let cycle = Soak { every, ..soak(1) }.cycle();
            assert!(cycle <= CYCLE && cycle >= Duration::from_millis(10), "{ms}: {cycle:?}");
            let rest = every.as_nanos() % cycle.as_nanos();
            assert!(rest < 1_000_000, "{ms}: {cycle:?}, {rest} ns left");
        }
    }

    #[test]
    fn a_short_soak_accounts_for_every_call_at_every_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Context::quiet(7, Stop::default(), dir.path());
        let section = soak(700).run(&ctx).unwrap();
        for check in &section.checks {
            // Memory is this process's, in which other tests run.
            let held = check.verdict == Verdict::Held || check.name.starts_with("no_drift");
            assert!(held, "{check:?}");
        }
        let names: Vec<&str> = section.checks.iter().map(|check| check.name.as_str()).collect();
        assert!(names.contains(&"every_call_is_accounted_for_at_every_checkpoint"), "{names:?}");
        let text = std::fs::read_to_string(dir.path().join(journal::NAME)).unwrap();
        let looks = section.figures["checkpoints"].as_u64().unwrap();
        assert_eq!(text.lines().count() as u64, looks);
        assert!(text.lines().all(|line| line.contains("\"accounts_agree\":true")));
    }

    #[test]
    fn ctrl_c_ends_it_with_a_last_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let stop = Stop::default();
        stop.request();
        let section = soak(3_600_000).run(&Context::quiet(7, stop, dir.path())).unwrap();
        assert!(section.partial);
        let text = std::fs::read_to_string(dir.path().join(journal::NAME)).unwrap();
        assert_eq!(text.lines().count(), 1);
    }
}
