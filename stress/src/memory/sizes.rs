//! Bytes a breaker: one that nobody calls, and one of each kind in use.

use std::fmt::Write as _;
use std::sync::Arc;

use ampacity::CircuitBreaker;

use super::crowd::Crowd;
use super::said::{Plan, Teller};
use crate::heap;
use crate::kinds::{Kind, Policy};
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::Failure;

/// Breakers of which the size of one is taken.
const FEW: u64 = 100;
/// Calls after a thread's first that may not allocate.
const CALLS: u64 = 3_000;

/// What an idle breaker was set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settings {
    /// `CircuitBreaker::new`, with a name that is static.
    Default,
    /// A name of twenty characters, and one setting.
    Own,
    /// The same with a policy.
    Kind(Kind),
}

impl Settings {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Own => "own",
            Self::Kind(kind) => kind.policy.name(),
        }
    }

    pub(super) fn build(self, index: u64) -> Result<CircuitBreaker, Failure> {
        let mut name = String::with_capacity(20);
        // A string takes all there is to write.
        let _ = write!(name, "breaker-{index:012}");
        let built = match self {
            Self::Default => Ok(CircuitBreaker::new("idle")),
            Self::Own => CircuitBreaker::builder(name).failure_threshold(3).build(),
            Self::Kind(kind) => kind.build(name),
        };
        built.map_err(failed)
    }
}

fn measure_idle(settings: &str, counted: &str, bytes: f64) -> Measure {
    let labels = labels([("settings", settings.to_owned()), ("counted", counted.to_owned())]);
    let measure = Measure::new("idle_breaker", labels, Unit::Bytes, Better::Lower, [bytes]);
    if counted == "heap" { measure.exact() } else { measure }
}

pub(super) fn failed(error: ampacity::ConfigError) -> Failure {
    Failure(format!("no breaker: {error}"))
}

/// One thread's calls on a breaker that they do not trip.
pub(super) fn use_once(breaker: &CircuitBreaker) {
    let _ = breaker.call(|| Ok::<_, ()>(()));
    let _ = breaker.call(|| Err::<(), _>(()));
    let _ = breaker.call(|| Ok::<_, ()>(()));
}

/// How many calls that is.
pub(super) const EACH: u64 = 3;

/// Breakers that nobody calls, their struct included.
pub(super) fn idle(teller: &mut Teller<impl std::io::Write>) -> Result<(), Failure> {
    teller.doing("idle breakers")?;
    let policies = Policy::ALL.map(|policy| {
        let kind = Kind::all().find(|kind| kind.policy == policy).unwrap_or(Kind::DEFAULT);
        Settings::Kind(kind)
    });
    let mut alike = Vec::new();
    let mut kept = 0;
    for settings in [Settings::Default, Settings::Own].into_iter().chain(policies) {
        drop(settings.build(0)?); // whatever is made once for all
        let before = heap::bytes();
        let mut all = Vec::with_capacity(FEW as usize);
        for index in 0..FEW {
            all.push(settings.build(index)?);
        }
        let bytes = heap::bytes().saturating_sub(before);
        if !bytes.is_multiple_of(FEW) {
            alike.push(format!("{}: {bytes} bytes for {FEW}", settings.name()));
        }
        drop(all);
        kept += heap::bytes().abs_diff(before);
        teller.measure(measure_idle(settings.name(), "heap", bytes as f64 / FEW as f64))?;
    }
    let shared = Arc::new(Settings::Own.build(0)?);
    let before = heap::bytes();
    drop(shared);
    let bytes = before.saturating_sub(heap::bytes());
    teller.measure(measure_idle("own_in_an_arc", "heap", bytes as f64))?;
    let detail = format!("{} that differ {}", alike.len(), few(&alike));
    teller.check("idle_breakers_of_one_kind_are_alike", alike.is_empty(), detail)?;
    teller.check("a_dropped_breaker_gives_all_back", kept == 0, format!("{kept} bytes kept"))?;
    teller.step()
}

