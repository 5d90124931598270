//! The process that measures: nothing else runs in it, so that what it finds held is what
//! it made itself, to the byte.

use std::io::Write;

use super::said::{Plan, Said, Teller};
use super::{heap_profile, sizes, threads, waves};
use crate::kinds::Kind;
use crate::measure::{Better, Labels, Measure, Unit};
use crate::program::Failure;
use crate::system;

impl Plan {
    /// How often [`Said::Step`] will be said.
    pub(super) fn steps(&self) -> u64 {
        if self.profile {
            return 1;
        }
        // Idle, many, first calls, two rounds, waves of two kinds.
        5 + Kind::all().count() as u64 + 2 * u64::from(self.waves)
    }
}

/// Does all that the plan says, and tells it to `out`.
///
/// # Errors
///
/// Nobody listens any more.
pub(super) fn measure(plan: &Plan, out: impl Write) -> Result<(), Failure> {
    let mut teller = Teller::new(out);
    let end = match all(plan, &mut teller) {
        Ok(()) => Said::Done,
        Err(Failure(why)) => Said::Failed(why),
    };
    teller.say(&end)
}

fn all(plan: &Plan, teller: &mut Teller<impl Write>) -> Result<(), Failure> {
    if plan.profile {
        teller.doing("profiling the heap")?;
        let profile = heap_profile::take(plan)?;
        teller.say(&Said::Profile(profile))?;
        return teller.step();
    }
    sizes::idle(teller)?;
    sizes::in_use(plan, teller)?;
    threads::first_calls(plan, teller)?;
    threads::on_one(plan, teller)?;
    waves::waves(plan, teller)?;
    // Last, as the allocator keeps some of it.
    sizes::many(plan.breakers, teller)?;
    let peak = system::peak_memory_kib().map(|kib| (kib << 10) as f64);
    let name = "peak_resident_memory";
    teller.measure(Measure::new(name, Labels::new(), Unit::Bytes, Better::Lower, peak))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    /// What is exact holds of a process of its own only; `tests/memory.rs` looks at that.
    #[test]
    fn a_small_plan_is_told_line_by_line_to_its_end() {
        let plan = Plan {
            threads: 20,
            breakers: 300,
            waves: 4,
            wave_threads: 5,
            crowd: 10,
            stack_kib: 256,
            profile: false,
        };
        let mut out = Vec::new();
        measure(&plan, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let said: Vec<Said> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(matches!(said.last(), Some(Said::Done)), "{:?}", said.last());
        let steps = said.iter().filter(|said| matches!(said, Said::Step)).count();
        assert_eq!(steps as u64, plan.steps());
        let checks = said.iter().filter_map(|said| match said {
            Said::Check(check) => Some((check.name.as_str(), check.verdict)),
            _ => None,
        });
        let checks: Vec<_> = checks.collect();
        for name in ["every_call_is_counted", "no_thread_died"] {
            assert!(checks.contains(&(name, Verdict::Held)), "{checks:?}");
        }
    }

    #[test]
    fn it_ends_when_nobody_listens() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let plan = Plan {
            threads: 1,
            breakers: 1,
            waves: 4,
            wave_threads: 1,
            crowd: 1,
            stack_kib: 256,
            profile: false,
        };
        let Failure(why) = measure(&plan, Gone).unwrap_err();
        assert!(why.contains("nobody listens"), "{why}");
    }
}
