//! Random operations on a bounded registry, against a map. Which of several idle breakers has
//! to go is the registry's to choose: the model looks and learns.

use ampacity::{CircuitBreaker, Registry, RegistryError, State};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

const NAMES: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
    "t", "u", "v", "w", "x",
];

const CASES: u32 = 100;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Asks for a breaker that opens at so many failures, and maybe holds it.
    Make {
        name: usize,
        threshold: u32,
        hold: bool,
    },
    /// Asks for one with settings that cannot be, under another name, or by a function that
    /// panics.
    MakeBadly {
        name: usize,
        how: u8,
    },
    Remove(usize),
    Release(prop::sample::Index),
    Call {
        name: usize,
        fails: bool,
    },
    Listen(usize),
    ResetAll,
}

/// What there is under a name.
#[derive(Clone, Copy, Debug)]
struct Entry {
    threshold: u32,
    streak: u32,
    held: usize,
    is_listened_to: bool,
}

impl Entry {
    fn new(threshold: u32) -> Self {
        Entry { threshold, streak: 0, held: 0, is_listened_to: false }
    }

    fn is_idle(&self) -> bool {
        self.streak == 0 && self.held == 0 && !self.is_listened_to
    }

    fn state(&self) -> State {
        if self.streak >= self.threshold { State::Open } else { State::Closed }
    }
}

struct Pair {
    registry: Registry,
    capacity: usize,
    model: BTreeMap<&'static str, Entry>,
    held: Vec<(&'static str, Arc<CircuitBreaker>)>,
    /// How many had to go at once, at the most.
    gone_at_once: usize,
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        8 => (name(), 1..3u32, prop::bool::weighted(0.3))
            .prop_map(|(name, threshold, hold)| Step::Make { name, threshold, hold }),
        1 => (name(), 0..3u8).prop_map(|(name, how)| Step::MakeBadly { name, how }),
        2 => name().prop_map(Step::Remove),
        3 => any::<prop::sample::Index>().prop_map(Step::Release),
        4 => (name(), any::<bool>()).prop_map(|(name, fails)| Step::Call { name, fails }),
        1 => name().prop_map(Step::Listen),
        1 => Just(Step::ResetAll),
    ]
}

