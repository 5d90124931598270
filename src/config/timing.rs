//! Which calls are timed.

/// Which calls are timed, for the latencies in a [`Snapshot`](crate::Snapshot).
///
/// Counts are exact whatever is timed; a clock read takes longer than the rest of a
/// call. The first call in a thread's place is timed, but for `Off`; a later thread in
/// the same place goes on with the draw of the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Timing {
    /// No call is timed, and a closed breaker never reads the clock.
    Off,
    /// Every call is timed: two clock reads a call.
    Every,
    /// Each call is timed with a probability of one in so many, from 1 to 1,000,000,
    /// independently of all others, and then stands for as many.
    Sampled(u32),
    /// All calls of a thread are timed while they come more than about a microsecond
    /// apart, and one in 16, by chance, while they come faster. A slowdown is noticed at
    /// the next timed call, sixteen calls later on average. The default.
    #[default]
    Adaptive,
}

impl Timing {
    /// As in `Sampled(16)`, while calls come fast.
    const ADAPTIVE: u32 = 16;
    pub(super) const RAREST: u32 = 1_000_000;
}

/// How calls are drawn to be timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) timing: Timing,
    pub(crate) of: u32, // one in so many, from 1; in none, all ones
    /// 1 / ln(1 - 1 / of): turns the logarithm of a uniform number into a gap.
    pub(crate) scale: f64,
}

impl Draw {
    pub(crate) const ADAPTIVE: Draw = Draw {
        timing: Timing::Adaptive,
        of: Timing::ADAPTIVE,
        scale: -15.494_622_163_225_38, // no logarithm is `const`; a test computes it
    };

    pub(crate) fn of(timing: Timing) -> Draw {
        match timing {
            Timing::Sampled(of) => {
                Draw { timing, of, scale: (-1.0 / f64::from(of)).ln_1p().recip() }
            }
            Timing::Adaptive => Draw::ADAPTIVE,
            // Nothing is drawn.
            Timing::Off => Draw { timing, of: u32::MAX, scale: 0.0 },
            Timing::Every => Draw { timing, of: 1, scale: 0.0 },
        }
    }
}
