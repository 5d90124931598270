//! Lanes: named groups of bits in a `u64`, declared once from the lowest up; and a hash.

use crate::planted::{Bug, planted};

/// A group of neighbouring bits. Widths are declared; shifts and masks follow.
#[derive(Clone, Copy)]
pub(crate) struct Lane {
    shift: u32, // in 0..64
    width: u32, // in 1..64
}

impl Lane {
    pub(crate) const fn lowest(width: u32) -> Self {
        Self { shift: 0, width }
    }

    /// The lane that begins where this one ends.
    pub(crate) const fn above(self, width: u32) -> Self {
        Self { shift: self.end(), width }
    }

    /// The first bit that no longer belongs to the lane.
    pub(crate) const fn end(self) -> u32 {
        self.shift + self.width
    }

    /// The largest value the lane holds.
    pub(crate) const fn max(self) -> u64 {
        (1 << self.width) - 1
    }

    /// How far `value` is ahead of `other`, two numbers that wrap where the lane ends: by
    /// the shorter way round, so negative behind it. Bits that the lane lacks do not count.
    pub(crate) const fn ahead(self, value: u64, other: u64) -> i64 {
        let spare = u64::BITS - self.width;
        (value.wrapping_sub(other) << spare).cast_signed() >> spare
    }

    pub(crate) const fn get(self, word: u64) -> u64 {
        (word >> self.shift) & self.max()
    }

    /// `word` with this lane set to `value`; what does not fit saturates, so
    /// that no lane ever carries into its neighbour.
    pub(crate) fn set(self, word: u64, value: u64) -> u64 {
        let value =
            if value > self.max() && !planted(Bug::Saturation) { self.max() } else { value };
        (word & !(self.max() << self.shift)) | (value << self.shift)
    }
}

/// A number that looks random for each `n`: the output function of SplitMix64
/// (Steele, Lea and Flood 2014) on a counter.
pub(crate) fn scatter(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Lane, scatter};
    use proptest::prelude::*;

    /// The first numbers of SplitMix64 seeded with 0, as others compute them too.
    #[test]
    fn numbers_are_scattered_as_splitmix64_does() {
        let scattered = [0, 1, 2, 3].map(scatter);
        let first = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!((scattered[0], &scattered[1..]), (0, &first[..]));
    }

    proptest! {
        #[test]
        fn a_lane_keeps_what_fits_saturates_and_leaves_its_neighbours_alone(
            low in 1u32..20, width in 1u32..40, word: u64, value: u64,
        ) {
            let below = Lane::lowest(low);
            let lane = below.above(width);
            let set = lane.set(word, value);
            prop_assert_eq!(lane.get(set), value.min(lane.max()));
            prop_assert_eq!(below.get(set), below.get(word));
            prop_assert_eq!(set >> lane.end(), word >> lane.end());
        }

        #[test]
        fn a_number_is_ahead_by_less_than_half_a_lap_or_behind_by_no_more_than_half(
            width in 1u32..40, other: u64, ahead: i64, more: u64,
        ) {
            let lane = Lane::lowest(3).above(width);
            let half = 1 << (width - 1);
            let ahead = ahead.rem_euclid(2 * half) - half;
            let value = other.wrapping_add_signed(ahead).wrapping_add(more << width);
            prop_assert_eq!(lane.ahead(value, other), ahead);
        }
    }
}
