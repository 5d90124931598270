//! A breaker that trips and recovers all the time.
//!
//! Half of the calls fail, so that five in a row come every few dozen. Whoever is turned
//! away lends the clock a [hand](super::hand) now and then: a thread of its own, which
//! stepped it, would wait its turn behind ten thousand others. The books about each era
//! are a part of what a call costs here.

use std::sync::Arc;

use ampacity::{CircuitBreaker, Reason, State};

use super::chain::Rules;
use super::eras::{Eras, How};
use super::tally::Tally;
use super::{Actor, Scene};
use crate::program::{Check, Failure};
use crate::sample::Dice;
use crate::watchdog::Station;

const RULES: Rules = Rules { failures: 5, successes: 2, permits: 3 };

struct Flapping(Eras);

pub(super) fn build() -> Result<Arc<dyn Scene>, Failure> {
    let eras = Eras::new("flapping", RULES, |builder| builder)
        .map_err(|error| Failure(format!("flapping: {error}")))?;
    Ok(Arc::new(Flapping(eras)))
}

impl Scene for Flapping {
    fn enter<'a>(&'a self, index: usize, _station: &'a Station) -> Box<dyn Actor + 'a> {
        // Two threads' dice must not show the same, shifted.
        let mut dice = Dice((index as u64 + 1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        let dice = Dice(dice.next());
        Box::new(Caller { eras: &self.0, dice, tally: Tally::default() })
    }

    fn judge(&self, tally: &Tally) -> Vec<Check> {
        let (mut checks, _) = self.0.judge(tally);
        let turns = self.0.breaker.snapshot().transitions;
        let trips = turns.between(State::Closed, State::Open);
        let recoveries = turns.between(State::HalfOpen, State::Closed);
        let detail = format!("{trips} trips, {recoveries} recoveries");
        checks.push(match trips.min(recoveries) {
            0 => Check::not_reached("trips_and_recovers", detail),
            _ => Check::judged("trips_and_recovers", true, detail),
        });
        checks
    }

    fn dump(&self) -> String {
        format!("{:?}", self.0.breaker)
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        Some(&self.0.breaker)
    }
}

struct Caller<'a> {
    eras: &'a Eras,
    dice: Dice,
    tally: Tally,
}

impl Actor for Caller<'_> {
    fn calls(&mut self, calls: u64) {
        let Self { eras, dice, tally } = self;
        for _ in 0..calls {
            tally.calls += 1;
            let [end, hand, ..] = dice.next().to_le_bytes();
            match eras.breaker.try_acquire() {
                Ok(permit) => {
                    eras.admitted(&permit, tally);
                    // Of probes a few fail as well, so that spells end both ways.
                    let fails = if permit.is_probe() { end < 32 } else { end < 128 };
                    let how = if fails { How::Failure } else { How::Success };
                    eras.settle(permit, how, tally);
                }
                Err(rejected) => {
                    tally.rejected(rejected.reason());
                    match rejected.reason() {
                        Reason::Open if hand < 16 => {
                            eras.hand.pass_open(&eras.breaker, &eras.history);
                        }
                        // Its probes may wait for a core until all others have had one.
                        Reason::HalfOpenFull if hand == 0 => {
                            eras.hand.pass_lease(&eras.breaker, &eras.history);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn leave(self: Box<Self>) -> Tally {
        self.tally
    }
}
