//! The middle of some rounds, and how far they lie apart.

use serde::Serialize;

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
}
