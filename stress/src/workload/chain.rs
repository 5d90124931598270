//! Whether the eras that were seen make a history that a breaker may have.

use ampacity::{Snapshot, State};

use super::history::Seen;
use super::tally::Unplaced;
use super::vouchers::Vouchers;

/// Transitions, by where from and where to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges([[u64; State::ALL.len()]; State::ALL.len()]);

impl Edges {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
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

    pub(crate) fn total(&self) -> u64 {
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
pub(crate) struct Rules {
    /// Failures in a row that open it.
    pub(crate) failures: u32,
    /// Successes that close it.
    pub(crate) successes: u32,
    /// Probes of a spell.
    pub(crate) permits: u32,
}

/// What was found; each list is empty if all is well.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Eras that nobody saw, or that were seen in several states.
    pub(crate) gaps: Faults,
    /// Transitions that no breaker may make.
    pub(crate) illegal: Faults,
    /// Eras with more probes out than there are permits.
    pub(crate) too_many_out: Faults,
    /// Eras with more probes admitted than permits and places given back.
    pub(crate) too_many_admitted: Faults,
    /// Transitions without the failures or successes that they need.
    pub(crate) without_cause: Faults,
    /// The transitions of the chain.
    pub(crate) edges: Edges,
    /// Half-open eras known only from what came before and after.
    pub(crate) inferred: u64,
    /// Spells, that is, half-open eras.
    pub(crate) spells: u64,
    /// Probes out at once, at most, in any spell.
    pub(crate) most_out: u32,
    /// Probes whose era is known.
    pub(crate) probes: u64,
    /// Of them, those that gave their place back.
    pub(crate) given_back: u64,
}

/// How many faults there are, and the first few in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) count: u64,
    first: Vec<String>,
}

impl Faults {
    const SHOWN: usize = 3;

    pub(crate) fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(what());
        }
    }

    /// Those of both.
    pub(crate) fn join(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(Self::SHOWN);
    }

    /// The first few, in a line.
    pub(crate) fn text(&self) -> String {
        let more = self.count - self.first.len() as u64;
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        self.first.join("; ") + &more
    }
}

/// Judges eras 0 to the last.
///
/// `unplaced` are the calls that could not tell their era: each is known to have been
/// admitted in a range of them, and to have succeeded.
pub(crate) fn judge(eras: &[Seen], unplaced: &[Unplaced], rules: Rules) -> Findings {
    let mut found = Findings::default();
    let known = known(eras, unplaced, rules, &mut found);

    for (era, (seen, known)) in eras.iter().zip(&known).enumerate() {
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
        found.spells += u64::from(known.state == Some(State::HalfOpen));
        found.most_out = found.most_out.max(seen.most_out);
        found.probes += u64::from(seen.admitted);
        found.given_back += u64::from(seen.given_back);
    }

    for (era, pair) in known.windows(2).enumerate() {
        let (Some(from), Some(to)) = (pair[0].state, pair[1].state) else {
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
                ("successes", seen.passed + pair[0].vouched, rules.successes)
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

/// What is known of an era in the end.
struct Known {
    /// `None` if it was seen in none or in several.
    state: Option<State>,
    /// Successes, beyond those that were seen, that calls vouch for; no more than needed.
    vouched: u32,
}

/// The state of each era.
///
/// A call without a permit tells its era by looking before and during the call. If the
/// era changes in between it may be the one that began a half-open era, and the only
/// one to know. Only that era can be missing: an open one is seen before it can end,
/// and a closed one by the failures that end it.
///
/// All such calls succeed, so that one may also be among the successes that closed the
/// breaker.
fn known(eras: &[Seen], unplaced: &[Unplaced], rules: Rules, found: &mut Findings) -> Vec<Known> {
    let mut vouchers = Vouchers::new(unplaced);
    let mut before = None;
    let mut all = Vec::with_capacity(eras.len());
    for (at, seen) in eras.iter().enumerate() {
        let era = at as u64;
        vouchers.go_on_to(era);
        let mut vouched = 0;
        let state = match seen.state() {
            Ok(state) => Some(state),
            Err(several) => {
                let may_be_spell = matches!(before, Some(State::Open | State::HalfOpen));
                let witness =
                    if several.is_empty() && may_be_spell { vouchers.take() } else { None };
                if let Some(last) = witness {
                    found.inferred += 1;
                    // One call, one era: the witness is at the same time its success.
                    vouched = u32::from(last == era);
                    Some(State::HalfOpen)
                } else {
                    found.gaps.add(|| match several.is_empty() {
                        true => format!("era {era}: seen by nobody"),
                        false => format!("era {era}: seen as {several:?}"),
                    });
                    None
                }
            }
        };
        let closes = eras.get(at + 1).is_some_and(|next| next.state() == Ok(State::Closed));
        if state == Some(State::HalfOpen) && closes {
            while seen.passed + vouched < rules.successes && vouchers.take_success() {
                vouched += 1;
            }
        }
        all.push(Known { state, vouched });
        before = state;
    }
    all
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

    /// The same, with nobody's note of the successes of eras 4 and 7.
    fn without_successes(one: u32, other: u32) -> Vec<Seen> {
        let mut eras = good();
        eras[4].passed = one;
        eras[7].passed = other;
        eras
    }

    fn without_cause(eras: &[Seen], ranges: &[(u64, u64)]) -> u64 {
        let unplaced: Vec<_> =
            ranges.iter().map(|&(first, last)| Unplaced { first, last }).collect();
        judge(eras, &unplaced, RULES).without_cause.count
    }

    #[test]
    fn a_call_excuses_one_missing_success_of_the_era_that_it_ended_in() {
        assert_eq!(without_cause(&without_successes(1, 2), &[(3, 4)]), 0);
        assert_eq!(without_cause(&without_successes(0, 2), &[(3, 4)]), 1, "two are missing");
        assert_eq!(without_cause(&without_successes(0, 2), &[(3, 4), (2, 4)]), 0);
    }

    #[test]
    fn a_call_with_a_wide_range_does_not_excuse_two_eras() {
        assert_eq!(without_cause(&without_successes(1, 1), &[(0, 7)]), 1);
        assert_eq!(without_cause(&without_successes(1, 1), &[(0, 4), (0, 7)]), 0);
        assert_eq!(without_cause(&without_successes(1, 2), &[(0, 8)]), 1, "it ended later");
    }

    #[test]
    fn a_call_that_vouches_for_an_unseen_spell_vouches_for_no_other() {
        let mut eras = good();
        eras[2].states = 0;
        eras[7] = Seen { states: 0, ..eras[7] };
        let judged = |calls: &[Unplaced]| {
            let found = judge(&eras, calls, RULES);
            (found.inferred, found.gaps.count)
        };
        let wide = Unplaced { first: 0, last: 8 };
        assert_eq!(judged(&[wide]), (1, 1));
        assert_eq!(judged(&[wide, wide]), (2, 0));
    }

    #[test]
    fn a_call_that_vouches_for_an_unseen_spell_is_one_of_its_successes() {
        let mut eras = without_successes(2, 1);
        eras[7].states = 0;
        assert_eq!(without_cause(&eras, &[(6, 7)]), 0);
        assert_eq!(without_cause(&eras, &[(6, 8)]), 1, "settled too late");
        eras[7].passed = 0;
        assert_eq!(without_cause(&eras, &[(6, 7)]), 1);
    }
}