/// Very many of them, all there at once.
pub(super) fn many(breakers: u64, teller: &mut Teller<impl std::io::Write>) -> Result<(), Failure> {
    teller.doing(format!("{breakers} idle breakers"))?;
    let size = usize::try_from(breakers).map_err(|error| Failure(error.to_string()))?;
    let before = teller.point("idle breakers")?;
    let mut all: Vec<CircuitBreaker> = Vec::new();
    all.try_reserve_exact(size)
        .map_err(|error| Failure(format!("--breakers {breakers}: {error}")))?;
    for index in 0..breakers {
        all.push(Settings::Own.build(index)?);
        if index % 100_000 == 99_999 {
            teller.point("idle breakers")?;
        }
    }
    let full = teller.point("idle breakers")?;
    let admitting = all.iter().filter(|breaker| breaker.would_admit()).count();
    drop(all);
    let after = teller.point("idle breakers")?;
    let bytes = full.heap.saturating_sub(before.heap);
    if let (Some(full), Some(before)) = (full.resident, before.resident) {
        let each = full.saturating_sub(before) as f64 / breakers as f64;
        teller.measure(measure_idle(Settings::Own.name(), "resident", each))?;
    }
    teller.check(
        "many_breakers_take_as_much_as_many_times_one",
        bytes.is_multiple_of(breakers) && admitting == size,
        format!("{bytes} bytes for {breakers}, of which {admitting} would admit a call"),
    )?;
    let kept = after.heap.abs_diff(before.heap);
    teller.check("many_breakers_give_all_back", kept == 0, format!("{kept} bytes kept"))?;
    teller.step()
}

/// A breaker of each kind that threads have called: what goes when it is dropped.
pub(super) fn in_use(plan: &Plan, teller: &mut Teller<impl std::io::Write>) -> Result<(), Failure> {
    // As many threads at once as there will be, so that what the process keeps for
    // them is there.
    crowd(plan, Arc::new(Kind::DEFAULT.build("settled").map_err(failed)?))?;
    let (mut allocating, mut growing) = (Vec::new(), Vec::new());
    for kind in Kind::all() {
        let name = format!("{}, timing {}", kind.policy.name(), kind.timing());
        teller.doing(&*name)?;
        let one = kind.build("one").map_err(failed)?;
        use_once(&one);
        // Sampled calls find what they need at the first that is drawn.
        (0..CALLS).for_each(|_| use_once(&one));
        let before = heap::ever();
        (0..CALLS / EACH).for_each(|_| use_once(&one));
        let allocated = heap::ever() - before;
        if allocated > 0 {
            allocating.push(format!("{name}: {allocated} bytes"));
        }
        teller.measure(measure(kind, "1", held(one)))?;

        let many = Arc::new(kind.build("many").map_err(failed)?);
        crowd(plan, Arc::clone(&many))?;
        let first = heap::bytes();
        crowd(plan, Arc::clone(&many))?;
        let grown = heap::bytes().abs_diff(first);
        if grown > 0 {
            growing.push(format!("{name}: {grown} bytes"));
        }
        let Some(many) = Arc::into_inner(many) else {
            return Err(Failure("a thread that has ended holds on to its breaker".to_owned()));
        };
        teller.measure(measure(kind, &plan.crowd.to_string(), held(many)))?;
        teller.step()?;
    }
    let kinds = Kind::all().count();
    teller.check(
        "a_call_allocates_nothing",
        allocating.is_empty(),
        format!("{} of {kinds} kinds do {}", allocating.len(), few(&allocating)),
    )?;
    teller.check(
        "more_threads_add_nothing",
        growing.is_empty(),
        format!(
            "{} of {kinds} kinds grew with the second {} threads {}",
            growing.len(),
            plan.crowd,
            few(&growing)
        ),
    )
}

/// The first few, and that there are more.
fn few(faults: &[String]) -> String {
    let more = if faults.len() > 3 { ", ..." } else { "" };
    faults[..faults.len().min(3)].join(", ") + more
}

fn crowd(plan: &Plan, breaker: Arc<CircuitBreaker>) -> Result<(), Failure> {
    let mut crowd = Crowd::start(plan.crowd, plan.stack_kib, move |_| use_once(&breaker))?;
    crowd.step()?;
    crowd.join();
    Ok(())
}

/// What goes with a breaker, its struct included.
fn held(breaker: CircuitBreaker) -> u64 {
    let before = heap::bytes();
    drop(breaker);
    before.saturating_sub(heap::bytes()) + size_of::<CircuitBreaker>() as u64
}

fn measure(kind: Kind, callers: &str, bytes: u64) -> Measure {
    let labels = labels([
        ("policy", kind.policy.name().to_owned()),
        ("timing", kind.timing().to_owned()),
        ("callers", callers.to_owned()),
    ]);
    Measure::new("breaker_in_use", labels, Unit::Bytes, Better::Lower, [bytes as f64]).exact()
}