impl Pair {
    /// What a request with these settings comes to, and whether that is what it should.
    fn made(
        &mut self,
        name: &'static str,
        threshold: u32,
        got: Result<Arc<CircuitBreaker>, RegistryError>,
    ) -> Option<Arc<CircuitBreaker>> {
        match (self.model.get(name), got) {
            (Some(known), Ok(breaker)) if known.threshold == threshold => return Some(breaker),
            (Some(known), Err(RegistryError::Conflict { setting, .. })) => {
                assert_ne!(known.threshold, threshold);
                assert_eq!(setting, "failure_threshold");
            }
            (None, Err(RegistryError::Full { capacity })) => {
                assert_eq!((capacity, self.model.len()), (self.capacity, self.capacity));
                assert!(!self.model.values().any(Entry::is_idle), "{:?}", self.model);
            }
            (None, Ok(breaker)) => {
                if self.model.len() == self.capacity {
                    let is_gone = |name: &&str| self.registry.get(name).is_none();
                    let gone: Vec<_> = self.model.keys().copied().filter(is_gone).collect();
                    let idle = self.model.values().filter(|entry| entry.is_idle()).count();
                    let due = idle.min(self.capacity.div_ceil(16));
                    assert_eq!(gone.len(), due, "{gone:?} of {:?}", self.model);
                    self.gone_at_once = self.gone_at_once.max(due);
                    for name in gone {
                        let idle = self.model.remove(name).is_some_and(|entry| entry.is_idle());
                        assert!(idle, "{name} was in use");
                    }
                }
                self.model.insert(name, Entry::new(threshold));
                return Some(breaker);
            }
            (known, other) => panic!("{other:?}, but there is {known:?}"),
        }
        None
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Make { name, threshold, hold } => {
                let name = NAMES[name];
                let got = self.registry.get_or_create(name, |b| {
                    assert_eq!(self.registry.len(), self.model.len());
                    b.failure_threshold(threshold)
                });
                if let (Some(breaker), true) = (self.made(name, threshold, got), hold) {
                    self.held.push((name, breaker));
                    self.model.get_mut(name).expect("it was made").held += 1;
                }
            }
            Step::MakeBadly { name, how } => {
                let name = NAMES[name];
                let make = || {
                    self.registry.get_or_create(name, |b| match how {
                        0 => b.failure_threshold(0),
                        1 => CircuitBreaker::builder("another"),
                        _ => resume_unwind(Box::new("as it should")),
                    })
                };
                match (how, catch_unwind(AssertUnwindSafe(make))) {
                    (0, Ok(Err(RegistryError::Config(error)))) => {
                        assert_eq!(error.field(), "failure_threshold");
                    }
                    (1, Ok(Err(RegistryError::Renamed { .. }))) | (2, Err(_)) => {}
                    (_, other) => panic!("{other:?}"),
                }
            }
            Step::Remove(name) => {
                let removed = self.registry.remove(NAMES[name]).is_some();
                assert_eq!(removed, self.model.remove(NAMES[name]).is_some());
                // Whoever holds it goes on with it; it is nobody's business here any more.
                self.held.retain(|(held, _)| *held != NAMES[name]);
            }
            Step::Release(which) if !self.held.is_empty() => {
                let (name, _) = self.held.swap_remove(which.index(self.held.len()));
                self.model.get_mut(name).expect("what is held stays").held -= 1;
            }
            Step::Release(_) => {}
            Step::Call { name, fails } => {
                let (breaker, entry) =
                    (self.registry.get(NAMES[name]), self.model.get_mut(NAMES[name]));
                let (Some(breaker), Some(entry)) = (breaker, entry) else { return };
                match breaker.try_acquire() {
                    Ok(permit) if fails => {
                        permit.failure();
                        entry.streak += 1;
                    }
                    Ok(permit) => {
                        permit.success();
                        entry.streak = 0;
                    }
                    Err(_) => assert_eq!(entry.state(), State::Open),
                }
            }
            Step::Listen(name) => {
                if let Some(breaker) = self.registry.get(NAMES[name]) {
                    breaker.add_listener(|_| ());
                    self.model.get_mut(NAMES[name]).expect("it is there").is_listened_to = true;
                }
            }
            Step::ResetAll => {
                self.registry.reset_all();
                self.model.values_mut().for_each(|entry| entry.streak = 0);
            }
        }
    }

    fn compare(&self) {
        let registry = &self.registry;
        assert_eq!(
            (registry.len(), registry.is_empty()),
            (self.model.len(), self.model.is_empty())
        );
        let model = self.model.iter();
        let states: BTreeMap<String, State> =
            model.map(|(&name, entry)| (name.to_owned(), entry.state())).collect();
        let mut visited = BTreeMap::new();
        registry.for_each(|breaker| {
            visited.insert(breaker.name().to_owned(), breaker.state());
        });
        assert_eq!(visited, states);
        let snapshots = registry.snapshots().into_iter();
        assert_eq!(
            snapshots.map(|seen| (seen.name, seen.state)).collect::<BTreeMap<_, _>>(),
            states
        );
        assert_eq!(registry.to_vec().len(), states.len());
        for name in NAMES {
            assert_eq!(registry.get(name).is_some(), states.contains_key(name), "{name}");
        }
    }
}

#[test]
fn a_bounded_registry_is_a_map_that_lets_go_of_idle_breakers_only() {
    let capacity = prop_oneof![1..5usize, 17..20usize];
    let steps = prop::collection::vec(any_step(), 1..150);
    let gone_at_once = Cell::new(0);
    let run = |(capacity, steps): (usize, Vec<Step>)| {
        let registry = Registry::bounded(capacity).expect("not none");
        let (model, held) = (BTreeMap::new(), Vec::new());
        let mut pair = Pair { registry, capacity, model, held, gone_at_once: 0 };
        for step in steps {
            pair.step(step);
            pair.compare();
        }
        gone_at_once.set(pair.gone_at_once.max(gone_at_once.get()));
        Ok(())
    };
    let config = crate::machine::config(CASES, "registry");
    let cases = config.cases;
    if let Err(error) = TestRunner::new(config).run(&(capacity, steps), run) {
        panic!("{error}");
    }
    assert!(cases < CASES || gone_at_once.get() == 2, "never two at once");
}
