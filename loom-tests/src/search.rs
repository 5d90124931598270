//! How a scenario is searched under each tool, and what is left out.

use std::sync::Arc;
#[cfg(ampacity_loom)]
use std::time::{Duration, Instant};

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
    /// Whether deep runs go further under loom.
    pub deeper: bool,
}

impl Bounds {
    /// Nothing is left out.
    pub const NONE: Bounds = Bounds {
        preemptions: None,
        rmw_loads: true,
        all_schedules: true,
        spurious: true,
        deeper: true,
    };
    /// Three threads have too many schedules to try them all.
    pub const THREE_THREADS: Bounds =
        Bounds { preemptions: Some(3), all_schedules: false, spurious: false, ..Bounds::NONE };
    /// The same, where three preemptions are left to the deep searches: half a minute each.
    pub const THREE_THREADS_SHORTLY: Bounds =
        Bounds { preemptions: Some(2), ..Bounds::THREE_THREADS };
}

/// Runs one scenario in every order that the tool can find within `bounds`, and
/// prints how many executions that were.
pub(crate) fn explore(role: &str, bounds: Bounds, scenario: impl Fn() + Send + Sync + 'static) {
    run_all(bounds, &Arc::new(scenario), |how, executions| {
        println!("explored {how}, {role}: {executions}");
    });
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

/// Whether searches go further than the gate has time for: with `LOOM_TESTS_DEEP=1`.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) fn is_deep() -> bool {
    std::env::var_os("LOOM_TESTS_DEEP").is_some_and(|deep| deep == "1")
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

/// One search under loom.
#[cfg(ampacity_loom)]
#[derive(Clone, Copy)]
struct Search {
    name: &'static str,
    rmw_loads: bool,
    spurious: bool,
    bound: Option<usize>,
}

#[cfg(ampacity_loom)]
impl Search {
    /// How many executions it takes, and whether it was given up at the limit.
    fn run(
        self,
        limit: Option<Duration>,
        scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    ) -> (u64, bool) {
        use ampacity::model::{set_rmw_loads, set_spurious_failures};
        let mut builder = loom_builder();
        // Not from the environment: unbounded unless a model says otherwise.
        builder.preemption_bound = self.bound;
        builder.max_duration = limit;
        let interval: usize = 1_000; // when it looks how long it took
        builder.checkpoint_interval = interval;
        set_rmw_loads(self.rmw_loads);
        // A test that asks for them has them in every search.
        let asked_for = set_spurious_failures(false);
        set_spurious_failures(asked_for || self.spurious);
        let began = Instant::now();
        let executions = counted(scenario, |scenario| builder.check(scenario));
        let is_late = limit.is_some_and(|limit| began.elapsed() >= limit);
        set_spurious_failures(asked_for);
        set_rmw_loads(false);
        // loom looks before it begins an execution whose number is a multiple.
        (executions, is_late && (executions + 1).is_multiple_of(interval as u64))
    }
}

/// Both ways: read-modify-write loads find the interleavings of a load and a
/// swap that loom otherwise skips, plain loads find what is stale. And once more, not as
/// far, with weak swaps that fail without a reason.
///
/// A deep run does all that to its end, as the gate does, and then goes further where there
/// is a bound: by a preemption, and to three of them.
#[cfg(ampacity_loom)]
fn run_all(
    bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    done: impl Fn(&str, String),
) {
    // So that it ends on some day. Of a search that is cut off the rest is unknown: loom
    // goes depth first.
    const FURTHER: Duration = Duration::from_secs(60);
    const SPURIOUS: Duration = Duration::from_secs(5); // of every test, there being so many
    let plain = Search {
        name: "plain loads",
        rmw_loads: false,
        spurious: false,
        bound: bounds.preemptions,
    };
    let by_rmw = Search { name: "RMW loads", rmw_loads: true, ..plain };
    let spurious = Search { name: "spurious", spurious: true, bound: Some(1), ..plain };
    let by_load = [bounds.rmw_loads.then_some(by_rmw), Some(plain)].into_iter().flatten();
    for search in by_load.clone().chain(bounds.spurious.then_some(spurious)) {
        let (executions, _) = search.run(None, scenario);
        done(&format!("loom, {}", search.name), executions.to_string());
    }
    if !is_deep() || !bounds.deeper {
        return;
    }
    for search in by_load.chain([spurious]) {
        let Some(most) = search.bound else { continue };
        let further = if search.spurious { 2..=2 } else { most + 1..=3.max(most + 1) };
        for bound in further {
            let most = if search.spurious { SPURIOUS } else { FURTHER };
            let (executions, is_cut_off) =
                Search { bound: Some(bound), ..search }.run(Some(most), scenario);
            let cut_off = if is_cut_off { " (cut off)" } else { "" };
            let how = format!("loom, deep, {}, {bound} preemptions", search.name);
            done(&how, format!("{executions}{cut_off}"));
            if is_cut_off {
                break;
            }
        }
    }
}

/// All schedules of two threads, with steps from one Acquire to the next; then
/// random ones of single accesses, uniform and by priority; and uniform ones with weak
/// swaps that fail without a reason. In a deep run there are more of the random ones, which
/// begin with those of the gate.
#[cfg(ampacity_shuttle)]
fn run_all(
    bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    done: impl Fn(&str, String),
) {
    use ampacity::model::{set_few_steps, set_spurious_failures};
    const ALL: usize = 2_000_000;
    let some = if is_deep() { 20_000 } else { 2_000 };
    if bounds.all_schedules {
        set_few_steps(true);
        let executions = counted(scenario, |run| shuttle::check_dfs(run, Some(ALL)));
        set_few_steps(false);
        let all = executions < ALL as u64;
        assert!(all, "{}too many schedules to search them all", model_runs::NOTHING_SHOWN);
        done("shuttle, all", executions.to_string());
    }
    let random = |how, run: &dyn Fn(Box<dyn Fn() + Send + Sync>)| {
        done(&at_random(how), counted(scenario, run).to_string());
    };
    let seed = 0x5eed;
    random("random", &|run| shuttle::check_random_with_seed(run, seed, some));
    random("by priority", &|run| {
        let scheduler = shuttle::scheduler::PctScheduler::new_from_seed(seed, 3, some);
        shuttle::Runner::new(scheduler, shuttle::Config::default()).run(run);
    });
    let asked_for = set_spurious_failures(true);
    random("spurious", &|run| shuttle::check_random_with_seed(run, seed, some / 4));
    set_spurious_failures(asked_for);
}

/// What random schedules are called, those of deep runs being more.
#[cfg(ampacity_shuttle)]
pub(crate) fn at_random(how: &str) -> String {
    format!("shuttle, {}{how}", if is_deep() { "deep, " } else { "" })
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
fn run_all(
    _bounds: Bounds,
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    done: impl Fn(&str, String),
) {
    const TIMES: u64 = 100;
    (0..TIMES).for_each(|_| scenario());
    done("plain threads", TIMES.to_string());
}
