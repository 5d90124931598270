//! What a window must hold, from what was asked of the threads.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The form of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The policy looks at failures in a row only.
    None,
    /// The last so many results.
    Count(u64),
    /// Ten slices of [`SLICE`].
    Time,
}

pub(super) const SLICE: Duration = Duration::from_secs(1);
pub(super) const SLICES: u64 = 10;

/// Results of one phase; in which order they came, nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
}

/// What a window may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) calls: u64,
    pub(super) failed: RangeInclusive<u64>,
    pub(super) slow: RangeInclusive<u64>,
}

impl Bounds {
    pub(super) fn exactly(Batch { calls, failed, slow }: Batch) -> Self {
        Self { calls, failed: failed..=failed, slow: slow..=slow }
    }

    pub(super) fn holds(&self, window: &ampacity::Window) -> bool {
        window.calls == self.calls
            && self.failed.contains(&window.failed)
            && self.slow.contains(&window.slow)
    }
}

/// Results of one closed era.
#[derive(Clone, Debug)]
pub(super) struct Model {
    form: Form,
    /// With the slice in which they came.
    batches: Vec<(u64, Batch)>,
}

impl Model {
    pub(super) fn new(form: Form) -> Self {
        Self { form, batches: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.batches.clear();
    }

    pub(super) fn add(&mut self, now: Duration, batch: Batch) {
        self.batches.push((slice_of(now), batch));
    }

    /// What a window holds at `now`.
    pub(super) fn window(&self, now: Duration) -> Bounds {
        match self.form {
            Form::None => Bounds::exactly(Batch::default()),
            Form::Time => {
                let oldest = (slice_of(now) + 1).saturating_sub(SLICES);
                let recent = self.batches.iter().filter(|(slice, _)| *slice >= oldest);
                let sum = recent.fold(Batch::default(), |sum, (_, batch)| Batch {
                    calls: sum.calls + batch.calls,
                    failed: sum.failed + batch.failed,
                    slow: sum.slow + batch.slow,
                });
                Bounds::exactly(sum)
            }
            Form::Count(len) => self.last(len),
        }
    }

    fn last(&self, len: u64) -> Bounds {
        let mut sum = Bounds::exactly(Batch::default());
        for (_, batch) in self.batches.iter().rev() {
            let part = batch.calls.min(len - sum.calls);
            // Of a batch that is cut, the bad ones may be in either part.
            let left = batch.calls - part;
            let more = |of: &RangeInclusive<u64>, bad: u64| {
                of.start() + bad.saturating_sub(left)..=of.end() + bad.min(part)
            };
            sum = Bounds {
                calls: sum.calls + part,
                failed: more(&sum.failed, batch.failed),
                slow: more(&sum.slow, batch.slow),
            };
        }
        sum
    }
}

fn slice_of(now: Duration) -> u64 {
    now.as_secs() / SLICE.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(calls: u64, failed: u64) -> Batch {
        Batch { calls, failed, slow: 0 }
    }

    fn model(form: Form, batches: &[(u64, Batch)]) -> Model {
        Model { form, batches: batches.to_vec() }
    }

    #[test]
    fn a_time_window_is_its_slice_and_the_nine_before_it() {
        let time = model(Form::Time, &[(0, batch(5, 1)), (3, batch(7, 2))]);
        let at = |second| time.window(Duration::from_secs(second));
        assert_eq!(at(9), Bounds::exactly(batch(12, 3)));
        assert_eq!(at(10), Bounds::exactly(batch(7, 2)));
        assert_eq!(at(13), Bounds::exactly(batch(0, 0)));
    }

    #[test]
    fn a_count_window_is_exact_but_for_a_mixed_batch_that_it_cuts() {
        let of = |len, batches: &[Batch]| {
            let batches: Vec<_> = batches.iter().map(|&batch| (0, batch)).collect();
            model(Form::Count(len), &batches).window(Duration::ZERO)
        };
        assert_eq!(of(100, &[batch(30, 3)]), Bounds::exactly(batch(30, 3)));
        assert_eq!(of(100, &[batch(500, 0), batch(40, 40)]), Bounds::exactly(batch(100, 40)));
        let cut = of(100, &[batch(500, 49), batch(80, 0)]);
        assert_eq!((cut.calls, cut.failed), (100, 0..=20));
        let nearly = of(100, &[batch(101, 51)]);
        assert_eq!((nearly.calls, nearly.failed), (100, 50..=51));
    }
}
