//! The middle of some rounds, how far they lie apart, and whether two lots of them do.

use serde::Serialize;
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

/// The middle of some figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Middle {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Half the distance between the quartiles.
    pub(crate) spread: f64,
}

impl Middle {
    /// Of no figures there is none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 0.5)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
            spread: (quantile(&sorted, 0.75)? - quantile(&sorted, 0.25)?) / 2.0,
        })
    }
}

/// Between the two nearest figures, in proportion.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let at = q * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * at.fract())
}

/// Of ranks as far apart as these if both are of one kind, by the Mann-Whitney test.
///
/// By its normal approximation, which with few repetitions says a little too much rather
/// than too little. statrs 0.19's exact method says 1 less the chance where the first has
/// no more samples than the second, and goes through every order of the others.
pub(crate) fn rank_chance(a: &[f64], b: &[f64]) -> Option<f64> {
    // The test has no answer where all are alike.
    let first = a.first()?;
    if !b.is_empty() && a.iter().chain(b).all(|sample| sample == first) {
        return Some(1.0);
    }
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    mannwhitneyu(a, b, method, Alternative::TwoSided).ok().map(|(_, chance)| chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_that_of_the_sorted_figures() {
        let middle = Middle::of([5.0, 1.0, 2.0, 4.0, 3.0]).unwrap();
        assert_eq!((middle.median, middle.min, middle.max), (3.0, 1.0, 5.0));
        assert_eq!(middle.spread, 1.0);
        assert_eq!(Middle::of([1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Middle::of([7.0]).unwrap().spread, 0.0);
        assert_eq!(Middle::of([]), None);
    }

    /// The figures are scipy's (`mannwhitneyu`, asymptotic, with the correction).
    #[test]
    fn chances_are_those_of_the_reference_whichever_side_is_larger() {
        let cases: [(&[f64], &[f64], f64); 4] = [
            (&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0], 0.012_185_78),
            (&[6.0, 7.0, 8.0, 9.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0], 0.012_185_78),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0, 11.0], 0.008_113_12),
            (&[1.0, 3.0, 5.0, 7.0, 9.0], &[2.0, 4.0, 6.0, 8.0, 10.0], 0.676_103_31),
        ];
        for (a, b, expected) in cases {
            let found = rank_chance(a, b).unwrap();
            assert!((found - expected).abs() < 1e-6, "{a:?} {b:?}: {found}");
        }
    }
}
