//! The search itself.
//!
//! Four things keep it small, none of which loses a linearization if there is one:
//!
//! * **What changes nothing goes first.** An operation that may come next, that the model
//!   allows as it is, and that changes nothing now or at any later moment, is taken at once.
//!   In any linearization it can be moved here: it may come next, and the others see the
//!   same model without it. So there is nothing to go back to.
//! * **Of equals, the first to return.** Of operations that may come next with the same
//!   call, the same answer and the same times, only the one that returned first is tried.
//!   If a linearization takes another of them now, the two can change places: the one that
//!   goes later returned later, so that no fewer operations may stand before it.
//! * **Eras are left whole**: see [`Eras`].
//! * **Nothing is tried twice**: the same operations taken with the same model are a dead
//!   end the second time if they were one the first time (Lowe).

use super::entries::Entries;
use super::eras::Eras;
use super::{Bound, Order, Stuck, Verdict};
use crate::history::{Beside, Call, History, Operation, Results, Times};
use crate::model::{Model, View};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What is worked out once for each operation.
#[derive(Debug)]
struct Known {
    /// Its place in the history.
    place: usize,
    call: Call,
    returned: u64,
    times: Range<usize>,
    /// Equal for operations between which the model sees no difference.
    label: u32,
}

struct Search {
    known: Vec<Known>,
    times: Times,
    /// Nothing where the model does not ask for them.
    results: Option<Results>,
    entries: Entries,
    eras: Eras,
    /// Which are taken, as bits, and in which order.
    taken: Vec<u64>,
    order: Vec<usize>,
    model: Model,
    /// What has been tried.
    seen: HashSet<(Box<[u64]>, Model)>,
    furthest: Stuck,
    scratch: Vec<Model>,
    /// What is kept of the states so far, and how many models were made for them; of both,
    /// larger ones count for more.
    cost: u64,
    work: u64,
}

/// One, and more for a model with a long memory.
fn weight(model: &Model) -> u64 {
    1 + (model.len() / WORDS) as u64
}

/// A place to come back to.
struct Fork {
    /// How many were taken.
    taken: usize,
    /// The breaker there.
    model: Model,
    /// What may come next, in the order in which it is tried.
    first: Vec<usize>,
    /// How many of those have been tried: once for what leaves the era as it is, and then
    /// again for what ends it.
    tried: usize,
    /// What there may be after the last of them, the most likely last.
    after: Vec<Model>,
}

/// How many models may be made for one state of the bound.
const MODELS: u64 = 64;

/// So many words of memory weigh as much as one state.
const WORDS: usize = 128;

pub(super) fn search(history: &History, bound: Bound) -> Verdict {
    let mut search = Search::new(history);
    let mut forks: Vec<Fork> = Vec::new();
    loop {
        if search.arrive() {
            let states = search.seen.len() as u64;
            if search.is_done() {
                let order = search.places();
                return Verdict::Linearizable(Order { order, end: search.model, states });
            }
            forks.push(search.fork());
            if search.cost > bound.0 {
                return Verdict::GaveUp { states };
            }
        }
        loop {
            let Some(fork) = forks.last_mut() else {
                search.furthest.states = search.seen.len() as u64;
                return Verdict::NotLinearizable(search.furthest);
            };
            if search.work > bound.0.saturating_mul(MODELS) {
                return Verdict::GaveUp { states: search.seen.len() as u64 };
            }
            if let Some((operation, model)) = search.next_way(fork) {
                search.go_back_to(fork.taken);
                search.take(operation);
                search.model = model;
                break;
            }
            forks.pop();
        }
    }
}

impl Search {
    fn new(history: &History) -> Self {
        let operations = &history.operations;
        let times = Times::of(history.start.now(), operations);
        let by_window = matches!(history.start, Model::Window(_));
        let mut labels = HashMap::new();
        let known: Vec<Known> = (operations.iter().enumerate())
            .filter(|(_, operation)| !matches!(operation.call, Call::Clock(_)))
            .map(|(place, operation)| {
                let Operation { call, returned, .. } = *operation;
                let times = times.during(operation);
                // A window knows its results one by one.
                let which = if by_window { place } else { 0 };
                let next = labels.len() as u32;
                let label = *labels.entry((call, times.clone(), which)).or_insert(next);
                Known { place, call, returned, times, label }
            })
            .collect();
        let stamps: Vec<(u64, u64)> =
            known.iter().map(|known| (operations[known.place].invoked, known.returned)).collect();
        let model = history.start.clone();
        let furthest = Stuck { order: vec![], model: model.clone(), next: vec![], states: 0 };
        Search {
            taken: vec![0; known.len().div_ceil(64)],
            order: Vec::with_capacity(known.len()),
            entries: Entries::new(&stamps),
            eras: Eras::of(operations),
            seen: HashSet::new(),
            scratch: Vec::new(),
            cost: 0,
            work: 0,
            results: by_window.then(|| Results::of(operations)),
            known,
            times,
            model,
            furthest,
        }
    }

