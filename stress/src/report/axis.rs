//! An axis: what stretch of values it shows, and where on it a value lies.
//!
//! A chart's own coordinates run from 0 to 1, and values are brought there here: a record
//! may hold anything, and a value that has no place on its axis (nothing on a logarithmic
//! one, what is too large to subtract) is left out before the drawing library sees it.

use super::words;
use crate::measure::Unit;

/// Values beyond it are no measurements.
const LARGEST: f64 = 1e18;
/// Below it, a logarithmic axis shows nothing.
const SMALLEST: f64 = 1e-9;
/// Values nearer to each other are one.
const TINY: f64 = 1e-15;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    log: bool,
    from: f64, // less than `to`; logarithms where `log`
    to: f64,
    /// Places from 0 to 1, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A logarithmic axis for `values`, in decades.
    pub(super) fn log(values: impl IntoIterator<Item = f64>, unit: Unit) -> Option<Self> {
        let (least, most) = ends(values.into_iter().filter(|&value| value >= SMALLEST))?;
        let (low, high) = (round_below(least), round_above(most));
        // One value alone stands in the middle of a decade.
        let (low, high) = if high / low < 3.0 { (low / 2.0, high * 2.0) } else { (low, high) };
        let (from, to) = (low.log10(), high.log10());
        let mut axis = Self { log: true, from, to, ticks: Vec::new() };
        let step = ((to - from) / 7.0).ceil().max(1.0);
        let parts: &[f64] = if to - from <= 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut decade = from.floor();
        while decade <= to {
            for part in parts {
                axis.tick(10_f64.powf(decade) * part, unit);
            }
            decade += step;
        }
        Some(axis)
    }

    /// A logarithmic axis from the least to the most of `values`, with its ticks at these.
    pub(super) fn log_at(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> =
            values.into_iter().filter(|value| (SMALLEST..=LARGEST).contains(value)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let (from, to) = (values.first()?.log10(), values.last()?.log10());
        let room = ((to - from) * 0.03).max(0.1);
        let mut axis = Self { log: true, from: from - room, to: to + room, ticks: Vec::new() };
        for value in values.into_iter().take(200) {
            axis.tick(value, Unit::Count);
        }
        Some(axis)
    }

    /// From the median on, so that each step to the right is a tenth of the calls before:
    /// values are 1 / (1 - q).
    pub(super) fn percentiles(most: f64) -> Self {
        // Room beyond the slowest call, and for what is written there.
        let to = most.clamp(10_000.0, LARGEST).log10() + 0.2;
        let mut axis = Self { log: true, from: 0.0, to, ticks: Vec::new() };
        for (at, name) in [
            (1.0, "fastest"),
            (2.0, "p50"),
            (10.0, "p90"),
            (100.0, "p99"),
            (1e3, "p99.9"),
            (1e4, "p99.99"),
            (1e5, "p99.999"),
            (1e6, "p99.9999"),
        ] {
            if let Some(place) = axis.place(at) {
                axis.ticks.push((place, name.to_owned()));
            }
        }
        axis
    }

    /// A linear axis that begins at nothing.
    pub(super) fn from_zero(values: impl IntoIterator<Item = f64>, unit: Unit) -> Option<Self> {
        let (least, most) = ends(values)?;
        Some(Self::linear(least.min(0.0), most.max(0.0), unit))
    }

    /// A linear axis from end to end.
    pub(super) fn between(values: impl IntoIterator<Item = f64>, unit: Unit) -> Option<Self> {
        let (least, most) = ends(values)?;
        Some(Self::exactly(least, most, unit))
    }

    fn linear(from: f64, to: f64, unit: Unit) -> Self {
        let step = step(to - from, unit);
        let to = if to - from > TINY { (to / step).ceil() * step } else { from + step };
        Self::exactly((from / step).floor() * step, to, unit)
    }

    fn exactly(from: f64, to: f64, unit: Unit) -> Self {
        let to = if to - from > TINY { to } else { from + from.abs().max(1.0) };
        let step = step(to - from, unit);
        let mut axis = Self { log: false, from, to, ticks: Vec::new() };
        let first = (from / step).ceil();
        for turn in 0..=12 {
            axis.tick((first + f64::from(turn)) * step, unit);
        }
        axis
    }

    fn tick(&mut self, value: f64, unit: Unit) {
        if let Some(place) = self.place(value) {
            self.ticks.push((place, words::tick(value, unit)));
        }
    }

    /// Where `value` lies, from 0 to 1; nowhere if it is not on the axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || value.abs() > LARGEST || self.log && value < SMALLEST {
            return None;
        }
        let value = if self.log { value.log10() } else { value };
        let place = (value - self.from) / (self.to - self.from);
        (-1e-9..=1.0 + 1e-9).contains(&place).then(|| place.clamp(0.0, 1.0))
    }

    /// The same, with what is beyond an end brought to it.
    pub(super) fn pushed(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let value = match self.log {
            true if value <= 0.0 => self.from,
            true => value.log10(),
            false => value,
        };
        Some(
            ((value.clamp(self.from, self.to) - self.from) / (self.to - self.from)).clamp(0.0, 1.0),
        )
    }

    /// The ticks, without those whose writing would run into the one before, where `room` is
    /// the axis' length and `of` the length of a text, both in the same unit.
    pub(super) fn apart(&self, room: f64, of: impl Fn(&str) -> f64) -> Vec<(f64, String)> {
        let mut ticks = self.ticks.clone();
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The last one is how far the axis goes: it is written before all others.
        let last = ticks.len().saturating_sub(1);
        let end = ticks.last().map_or(room, |(place, name)| place * room - of(name) / 2.0);
        let mut free = f64::NEG_INFINITY;
        for (at, (place, name)) in ticks.iter_mut().enumerate() {
            let (middle, half) = (*place * room, of(name) / 2.0);
            if at != last && (middle - half < free || middle + half > end) {
                name.clear();
            } else {
                free = middle + half;
            }
        }
        ticks
    }
}

