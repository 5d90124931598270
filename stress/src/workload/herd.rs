//! A herd at an open breaker whose wait is over, again and again: it must admit exactly as
//! many probes as there are permits, whoever comes at the same time.
//!
//! Whoever is admitted keeps its permit until somebody is turned away because all are out;
//! then those who hold one fail, the breaker opens, and its wait is over at once. So a
//! spell cannot end before all its permits are out.

use std::sync::Arc;
use std::thread::yield_now;
use std::time::Duration;

use ampacity::{CircuitBreaker, Permit, Reason, State};

use super::chain::Rules;
use super::eras::{Eras, How};
use super::history::Seen;
use super::tally::Tally;
use super::{Actor, Scene};
use crate::program::{Check, Failure};
use crate::watchdog::{Place, Station};

/// Probes are given up by nobody: only a failure ends a spell.
const RULES: Rules = Rules { failures: 1, successes: 8, permits: 8 };
const LEASE: Duration = Duration::from_secs(1 << 28);

struct Herd {
    eras: Eras,
    /// The call that opened it.
    first: Tally,
}

pub(super) fn build() -> Result<Arc<dyn Scene>, Failure> {
    let wrong = |why: String| Failure(format!("half_open_herd: {why}"));
    let eras = Eras::new("half_open_herd", RULES, |builder| builder.probe_lease(LEASE))
        .map_err(|error| wrong(error.to_string()))?;
    let mut first = Tally { calls: 1, ..Tally::default() };
    let permit = eras.breaker.try_acquire().map_err(|error| wrong(error.to_string()))?;
    eras.admitted(&permit, &mut first);
    eras.settle(permit, How::Failure, &mut first);
    // What is stale is known here, not about: nobody else calls.
    eras.hand.pass_open(&eras.breaker, &eras.history);
    Ok(Arc::new(Herd { eras, first: Tally { maybe_stale: 0, ..first } }))
}

impl Scene for Herd {
    fn enter<'a>(&'a self, _index: usize, station: &'a Station) -> Box<dyn Actor + 'a> {
        let eras = &self.eras;
        Box::new(Caller { eras, station, held: Vec::new(), tally: Tally::default() })
    }

    fn judge(&self, tally: &Tally) -> Vec<Check> {
        let mut all = self.first.clone();
        all += tally.clone();
        let (mut checks, eras) = self.eras.judge(&all);
        let spells = eras.iter().filter(|seen| seen.state() == Ok(State::HalfOpen));
        // The last one may go on.
        let over = eras.split_last().map_or(&[][..], |(_, over)| over);
        let wrong: Vec<(usize, &Seen)> = over
            .iter()
            .enumerate()
            .filter(|(_, seen)| seen.state() == Ok(State::HalfOpen) && !is_exact(seen))
            .collect();
        let name = "a_spell_admits_exactly_its_permits";
        let spells = spells.count();
        checks.push(match (spells, wrong.first()) {
            (0, _) => Check::not_reached(name, "no spell"),
            (_, None) => {
                Check::judged(name, true, format!("{} in each of {spells} spells", RULES.permits))
            }
            (_, Some((era, seen))) => Check::judged(
                name,
                false,
                format!(
                    "{} of {spells} spells did not; era {era} admitted {}, {} given back",
                    wrong.len(),
                    seen.admitted,
                    seen.given_back
                ),
            ),
        });
        checks
    }

    fn dump(&self) -> String {
        format!("{:?}", self.eras.breaker)
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        Some(&self.eras.breaker)
    }
}

/// Whether a spell that is over admitted as many as it had permits, and perhaps again for
/// those that were given back: its end may have come first.
fn is_exact(seen: &Seen) -> bool {
    (RULES.permits..=RULES.permits + seen.given_back).contains(&seen.admitted)
}

struct Caller<'a> {
    eras: &'a Eras,
    station: &'a Station,
    /// All of one era.
    held: Vec<Permit<'a>>,
    tally: Tally,
}

impl Caller<'_> {
    fn settle_all(&mut self, how: How) {
        for permit in self.held.drain(..) {
            self.eras.settle(permit, how, &mut self.tally);
        }
        self.station.set(Place::Calling);
    }
}

impl Actor for Caller<'_> {
    fn calls(&mut self, calls: u64) {
        for _ in 0..calls {
            self.tally.calls += 1;
            match self.eras.breaker.try_acquire() {
                Ok(permit) => {
                    self.eras.admitted(&permit, &mut self.tally);
                    if self.held.first().is_some_and(|held| held.era() != permit.era()) {
                        self.settle_all(How::Failure); // too late
                    }
                    self.held.push(permit);
                    self.station.set(Place::Holding);
                    // The others are to come to the same spell.
                    yield_now();
                }
                Err(rejected) => {
                    self.tally.rejected(rejected.reason());
                    if !self.held.is_empty() {
                        self.settle_all(How::Failure);
                    } else if rejected.reason() == Reason::HalfOpenFull {
                        // Those who can end the spell may wait for a core.
                        yield_now();
                    }
                    if rejected.reason() == Reason::Open {
                        self.eras.hand.pass_open(&self.eras.breaker, &self.eras.history);
                    }
                }
            }
        }
    }

    fn leave(mut self: Box<Self>) -> Tally {
        self.settle_all(How::GiveBack);
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_with_a_probe_too_few_or_too_many_is_not_exact() {
        let seen =
            |admitted, given_back| Seen { admitted, given_back, ..Seen::of(State::HalfOpen) };
        let exact = [(7, 0), (8, 0), (9, 0), (8, 1), (9, 1), (10, 1)]
            .map(|(admitted, given_back)| is_exact(&seen(admitted, given_back)));
        assert_eq!(exact, [false, true, false, true, true, false]);
    }
}
