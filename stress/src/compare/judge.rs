//! One figure of two runs.

use serde::Serialize;

use crate::measure::{Better, Measure};
use crate::stats::rank_chance;

/// When a figure has moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The chance, at most, of such ranks if nothing had.
    pub(super) alpha: f64,
    /// The least change of the middle, as a part.
    pub(super) least: f64,
}

/// By how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Move {
    pub(super) before: f64,
    pub(super) after: f64,
    /// Of such ranks if nothing had moved; none where all is counted.
    pub(super) chance: Option<f64>,
}

impl Move {
    /// The change as a part of what it was.
    pub(super) fn part(self) -> f64 {
        if self.before == self.after {
            0.0
        } else if self.before == 0.0 {
            f64::INFINITY.copysign(self.after)
        } else {
            (self.after - self.before) / self.before.abs()
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Judgement {
    Worse(Move),
    Better(Move),
    /// A figure that is neither better nor worse for it.
    Moved(Move),
    Still,
    /// So many repetitions could not show a move, however far.
    TooFew(usize),
    Doubted(String),
}

impl Judgement {
    pub(super) fn moved(&self) -> Option<Move> {
        match self {
            Self::Worse(by) | Self::Better(by) | Self::Moved(by) => Some(*by),
            _ => None,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Worse(_) => "WORSE",
            Self::Better(_) => "better",
            Self::Moved(_) => "moved",
            Self::Still => "as before",
            Self::TooFew(_) => "too few",
            Self::Doubted(_) => "doubted",
        }
    }
}

/// More repetitions than these are thinned: the test looks at every pair.
const MOST: usize = 1_000;

pub(super) fn judge(old: &Measure, new: &Measure, rule: Rule) -> Judgement {
    if let Some(doubt) = old.doubt.as_ref().or(new.doubt.as_ref()) {
        return Judgement::Doubted(doubt.clone());
    }
    let (old_samples, new_samples) = (thin(&old.samples), thin(&new.samples));
    let fewest = old_samples.len().min(new_samples.len());
    let (Some(before), Some(after)) = (old.median(), new.median()) else {
        return Judgement::TooFew(fewest);
    };
    let chance = if old.exact && new.exact {
        None
    } else {
        match (least_chance(&old_samples, &new_samples), rank_chance(&old_samples, &new_samples)) {
            (Some(least), Some(chance)) if least <= rule.alpha => Some(chance),
            _ => return Judgement::TooFew(fewest),
        }
    };
    let by = Move { before, after, chance };
    let certain = chance.is_none_or(|chance| chance <= rule.alpha);
    if !certain || by.part().abs() <= if chance.is_none() { 0.0 } else { rule.least } {
        return Judgement::Still;
    }
    match (new.better, after > before) {
        (Better::Neither, _) => Judgement::Moved(by),
        (Better::Lower, true) | (Better::Higher, false) => Judgement::Worse(by),
        (Better::Lower, false) | (Better::Higher, true) => Judgement::Better(by),
    }
}

/// That of ranks as far apart as so many could be.
fn least_chance(a: &[f64], b: &[f64]) -> Option<f64> {
    let low: Vec<f64> = (0..a.len()).map(|rank| rank as f64).collect();
    let high: Vec<f64> = (0..b.len()).map(|rank| (a.len() + rank) as f64).collect();
    rank_chance(&low, &high)
}

fn thin(samples: &[f64]) -> Vec<f64> {
    let step = samples.len().div_ceil(MOST).max(1);
    samples.iter().step_by(step).copied().filter(|sample| sample.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Labels, Unit};

    const RULE: Rule = Rule { alpha: 0.02, least: 0.05 };

    fn ns(samples: &[f64]) -> Measure {
        let mut one = Measure::new("ns", Labels::new(), Unit::Ns, Better::Lower, []);
        one.samples = samples.to_vec();
        one
    }

    const TEN: [f64; 5] = [9.9, 10.0, 10.2, 10.1, 10.3];
    const TWELVE: [f64; 5] = [11.9, 12.0, 12.2, 12.1, 12.3];

    #[test]
    fn a_figure_all_of_whose_repetitions_are_beyond_the_others_has_moved_either_way() {
        let Judgement::Worse(by) = judge(&ns(&TEN), &ns(&TWELVE), RULE) else { panic!() };
        assert!((by.part() - 0.198).abs() < 0.001 && by.chance.unwrap() < 0.02, "{by:?}");
        assert!(matches!(judge(&ns(&TWELVE), &ns(&TEN), RULE), Judgement::Better(_)));
        let neither = |samples| Measure { better: Better::Neither, ..ns(samples) };
        assert!(matches!(judge(&neither(&TEN), &neither(&TWELVE), RULE), Judgement::Moved(_)));
        let more = |samples| Measure { better: Better::Higher, ..ns(samples) };
        assert!(matches!(judge(&more(&TEN), &more(&TWELVE), RULE), Judgement::Better(_)));
    }

    #[test]
    fn what_is_within_the_noise_or_small_is_still() {
        let noisy = [9.0, 12.9, 10.9, 10.4, 11.8];
        assert_eq!(judge(&ns(&TEN), &ns(&noisy), RULE), Judgement::Still);
        let hardly = TEN.map(|ns| ns + 0.45); // certain, and 4.5 %
        assert_eq!(judge(&ns(&TEN), &ns(&hardly), RULE), Judgement::Still);
        assert_eq!(judge(&ns(&TEN), &ns(&TEN), RULE), Judgement::Still);
    }

    #[test]
    fn too_few_repetitions_are_said_to_be_and_never_pass_for_still() {
        for few in [0, 1, 3, 4] {
            let judged = judge(&ns(&TEN[..few]), &ns(&TWELVE[..few]), RULE);
            assert_eq!(judged, Judgement::TooFew(few));
        }
    }

    #[test]
    fn the_least_chance_is_that_of_ranks_that_do_not_meet() {
        let five = least_chance(&TEN, &TWELVE).unwrap();
        assert!((five - 0.012_185_78).abs() < 1e-6, "{five}");
    }

    #[test]
    fn counted_figures_move_by_one() {
        let counted = |count| ns(&[count]).exact();
        let judged = judge(&counted(115.0), &counted(116.0), RULE);
        assert!(matches!(judged, Judgement::Worse(Move { chance: None, .. })), "{judged:?}");
        assert_eq!(judge(&counted(115.0), &counted(115.0), RULE), Judgement::Still);
        let from_nothing = judge(&counted(0.0), &counted(1.0), RULE);
        assert!(matches!(from_nothing, Judgement::Worse(_)));
        // Times that happen to agree are no counts.
        assert_eq!(judge(&ns(&[115.0; 2]), &ns(&[116.0; 2]), RULE), Judgement::TooFew(2));
    }

    #[test]
    fn a_figure_that_its_run_doubts_is_not_judged() {
        let doubted = ns(&TWELVE).doubted(Some("oversubscribed".to_owned()));
        assert!(matches!(judge(&ns(&TEN), &doubted, RULE), Judgement::Doubted(_)));
    }

    #[test]
    fn samples_of_any_number_and_kind_are_judged_in_time() {
        let many: Vec<f64> = (0..200_000).map(f64::from).collect();
        assert_eq!(judge(&ns(&many), &ns(&many), RULE), Judgement::Still);
        let odd = [f64::NAN, f64::INFINITY, 1.0, 2.0];
        assert!(matches!(judge(&ns(&odd), &ns(&odd), RULE), Judgement::TooFew(2)));
        let huge = [f64::MAX, f64::MIN, 0.0, 1.0, -1.0];
        judge(&ns(&huge), &ns(&TEN), RULE);
    }
}
