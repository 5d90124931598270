//! When a figure that is looked at from time to time drifts, and when that is a fault.
//!
//! The first tenth of the run is left out, in which caches fill and places are made. What
//! is left is halved: the halves differ beyond noise when a rank test (Mann and Whitney's,
//! two-sided) says so with p below [`NOISE`]. How much it drifts is Theil and Sen's slope,
//! the middle of the slopes between any two looks, which a few wild looks do not bend. Both
//! have to speak for it: a difference beyond noise, and a change over the run in the wrong
//! direction that is larger than its rule allows. Of too few looks nothing is judged.

use crate::stats::{Middle, rank_chance};

/// A difference that chance makes once in so many runs is none.
pub(super) const NOISE: f64 = 0.01;
/// Looks after the first tenth; of fewer than six and six the test cannot say so much.
pub(super) const FEWEST: usize = 12;
/// Of more, every second, third, ... is taken: both methods look at all pairs.
const MOST: usize = 1_000;

/// Which way is wrong, and by how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) figure: &'static str,
    pub(super) wrong: Wrong,
    /// The most it may change over the run: this share of what it was,
    pub(super) share: f64,
    /// or so much, if that is more.
    pub(super) at_least: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Up,
    Down,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drift {
    /// The middle of the earlier half.
    pub(super) was: f64,
    /// By the slope, from the first look to the last.
    pub(super) change: f64,
    pub(super) an_hour: f64,
    /// How likely the halves differ so much by chance.
    pub(super) p: f64,
    pub(super) allowed: f64,
    pub(super) fault: bool,
}

impl Rule {
    /// Judges looks at `(seconds, value)`, in order; none if they are too few.
    pub(super) fn judge(&self, looks: &[(f64, f64)]) -> Option<Drift> {
        let settled = looks.get(looks.len().div_ceil(10)..)?;
        let step = settled.len().div_ceil(MOST).max(1);
        let looks: Vec<(f64, f64)> = settled.iter().copied().step_by(step).collect();
        if looks.len() < FEWEST {
            return None;
        }
        let values: Vec<f64> = looks.iter().map(|look| look.1).collect();
        let (early, late) = values.split_at(values.len() / 2);
        let was = Middle::of(early.iter().copied())?.median;
        let slope = slope(&looks)?;
        let change = slope * (looks.last()?.0 - looks.first()?.0);
        let p = rank_chance(early, late)?;
        let allowed = (was.abs() * self.share).max(self.at_least);
        let wrong = match self.wrong {
            Wrong::Up => change > allowed,
            Wrong::Down => -change > allowed,
        };
        Some(Drift { was, change, an_hour: slope * 3_600.0, p, allowed, fault: wrong && p < NOISE })
    }
}

/// Theil and Sen's.
fn slope(looks: &[(f64, f64)]) -> Option<f64> {
    let slopes = looks.iter().enumerate().flat_map(|(at, from)| {
        looks[at + 1..].iter().map(move |to| (to.1 - from.1) / (to.0 - from.0))
    });
    Some(Middle::of(slopes.filter(|slope| slope.is_finite()))?.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Dice;

    const RULE: Rule = Rule { figure: "x", wrong: Wrong::Up, share: 0.05, at_least: 1.0 };

    /// A look a minute, with noise of up to 2 either way.
    fn looks(count: u32, value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let mut dice = Dice(7);
        (0..count)
            .map(|minute| {
                let at = f64::from(minute) * 60.0;
                (at, value(at) + dice.below(401) as f64 / 100.0 - 2.0)
            })
            .collect()
    }

    #[test]
    fn what_stays_is_no_drift_and_what_rises_beyond_noise_and_the_rule_is() {
        assert!(!RULE.judge(&looks(60, |_| 100.0)).unwrap().fault);
        let rising = RULE.judge(&looks(60, |at| 100.0 + at / 360.0)).unwrap();
        assert!(rising.fault && (rising.an_hour - 10.0).abs() < 2.0, "{rising:?}");
        // Beyond noise, and allowed.
        let slight = RULE.judge(&looks(600, |at| 100.0 + at / 36_000.0)).unwrap();
        assert!(!slight.fault && slight.p < NOISE, "{slight:?}");
    }

    #[test]
    fn the_other_direction_is_no_fault() {
        let falling = looks(60, |at| 100.0 - at / 360.0);
        assert!(!RULE.judge(&falling).unwrap().fault);
        assert!(Rule { wrong: Wrong::Down, ..RULE }.judge(&falling).unwrap().fault);
    }

    #[test]
    fn a_few_wild_looks_and_a_slow_start_are_no_drift() {
        let mut wild = looks(60, |_| 100.0);
        wild[55].1 = 900.0;
        wild[58].1 = 900.0;
        wild.iter_mut().take(6).for_each(|look| look.1 = 10.0);
        assert!(!RULE.judge(&wild).unwrap().fault);
    }

    #[test]
    fn of_too_few_looks_nothing_is_said_and_any_that_are_all_alike_are_no_drift() {
        assert_eq!(RULE.judge(&looks(13, |at| at)), None);
        assert!(RULE.judge(&looks(14, |at| at)).unwrap().fault);
        let alike: Vec<(f64, f64)> = (0..14).map(|at| (f64::from(at), 5.0)).collect();
        assert!(!RULE.judge(&alike).unwrap().fault);
        assert_eq!(RULE.judge(&[]), None);
    }

    #[test]
    fn a_week_of_looks_is_thinned_and_still_judged() {
        let week = looks(10_000, |at| 100.0 + at / 36_000.0);
        assert!(RULE.judge(&week).unwrap().fault);
    }
}
