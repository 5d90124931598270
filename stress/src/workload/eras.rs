//! A breaker whose states come and go, on a clock that callers move: what each thread saw
//! of each era, and whether that is what a breaker may do.

use std::sync::Arc;

use ampacity::{Builder, CircuitBreaker, ConfigError, ManualClock, Permit, State};

use super::chain::{self, Edges, Faults, Rules};
use super::hand::{self, Hand};
use super::history::{History, MOST_ERAS, Seen, Verdict};
use super::steady::totals;
use super::tally::{Tally, stale};
use crate::program::Check;

/// The breaker, its clock, and what was seen of it.
pub(super) struct Eras {
    pub(super) breaker: Arc<CircuitBreaker>,
    pub(super) hand: Hand,
    pub(super) history: History,
    rules: Rules,
}

/// How an admitted call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Success,
    Failure,
    GiveBack,
}

impl Eras {
    /// A breaker by these rules, with what else `more` asks for.
    pub(super) fn new(
        name: &'static str,
        rules: Rules,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self, ConfigError> {
        let clock = ManualClock::new();
        let builder = CircuitBreaker::builder(name)
            .failure_threshold(rules.failures)
            .success_threshold(rules.successes)
            .half_open_permits(rules.permits)
            .open_for(hand::OPEN_FOR)
            .probe_lease(hand::LEASE)
            .clock(clock.clone());
        let breaker = Arc::new(more(builder).build()?);
        Ok(Self { breaker, hand: Hand::new(clock), history: History::new(), rules })
    }

    /// Notes a call that was admitted.
    pub(super) fn admitted(&self, permit: &Permit<'_>, tally: &mut Tally) {
        tally.admitted += 1;
        self.history.admitted(permit.era(), state(permit));
    }

    /// Ends an admitted call, and notes how before it ends.
    pub(super) fn settle(&self, permit: Permit<'_>, how: How, tally: &mut Tally) {
        let (era, before) = (permit.era(), self.breaker.era());
        let verdict = match how {
            _ if before != era => Verdict::Late,
            How::Success => Verdict::Passed,
            How::Failure => Verdict::Failed,
            How::GiveBack => Verdict::GivenBack,
        };
        self.history.settles(era, state(&permit), verdict);
        match how {
            How::Success => {
                permit.success();
                tally.succeeded += 1;
            }
            How::Failure => {
                permit.failure();
                tally.failed += 1;
            }
            How::GiveBack => {
                permit.ignore();
                tally.ignored += 1;
            }
        }
        tally.stale(stale(era, before, self.breaker.era()));
    }

    /// What every era was, at rest.
    fn read(&self) -> Vec<Seen> {
        let snapshot = self.breaker.snapshot();
        // The last era may have ended nobody's call yet. One that was made due after it was
        // seen open calls itself half-open, and is known already.
        if !self.history.was(snapshot.era, State::Open) {
            self.history.saw(snapshot.era, snapshot.state);
        }
        self.history.read(snapshot.era)
    }

    /// What has to hold, at rest, of a breaker that did what `tally` says.
    pub(super) fn judge(&self, tally: &Tally) -> (Vec<Check>, Vec<Seen>) {
        let snapshot = self.breaker.snapshot();
        let mut checks = vec![totals(tally.miscounts(&snapshot))];
        let eras = self.read();
        let found = chain::judge(&eras, &tally.unplaced, self.rules);
        let let_in: Vec<usize> = eras
            .iter()
            .enumerate()
            .filter(
                |(_, seen)| matches!(seen.state(), Err(states) if states.contains(&State::Open)),
            )
            .map(|(era, _)| era)
            .collect();
        let edges = Edges::of(&snapshot);
        let or = |fault: String, fine: String| if fault.is_empty() { fine } else { fault };
        let all = format!("{} edges", found.edges.total());
        // Of a long point the first eras are kept, and judged: the rest is only counted.
        let is_all = snapshot.era < MOST_ERAS;
        checks.extend([
            Check::judged(
                "an_open_breaker_admits_nobody",
                let_in.is_empty(),
                match let_in.first() {
                    Some(era) => format!("{} open eras let somebody in, era {era}", let_in.len()),
                    None => format!("{} eras", eras.len()),
                },
            ),
            Check::judged(
                "a_spell_never_has_more_probes_out_than_permits",
                found.too_many_out.count + found.too_many_admitted.count == 0,
                or(
                    both(&found.too_many_out, &found.too_many_admitted),
                    format!("at most {} of {} out", found.most_out, self.rules.permits),
                ),
            ),
            Check::judged(
                "the_chain_of_eras_has_no_gap",
                found.gaps.count == 0,
                or(found.gaps.text(), format!("{} eras", eras.len())),
            ),
            Check::judged(
                "only_legal_edges_each_with_its_cause",
                found.illegal.count + found.without_cause.count == 0,
                or(both(&found.illegal, &found.without_cause), all),
            ),
            Check::judged(
                "edges_are_as_counted",
                (edges == found.edges || !is_all) && edges.total() == snapshot.era,
                format!(
                    "{} in the chain, {} counted, era {}",
                    found.edges.total(),
                    edges.total(),
                    snapshot.era
                ),
            ),
        ]);
        (checks, eras)
    }
}

/// The first few faults of either kind.
fn both(one: &Faults, other: &Faults) -> String {
    let texts: Vec<String> =
        [one, other].into_iter().filter(|faults| faults.count > 0).map(Faults::text).collect();
    texts.join("; ")
}

fn state(permit: &Permit<'_>) -> State {
    if permit.is_probe() { State::HalfOpen } else { State::Closed }
}