    fn is_done(&self) -> bool {
        self.order.len() == self.known.len()
    }

    fn places(&self) -> Vec<usize> {
        self.order.iter().map(|at| self.known[*at].place).collect()
    }

    /// Takes what changes nothing, and says whether this is new and not a dead end.
    fn arrive(&mut self) -> bool {
        self.take_idle();
        if self.order.len() >= self.furthest.order.len() {
            self.furthest.order = self.places();
            self.furthest.model = self.model.clone();
            self.furthest.next = self.entries.first().map(|at| self.known[at].place).collect();
        }
        !self.eras.are_left_before(self.model.era())
            && self.eras.fit(&self.model)
            && self.seen.insert((self.taken.clone().into(), self.model.clone()))
    }

    /// Takes every operation that may come next and changes nothing, until there is none.
    fn take_idle(&mut self) {
        loop {
            let mut judged: HashMap<u32, bool> = HashMap::new();
            let first: Vec<usize> = self.entries.first().collect();
            let before = self.order.len();
            for operation in first {
                let known = &self.known[operation];
                if !self.model.is_settled_by_now(&known.call) {
                    continue;
                }
                let label = known.label;
                let is_allowed = match judged.get(&label) {
                    Some(known) => *known,
                    None => self.allows(operation),
                };
                judged.insert(label, is_allowed);
                if is_allowed {
                    let mut after = std::mem::take(&mut self.scratch);
                    self.after(operation, &mut after);
                    self.model = after.swap_remove(0);
                    self.scratch = after;
                    self.take(operation);
                }
            }
            if self.order.len() == before {
                return;
            }
        }
    }

    /// Whether the model allows `operation` as it is, but for what it counts as too late.
    fn allows(&mut self, operation: usize) -> bool {
        let mut after = std::mem::take(&mut self.scratch);
        self.after(operation, &mut after);
        let allows = after.len() == 1 && after[0].era() == self.model.era();
        self.scratch = after;
        allows
    }

    /// What there may be after `operation` from here.
    fn after(&mut self, operation: usize, into: &mut Vec<Model>) {
        into.clear();
        self.after_from(&self.model, operation, into);
        self.work += into.iter().map(weight).sum::<u64>();
    }

    fn after_from(&self, model: &Model, operation: usize, into: &mut Vec<Model>) {
        let known = &self.known[operation];
        let place = known.place as u32;
        let view = View {
            place,
            times: self.times.values(known.times.clone()),
            beside: self.results.as_ref().map_or(Beside::NOTHING, |all| Beside::of(place, all)),
        };
        model.after(&known.call, view, into);
    }

    /// What can come next, by the return.
    fn fork(&mut self) -> Fork {
        let mut first: Vec<usize> = self.entries.first().collect();
        first.sort_unstable_by_key(|operation| self.known[*operation].returned);
        let mut labels = HashSet::new();
        first.retain(|operation| labels.insert(self.known[*operation].label));
        // What is kept of this state: here, and among what has been tried.
        let words = self.taken.len() + first.len() / 4;
        self.cost += weight(&self.model) + (words / WORDS) as u64;
        let model = self.model.clone();
        Fork { taken: self.order.len(), model, first, tried: 0, after: Vec::new() }
    }

    /// What to try next from `fork`.
    fn next_way(&mut self, fork: &mut Fork) -> Option<(usize, Model)> {
        let all = fork.first.len();
        loop {
            if let Some(model) = fork.after.pop() {
                return Some((fork.first[(fork.tried - 1) % all], model));
            }
            if fork.tried == 2 * all {
                return None;
            }
            let ends_era = fork.tried >= all;
            let operation = fork.first[fork.tried % all];
            fork.tried += 1;
            self.after_from(&fork.model, operation, &mut fork.after);
            self.work += 1 + fork.after.iter().map(weight).sum::<u64>();
            let era = fork.model.era();
            fork.after.retain(|model| (model.era() > era) == ends_era);
            fork.after.reverse();
        }
    }

    fn take(&mut self, operation: usize) {
        self.entries.take(operation);
        self.eras.take(&self.known[operation].call);
        self.taken[operation / 64] |= 1 << (operation % 64);
        self.order.push(operation);
    }

    fn go_back_to(&mut self, taken: usize) {
        while self.order.len() > taken
            && let Some(operation) = self.order.pop()
        {
            self.entries.put_back(operation);
            self.eras.put_back(&self.known[operation].call);
            self.taken[operation / 64] &= !(1 << (operation % 64));
        }
    }
}
