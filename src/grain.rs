//! How finely latencies are told apart: the buckets of a log-linear histogram.
//!
//! Each power of two is divided into as many buckets as the [`Grain`] says: 16 by
//! default, so that a bucket is at most a sixteenth of its lower bound wide and its
//! middle is within 1/32, 3.125 %, of anything in it. The scheme is that of
//! HdrHistogram (Gil Tene).

/// 2^42 ns is 1.2 h; what took longer is counted as overflow.
pub(crate) const TOP_BITS: u32 = 42;

/// How finely a power of two is divided: into 2^`bits` buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grain {
    bits: u32, // in 1..=8
}

impl Grain {
    pub(crate) const DEFAULT: Grain = Grain { bits: 4 };
    const FINEST: Grain = Grain { bits: 8 };

    /// The coarsest grain whose middles are within `error` of what is in their
    /// bucket, or the finest there is.
    pub(crate) fn within(error: f64) -> Grain {
        let fits = |&bits: &u32| Grain { bits }.error() <= error;
        (1..Self::FINEST.bits).find(fits).map_or(Self::FINEST, |bits| Grain { bits })
    }

    #[cfg(feature = "serde")]
    pub(crate) fn of_bits(bits: u32) -> Option<Grain> {
        (1..=Self::FINEST.bits).contains(&bits).then_some(Grain { bits })
    }

    #[cfg(feature = "serde")]
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    /// How far the middle of a bucket can be from what is in it, relatively.
    pub(crate) fn error(self) -> f64 {
        0.5 / f64::from(1 << self.bits)
    }

    pub(crate) fn buckets(self) -> usize {
        ((TOP_BITS - self.bits + 1) << self.bits) as usize
    }

    /// The bucket of a duration; [`buckets`](Self::buckets) and above is overflow.
    #[inline]
    pub(crate) fn index(self, nanos: u64) -> usize {
        let octave = (nanos | 1 << self.bits).ilog2() - self.bits; // how far its buckets are shifted
        ((u64::from(octave) << self.bits) + (nanos >> octave)) as usize
    }

    /// The shortest duration in a bucket, and the width of the bucket.
    fn span(self, index: usize) -> (u64, u64) {
        let index = index as u64;
        let octave = (index >> self.bits).saturating_sub(1);
        ((index - (octave << self.bits)) << octave, 1 << octave)
    }

    /// The shortest duration in a bucket.
    pub(crate) fn first(self, index: usize) -> u64 {
        self.span(index).0
    }

    /// The middle of a bucket.
    pub(crate) fn middle(self, index: usize) -> u64 {
        let (first, width) = self.span(index);
        first + width / 2
    }

    /// The longest duration in a bucket.
    pub(crate) fn last(self, index: usize) -> u64 {
        let (first, width) = self.span(index);
        first + (width - 1)
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap_from_nothing_to_the_top() {
        for bits in 1..=8 {
            let grain = Grain { bits };
            let mut next = 0;
            for at in 0..grain.buckets() {
                assert_eq!(grain.first(at), next, "bucket {at} of {grain:?}");
                for nanos in [grain.first(at), grain.middle(at), grain.last(at)] {
                    assert_eq!(grain.index(nanos), at);
                }
                next = grain.last(at) + 1;
            }
            assert_eq!(next, 1 << TOP_BITS);
            assert!(grain.index(1 << TOP_BITS) >= grain.buckets());
            assert!(grain.index(u64::MAX) >= grain.buckets());
        }
    }

    #[test]
    fn the_coarsest_grain_that_keeps_within_an_error_is_taken() {
        assert_eq!(Grain::within(0.032), Grain::DEFAULT);
        assert_eq!(Grain::within(0.25).bits, 1);
        assert_eq!(Grain::within(0.031).bits, 5);
        assert_eq!(Grain::within(0.002), Grain::FINEST);
        assert_eq!(Grain::DEFAULT.buckets(), 624);
    }

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_within_the_error_of_whatever_is_in_it(
            nanos in 0u64..1 << TOP_BITS, bits in 1u32..=8,
        ) {
            let grain = Grain { bits };
            let off = grain.middle(grain.index(nanos)).abs_diff(nanos);
            prop_assert!(off as f64 <= nanos as f64 * grain.error());
        }
    }
}
