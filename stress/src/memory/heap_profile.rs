//! Where the heap goes, call stack by call stack, in the form that dhat's viewer reads.
//!
//! Only in a build with the feature `heap-profile`: its allocator notes the call stack of
//! every allocation, which makes all else useless.

#[cfg(not(feature = "heap-profile"))]
mod taken {
    use super::super::said::Plan;
    use crate::program::{Failure, Refusal};

    /// How it is had.
    const COMMAND: &str =
        "cargo run --release -p stress --features heap-profile -- memory --profile";

    pub(crate) fn refusal() -> Option<Refusal> {
        Some(Refusal(format!("--profile: not in this build; {COMMAND}")))
    }

    pub(crate) fn take(_: &Plan) -> Result<String, Failure> {
        Err(Failure(format!("this build cannot profile the heap; {COMMAND}")))
    }
}

#[cfg(feature = "heap-profile")]
mod taken {
    use std::sync::Arc;

    use super::super::crowd::Crowd;
    use super::super::said::Plan;
    use super::super::sizes::{Settings, failed, use_once};
    use crate::kinds::Kind;
    use crate::program::{Failure, Refusal};

    /// Breakers that nobody calls.
    const IDLE: u64 = 1_000;

    pub(crate) fn refusal() -> Option<Refusal> {
        None
    }

    /// Runs a breaker of each kind, and idle ones, under the profiler; all of them are there
    /// when it ends.
    pub(crate) fn take(plan: &Plan) -> Result<String, Failure> {
        let cannot = |error: std::io::Error| Failure(format!("the heap's profile: {error}"));
        let dir = tempfile::tempdir().map_err(cannot)?;
        let path = dir.path().join("profile");
        // It says on stderr that it has written, which nobody sees of this process.
        let profiler = dhat::Profiler::builder().file_name(&path).build();
        let idle = (0..IDLE).map(|index| Settings::Own.build(index)).collect::<Result<Vec<_>, _>>();
        let used = used(plan);
        drop(profiler);
        drop((idle?, used?));
        std::fs::read_to_string(&path).map_err(cannot)
    }

    fn used(plan: &Plan) -> Result<Vec<Arc<ampacity::CircuitBreaker>>, Failure> {
        let mut used = Vec::new();
        for kind in Kind::all() {
            let breaker = Arc::new(kind.build(kind.policy.name()).map_err(failed)?);
            let theirs = Arc::clone(&breaker);
            let step = move |_| use_once(&theirs);
            let mut crowd = Crowd::start(plan.crowd, plan.stack_kib, step)?;
            crowd.step()?;
            crowd.join();
            std::hint::black_box(breaker.snapshot());
            used.push(breaker);
        }
        Ok(used)
    }
}

pub(super) use taken::{refusal, take};
