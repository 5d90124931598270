//! Whether the eras that were seen make a history that a breaker may have.

use ampacity::{Snapshot, State};

use super::history::Seen;
use super::tally::Unplaced;

/// Transitions, by where from and where to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edges([[u64; State::ALL.len()]; State::ALL.len()]);

impl Edges {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut edges = Self::default();
        for (from, to, count) in snapshot.transitions.iter() {
            edges.0[from as usize][to as usize] = count;
        }
        edges
    }

    #[cfg(test)]
    fn between(&self, from: State, to: State) -> u64 {
        self.0[from as usize][to as usize]
    }

    fn add(&mut self, from: State, to: State) {
        self.0[from as usize][to as usize] += 1;
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().flatten().sum()
    }
}

/// Whether a breaker that nobody orders about may go from one state to the other.
fn is_legal(from: State, to: State) -> bool {
    use State::{Closed, HalfOpen, Open};
    matches!((from, to), (Closed, Open) | (Open, HalfOpen) | (HalfOpen, Closed | Open | HalfOpen))
}

/// How the breaker was set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Failures in a row that open it.
    pub(super) failures: u32,
    /// Successes that close it.
    pub(super) successes: u32,
    /// Probes of a spell.
    pub(super) permits: u32,
}

/// What was found; each list is empty if all is well.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Eras that nobody saw, or that were seen in several states.
    pub(super) gaps: Faults,
    /// Transitions that no breaker may make.
    pub(super) illegal: Faults,
    /// Eras with more probes out than there are permits.
    pub(super) too_many_out: Faults,
    /// Eras with more probes admitted than permits and places given back.
    pub(super) too_many_admitted: Faults,
    /// Transitions without the failures or successes that they need.
    pub(super) without_cause: Faults,
    /// The transitions of the chain.
    pub(super) edges: Edges,
    /// Half-open eras known only from what came before and after.
    pub(super) inferred: u64,
    /// Spells, that is, half-open eras.
    pub(super) spells: u64,
    /// Probes out at once, at most, in any spell.
    pub(super) most_out: u32,
    /// Probes whose era is known.
    pub(super) probes: u64,
    /// Of them, those that gave their place back.
    pub(super) given_back: u64,
}

/// How many faults there are, and the first few in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) count: u64,
    first: Vec<String>,
}

impl Faults {
    const SHOWN: usize = 3;

    fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(what());
        }
    }

    /// The first few, in a line.
    pub(super) fn text(&self) -> String {
        let more = self.count - self.first.len() as u64;
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        self.first.join("; ") + &more
    }
}

/// Judges eras 0 to the last.
///
/// `unplaced` are the calls that could not tell their era: each is known to have been
/// admitted in a range of them, and to have succeeded.
pub(super) fn judge(eras: &[Seen], unplaced: &[Unplaced], rules: Rules) -> Findings {
    let mut found = Findings::default();
    let covered = cover(eras.len(), unplaced);
    let states = states(eras, &covered, &mut found);

    for (era, (seen, &state)) in eras.iter().zip(&states).enumerate() {
        if seen.most_out > rules.permits {
            found
                .too_many_out
                .add(|| format!("era {era}: {} of {} out", seen.most_out, rules.permits));
        }
        let places = u64::from(rules.permits) + u64::from(seen.given_back);
        if u64::from(seen.admitted) > places {
            found
                .too_many_admitted
                .add(|| format!("era {era}: {} admitted to {places} places", seen.admitted));
        }
        found.spells += u64::from(state == Some(State::HalfOpen));
        found.most_out = found.most_out.max(seen.most_out);
        found.probes += u64::from(seen.admitted);
        found.given_back += u64::from(seen.given_back);
    }

    for (era, pair) in states.windows(2).enumerate() {
        let &[Some(from), Some(to)] = pair else {
            continue; // a gap, found already
        };
        found.edges.add(from, to);
        if !is_legal(from, to) {
            found.illegal.add(|| format!("era {era} to {}: {from} to {to}", era + 1));
        }
        let seen = eras[era];
        let (what, had, needed) = match (from, to) {
            (State::Closed, State::Open) => ("failures", seen.failed, rules.failures),
            (State::HalfOpen, State::Open) => ("failures", seen.failed, 1),
            (State::HalfOpen, State::Closed) => {
                ("successes", seen.passed + covered[era], rules.successes)
            }
            _ => continue,
        };
        if had < needed {
            found
                .without_cause
                .add(|| format!("era {era}: {from} to {to} after {had} {what} of {needed}"));
        }
    }
    found
}

