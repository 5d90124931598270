//! Lets every mutant meet the tests that come by its site, until one of them fails.

use crate::models::{Mutable, Mutant};
use model_runs::End;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Far more than any test of the code as it is needs.
const LIMIT: Duration = Duration::from_secs(240);

/// A test of the code as it is.
#[derive(Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// The numbers of the sites that it executes.
    pub sites: BTreeSet<usize>,
}

/// What became of a mutant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A test failed.
    Caught {
        /// Which.
        test: String,
        /// How long it took to.
        took: Duration,
        /// What it said.
        said: String,
    },
    /// No test failed, but this one did not end.
    Hung {
        /// Which.
        test: String,
        /// What it said.
        said: String,
    },
    /// All passed, but for those that gave up.
    Survived {
        /// How many tests come by.
        met: usize,
        /// The tests that gave up, and what they said.
        gave_up: Vec<(String, String)>,
    },
}

/// Runs each of these tests once, and calls `done` after each.
///
/// # Errors
///
/// If a test does not pass.
pub fn tests(
    models: &Mutable,
    names: &[String],
    done: impl Fn(&Test) + Sync,
) -> Result<Vec<Test>, String> {
    let tests = side_by_side(names, |_, name| {
        let (end, took, sites) = models.sites_of(name, LIMIT);
        let test = Test { name: name.clone(), took, sites };
        done(&test);
        (end, test)
    });
    let mut passed: Vec<Test> = tests
        .into_iter()
        .map(|(end, test)| match end {
            End::Passed => Ok(test),
            End::Asserted(said) | End::Crashed(said) | End::Hung(said) | End::GaveUp(said) => {
                Err(format!("{} without a mutant: {said}", test.name))
            }
        })
        .collect::<Result<_, _>>()?;
    passed.sort_by_key(|test| test.took);
    Ok(passed)
}

/// Lets each mutant meet the tests that execute its site, the quickest first. Calls `done`
/// after each mutant, with its place.
pub fn hunt(
    models: &Mutable,
    tests: &[Test],
    mutants: &[Mutant],
    done: impl Fn(usize, &Verdict) + Sync,
) -> Vec<Verdict> {
    side_by_side(mutants, |nth, mutant| {
        let meeting: Vec<&Test> =
            tests.iter().filter(|test| test.sites.contains(&mutant.site)).collect();
        let verdict = one(&meeting, |test| {
            // A weaker ordering has more executions: so many that the search has to be given up.
            models.meet(&test.name, *mutant, test.took * 5 + Duration::from_secs(20))
        });
        done(nth, &verdict);
        verdict
    })
}

fn one(tests: &[&Test], meet: impl Fn(&Test) -> (End, Duration)) -> Verdict {
    let mut hung = None;
    let mut gave_up = Vec::new();
    for test in tests {
        let name = test.name.clone();
        match meet(test) {
            (End::Passed, _) => {}
            (End::Asserted(said) | End::Crashed(said), took) => {
                return Verdict::Caught { test: name, took, said };
            }
            (End::Hung(said), _) => hung = hung.or(Some(Verdict::Hung { test: name, said })),
            (End::GaveUp(said), _) => gave_up.push((name, said)),
        }
    }
    hung.unwrap_or(Verdict::Survived { met: tests.len(), gave_up })
}

/// Does something with all items, on as many threads as there are cores.
fn side_by_side<T: Sync, R: Send>(items: &[T], each: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    // Relaxed: each number is had once, and that is all.
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(nth) else { return };
                    let result = each(nth, item);
                    done.lock().expect("nobody panics").push((nth, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panicked");
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(ends: &[End]) -> Verdict {
        let tests: Vec<Test> = (0..ends.len())
            .map(|nth| Test { name: nth.to_string(), took: Duration::ZERO, sites: BTreeSet::new() })
            .collect();
        one(&tests.iter().collect::<Vec<_>>(), |test| {
            (ends[test.name.parse::<usize>().unwrap()].clone(), Duration::ZERO)
        })
    }

    #[test]
    fn a_failure_counts_for_more_than_a_hang_and_a_hang_for_more_than_giving_up() {
        let said = || "said".to_owned();
        let (passed, failed) = (End::Passed, End::Asserted(said()));
        let (hung, gave_up) = (End::Hung(said()), End::GaveUp(said()));
        let caught = |verdict: Verdict| matches!(verdict, Verdict::Caught { .. });
        for failed in [failed, End::Crashed(said())] {
            assert!(caught(meet(&[hung.clone(), gave_up.clone(), passed.clone(), failed])));
        }
        let verdict = meet(&[gave_up.clone(), hung.clone(), hung]);
        assert_eq!(verdict, Verdict::Hung { test: "1".into(), said: said() });
        let verdict = meet(&[passed.clone(), gave_up]);
        assert_eq!(verdict, Verdict::Survived { met: 2, gave_up: vec![("1".into(), said())] });
        assert_eq!(meet(&[passed]), Verdict::Survived { met: 1, gave_up: vec![] });
    }

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(
            side_by_side(&items, |nth, item| (nth as u32, *item)),
            items.iter().map(|n| (*n, *n)).collect::<Vec<_>>()
        );
    }
}