/// The next of 1, 2, 5, 10, ... that is not above `value`.
fn round_below(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let part = [5.0, 2.0, 1.0].into_iter().find(|part| decade * part <= value * 1.000_001);
    decade * part.unwrap_or(1.0)
}

/// The next that is not below it.
fn round_above(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let part = [1.0, 2.0, 5.0].into_iter().find(|part| decade * part >= value * 0.999_999);
    decade * part.unwrap_or(10.0)
}

/// A round step that cuts `length` into four to eight.
fn step(length: f64, unit: Unit) -> f64 {
    let length = if length.is_finite() && length > TINY { length } else { 1.0 };
    if unit == Unit::Bytes && length >= 5.0 * 1024.0 {
        // Round in KiB, MiB or GiB.
        let prefix = 1024_f64.powf((length / 5.0).log(1024.0).floor());
        return prefix * step(length / prefix, Unit::Count);
    }
    let decade = 10_f64.powf((length / 5.0).log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| decade * times * 5.5 >= length);
    decade * times.unwrap_or(10.0)
}

fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite() && value.abs() <= LARGEST).fold(
        None,
        |ends, value| {
            let (least, most): (f64, f64) = ends.unwrap_or((value, value));
            Some((least.min(value), most.max(value)))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_an_axis_was_made_for_has_a_place_on_it() {
        for values in [
            vec![1.0],
            vec![0.0],
            vec![-5.0, 5.0],
            vec![3.0, 10_000.0],
            vec![1e-9, 1e18],
            vec![1e17, 1e17 + 16.0],
            vec![0.1, 0.2],
            vec![0.0, 5e-324],
            vec![5e-324],
        ] {
            let axes = [
                Axis::from_zero(values.clone(), Unit::Ns),
                Axis::between(values.clone(), Unit::S),
                Axis::log(values.clone(), Unit::CallsPerS),
                Axis::log_at(values.clone()),
            ];
            for axis in axes.into_iter().flatten() {
                assert!(axis.to > axis.from, "{axis:?}");
                assert!(axis.ticks.len() <= 24 && axis.ticks.iter().all(|t| t.0.is_finite()));
                for &value in &values {
                    assert!(axis.place(value).is_some() || axis.log && value <= 0.0, "{axis:?}");
                }
            }
        }
        assert_eq!(Axis::log([0.0, -1.0, f64::NAN, 1e300], Unit::Ns), None);
        assert_eq!(Axis::from_zero([], Unit::Ns), None);
    }

    #[test]
    fn what_is_not_on_an_axis_has_no_place() {
        let axis = Axis::log([1.0, 1000.0], Unit::Count).unwrap();
        for value in [0.0, -1.0, 0.5, 2000.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(axis.place(value), None, "{value}");
        }
        assert_eq!((axis.place(1.0), axis.place(1000.0)), (Some(0.0), Some(1.0)));
        assert_eq!((axis.pushed(0.0), axis.pushed(1e300)), (Some(0.0), Some(1.0)));
        let narrow = Axis::log([210.0, 390.0], Unit::Count).unwrap();
        let written: Vec<&str> = narrow.ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(written, ["100", "200", "500", "1,000"]);
        assert_eq!(axis.pushed(f64::NAN), None);
    }

    #[test]
    fn ticks_that_would_run_into_each_other_are_not_written() {
        let axis = Axis::log_at([1.0, 2.0, 4.0, 8.0, 1000.0]).unwrap();
        let written = |room| {
            let ticks = axis.apart(room, |text| text.len() as f64 * 7.0 + 6.0);
            assert_eq!(ticks.len(), 5);
            ticks.iter().filter(|(_, name)| !name.is_empty()).count()
        };
        let few = axis.apart(100.0, |text| text.len() as f64 * 7.0 + 6.0);
        assert_eq!(few.last().unwrap().1, "1,000", "how far the axis goes is always said");
        let bytes = Axis::from_zero([3.2e8], Unit::Bytes).unwrap();
        assert_eq!(bytes.ticks[1].1, "100 MiB");
        assert_eq!(written(700.0), 5);
        assert!((2..5).contains(&written(100.0)));
    }
}