/// The state of each era; `None` where it is not known.
///
/// A call without a permit tells its era by looking before and during the call. If the
/// era changes in between it may be the one that began a half-open era, and the only
/// one to know. Only that era can be missing: an open one is seen before it can end,
/// and a closed one by the failures that end it.
fn states(eras: &[Seen], covered: &[u32], found: &mut Findings) -> Vec<Option<State>> {
    let mut before = None;
    let mut states = Vec::with_capacity(eras.len());
    for (era, seen) in eras.iter().enumerate() {
        let begun_unseen =
            matches!(before, Some(State::Open | State::HalfOpen)) && covered[era] > 0;
        let state = match seen.state() {
            Ok(state) => Some(state),
            Err(several) if several.is_empty() && begun_unseen => {
                found.inferred += 1;
                Some(State::HalfOpen)
            }
            Err(several) => {
                found.gaps.add(|| match several.is_empty() {
                    true => format!("era {era}: seen by nobody"),
                    false => format!("era {era}: seen as {several:?}"),
                });
                None
            }
        };
        states.push(state);
        before = state;
    }
    states
}

/// How many of the calls that could not tell may have been admitted in each era.
fn cover(eras: usize, unplaced: &[Unplaced]) -> Vec<u32> {
    let mut covered = vec![0; eras];
    for call in unplaced {
        let range = covered.iter_mut().enumerate();
        let first = usize::try_from(call.first).unwrap_or(usize::MAX);
        let last = usize::try_from(call.last).unwrap_or(usize::MAX);
        for (_, count) in range.skip(first).take(last.saturating_sub(first).saturating_add(1)) {
            *count += 1;
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Closed, HalfOpen, Open};

    const RULES: Rules = Rules { failures: 5, successes: 2, permits: 3 };

    /// Two cycles, the first with a probe that failed, the second with one given back.
    fn good() -> Vec<Seen> {
        let closed = Seen { failed: 6, ..Seen::of(Closed) };
        let failed = Seen { admitted: 2, most_out: 2, failed: 1, ..Seen::of(HalfOpen) };
        let passed =
            Seen { admitted: 4, most_out: 3, given_back: 1, passed: 2, ..Seen::of(HalfOpen) };
        let open = Seen::of(Open);
        vec![closed, open, failed, open, passed, closed, open, passed, closed]
    }

    fn faults(eras: &[Seen]) -> [u64; 5] {
        let found = judge(eras, &[], RULES);
        [
            found.gaps.count,
            found.illegal.count,
            found.too_many_out.count,
            found.too_many_admitted.count,
            found.without_cause.count,
        ]
    }

    #[test]
    fn a_history_that_a_breaker_may_have_is_let_be() {
        let found = judge(&good(), &[], RULES);
        assert_eq!(faults(&good()), [0; 5]);
        assert_eq!(found.edges.between(HalfOpen, Closed), 2);
        assert_eq!(found.edges.total(), 8);
        assert_eq!((found.spells, found.most_out, found.given_back), (3, 3, 2));
    }

    #[test]
    fn an_era_that_nobody_saw_is_a_gap() {
        let mut eras = good();
        eras[3] = Seen::default();
        assert_eq!(faults(&eras), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn an_era_seen_in_two_states_is_a_gap_too() {
        let mut eras = good();
        eras[3].states |= Seen::of(Closed).states;
        assert_eq!(faults(&eras)[0], 1);
    }

    #[test]
    fn an_edge_that_is_left_out_makes_an_illegal_one() {
        let mut eras = good();
        eras.remove(1); // closed to half-open
        assert_eq!(faults(&eras), [0, 1, 0, 0, 0]);
        for (from, to) in [(Closed, Closed), (Open, Closed), (Open, Open)] {
            assert!(!is_legal(from, to), "{from} to {to}");
        }
        assert!(!is_legal(HalfOpen, State::ForcedOpen));
    }

    #[test]
    fn one_probe_too_many_out_is_found() {
        let mut eras = good();
        eras[4].most_out = 4;
        assert_eq!(faults(&eras), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn one_probe_admitted_too_many_is_found() {
        let mut eras = good();
        eras[4].admitted = 5;
        assert_eq!(faults(&eras), [0, 0, 0, 1, 0]);
    }

    #[test]
    fn a_transition_without_its_cause_is_found() {
        for (era, change) in [
            (0, Seen { failed: 4, ..good()[0] }),
            (2, Seen { failed: 0, ..good()[2] }),
            (4, Seen { passed: 1, ..good()[4] }),
        ] {
            let mut eras = good();
            eras[era] = change;
            assert_eq!(faults(&eras), [0, 0, 0, 0, 1], "era {era}");
        }
    }

    #[test]
    fn only_a_half_open_era_may_be_known_from_its_neighbours_and_only_with_a_witness() {
        let witness = Unplaced { first: 2, last: 5 };
        let unseen = |era: usize| {
            let mut eras = good();
            eras[era] = Seen { states: 0, ..eras[era] };
            judge(&eras, &[witness], RULES)
        };
        assert_eq!((unseen(2).inferred, unseen(2).gaps.count), (1, 0));
        assert_eq!(unseen(7).gaps.count, 1, "nobody was there");
        // Taken for half-open, an open or a closed one makes an illegal edge or none
        // that the breaker counted.
        let open = unseen(3);
        assert_ne!(open.edges, judge(&good(), &[], RULES).edges);
    }
}
