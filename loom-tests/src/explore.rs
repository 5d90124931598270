//! How a scenario is run under each tool.

use crate::reached::Raced;
use crate::tool::thread;
use std::sync::Arc;

/// Whether searches go further than the gate has time for: with `LOOM_TESTS_DEEP=1`.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) fn is_deep() -> bool {
    std::env::var_os("LOOM_TESTS_DEEP").is_some_and(|deep| deep == "1")
}

/// What a search leaves out.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most times that loom takes the processor from a thread that could go
    /// on; `None` is no bound.
    pub preemptions: Option<usize>,
    /// Whether loom also runs with loads by read-modify-write.
    pub rmw_loads: bool,
    /// Whether shuttle searches all schedules.
    pub all_schedules: bool,
    /// Whether loom also runs with weak swaps that fail without a reason; shuttle always
    /// does, and so do deep searches.
    pub spurious: bool,
}

impl Bounds {
    /// Nothing is left out.
    pub const NONE: Bounds =
        Bounds { preemptions: None, rmw_loads: true, all_schedules: true, spurious: true };
    /// Three threads have too many schedules to try them all.
    pub const THREE_THREADS: Bounds =
        Bounds { preemptions: Some(3), rmw_loads: true, all_schedules: false, spurious: false };
    /// The same, where three preemptions are left to the deep searches: half a minute each.
    pub const THREE_THREADS_SHORTLY: Bounds =
        Bounds { preemptions: Some(2), ..Bounds::THREE_THREADS };
}

/// Runs `left` and `right` at once on what `setup` makes, and then `end` with what
/// they return, in every order that the tool can find.
///
/// Each of the two is run on the spawned thread in turn, because loom can skip
/// schedules when a load comes before a swap on the side that runs later.
pub fn race<S, L, R>(
    setup: fn() -> S,
    left: fn(&S) -> L,
    right: fn(&S) -> R,
    end: fn(&S, L, R),
) -> Raced
where
    S: Send + Sync + 'static,
    L: Send + 'static,
    R: Send + 'static,
{
    race_within(Bounds::NONE, setup, left, right, end)
}

/// As [`race`], where that would take too long or be wrong; the caller says why.
pub fn race_within<S, L, R>(
    bounds: Bounds,
    setup: fn() -> S,
    left: fn(&S) -> L,
    right: fn(&S) -> R,
    end: fn(&S, L, R),
) -> Raced
where
    S: Send + Sync + 'static,
    L: Send + 'static,
    R: Send + 'static,
{
    Raced::of(|| {
        explore("left last", bounds, move || {
            let (stage, left, rights) = play(setup, left, [right]);
            let [right] = rights;
            end(&stage, left, right);
        });
        explore("right last", bounds, move || {
            let (stage, right, lefts) = play(setup, right, [left]);
            let [left] = lefts;
            end(&stage, left, right);
        });
    })
}

/// As [`race`], with three actors of one kind, each of which goes last in turn.
pub fn race_of_three<S, T>(setup: fn() -> S, actors: [fn(&S) -> T; 3], end: fn(&S, [T; 3])) -> Raced
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    race_of_three_within(Bounds::THREE_THREADS, setup, actors, end)
}

/// As [`race_of_three`], where that would take too long or be wrong; the caller says why.
pub fn race_of_three_within<S, T>(
    bounds: Bounds,
    setup: fn() -> S,
    actors: [fn(&S) -> T; 3],
    end: fn(&S, [T; 3]),
) -> Raced
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    let [a, b, c] = actors;
    Raced::of(|| {
        for (role, last, [first, second]) in
            [("first last", a, [b, c]), ("second last", b, [a, c]), ("third last", c, [a, b])]
        {
            explore(role, bounds, move || {
                let (stage, last, others) = play(setup, last, [first, second]);
                let [first, second] = others;
                end(&stage, [last, first, second]);
            });
        }
    })
}

fn play<S, M, T, const N: usize>(
    setup: fn() -> S,
    here: fn(&S) -> M,
    there: [fn(&S) -> T; N],
) -> (Arc<S>, M, [T; N])
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    actor(0);
    let stage = Arc::new(setup());
    let mut slot = 0;
    let threads = there.map(|act| {
        let stage = Arc::clone(&stage);
        slot += 1;
        let slot = slot;
        thread::spawn(move || {
            actor(slot);
            act(&stage)
        })
    });
    let out = here(&stage);
    // An actor that fails has said why.
    let outs = threads.map(|thread| thread.join().expect("an actor failed"));
    (stage, out, outs)
}

/// Gives the calling thread the counters numbered `slot`; from 4 up, those that
/// threads share.
pub fn actor(slot: u32) {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    ampacity::model::assign_slot(slot);
    // Plain threads lease their slots, as in life.
    let _ = slot;
}

/// Runs what one thread does, once: the tool's atomics work nowhere else.
pub fn alone(scenario: fn()) {
    #[cfg(ampacity_loom)]
    loom_builder().check(scenario);
    #[cfg(ampacity_shuttle)]
    shuttle::check_random(scenario, 1);
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    scenario();
}

/// Runs one scenario in every order that the tool can find within `bounds`, and
/// prints how many executions that were.
fn explore(role: &str, bounds: Bounds, scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    for (how, executions) in run_all(bounds, &scenario) {
        println!("explored {how}, {role}: {executions}");
    }
}

/// Counts the executions of `scenario`.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
fn counted(
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    run: impl FnOnce(Box<dyn Fn() + Send + Sync>),
) -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    let executions = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&executions);
    let scenario = Arc::clone(scenario);
    run(Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        scenario();
    }));
    executions.load(Ordering::Relaxed)
}

#[cfg(ampacity_loom)]
fn loom_builder() -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000; // accesses in one execution; the default is 1,000
    builder
}

/// Both ways: read-modify-write loads find the interleavings of a load and a
/// swap that loom otherwise skips, plain loads find what is stale. And once more, not as
/// far, with weak swaps that fail without a reason.
#[cfg(ampacity_loom)]
fn run_all(
    bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
) -> Vec<(&'static str, u64)> {
    use ampacity::model::{set_rmw_loads, set_spurious_failures};
    let mut builder = loom_builder();
    if is_deep() {
        // So that it ends on some day: what takes longer is cut off.
        builder.max_duration = Some(std::time::Duration::from_secs(20));
        builder.checkpoint_interval = 1_000; // when it looks how long it took
    }
    // Not from the environment: unbounded unless a model says otherwise.
    let bound = bounds.preemptions.map(|most| most + usize::from(is_deep()));
    let spurious_bound = Some(if is_deep() { 2 } else { 1 });
    [
        ("loom, RMW loads", bound, true, false),
        ("loom, plain loads", bound, false, false),
        ("loom, spurious", spurious_bound, false, true),
    ]
    .into_iter()
    .filter(|&(_, _, rmw_loads, _)| bounds.rmw_loads || !rmw_loads)
    .filter(|&(_, _, _, spurious)| bounds.spurious || !spurious || is_deep())
    .map(|(how, bound, rmw_loads, spurious)| {
        builder.preemption_bound = bound;
        set_rmw_loads(rmw_loads);
        // A test that asks for them has them in every search.
        let asked_for = set_spurious_failures(false);
        set_spurious_failures(asked_for || spurious);
        let executions = counted(scenario, |scenario| builder.check(scenario));
        set_spurious_failures(asked_for);
        set_rmw_loads(false);
        (how, executions)
    })
    .collect()
}

/// All schedules of two threads, with steps from one Acquire to the next; then
/// random ones of single accesses, uniform and by priority; and uniform ones with weak
/// swaps that fail without a reason.
#[cfg(ampacity_shuttle)]
fn run_all(
    bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
) -> Vec<(&'static str, u64)> {
    use ampacity::model::{set_few_steps, set_spurious_failures};
    const ALL: usize = 2_000_000;
    let some = if is_deep() { 20_000 } else { 2_000 };
    let mut runs = Vec::new();
    if bounds.all_schedules {
        set_few_steps(true);
        let executions = counted(scenario, |run| shuttle::check_dfs(run, Some(ALL)));
        set_few_steps(false);
        assert!(executions < ALL as u64, "too many schedules to search them all");
        runs.push(("shuttle, all", executions));
    }
    let seed = 0x5eed;
    let executions = counted(scenario, |run| {
        shuttle::check_random_with_seed(run, seed, some);
    });
    runs.push(("shuttle, random", executions));
    let executions = counted(scenario, |run| {
        let scheduler = shuttle::scheduler::PctScheduler::new_from_seed(seed, 3, some);
        shuttle::Runner::new(scheduler, shuttle::Config::default()).run(run);
    });
    runs.push(("shuttle, by priority", executions));
    let asked_for = set_spurious_failures(true);
    let executions = counted(scenario, |run| {
        shuttle::check_random_with_seed(run, seed, some / 4);
    });
    set_spurious_failures(asked_for);
    runs.push(("shuttle, spurious", executions));
    runs
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
fn run_all(
    _bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
) -> Vec<(&'static str, u64)> {
    const TIMES: u64 = 100;
    (0..TIMES).for_each(|_| scenario());
    vec![("plain threads", TIMES)]
}
