//! The trace that ships with the project, and the generator that made it.
//!
//! An hour of requests in the shape of a chat service: the rate goes up and down over
//! the hour and in bursts of seconds, prompts and answers have long tails. All of it is
//! integer arithmetic, so that every machine makes the same bytes.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::civil::DateTime;

use crate::trace::HEAD;

/// `data/sample.csv`, made by [`generate`] with [`SEED`].
pub const SAMPLE: &[u8] = include_bytes!("../data/sample.csv");

/// The seed of the committed sample.
pub const SEED: u64 = 1;

const REQUESTS: usize = 15_000;

/// Requests come at a whole number of these.
const STEP: Duration = Duration::from_millis(1);

/// Chance of a request in one step, in millionths, where the hour is quietest.
const QUIET: u64 = 3_300;

/// How much more there is at the busiest time; on average half of it.
const SWING: u64 = 1_200;

const SWING_STEPS: u64 = 30 * 60 * 1_000;

/// A burst doubles the chance for this long; its own chance is in millionths a step.
const BURST_STEPS: u64 = 3_000;
const BURST: u64 = 9;

/// Tokens at the percentiles 0, 10, 25, 50, 75, 90, 99, 100; straight lines between.
const PERCENTILES: [u64; 8] = [0, 10, 25, 50, 75, 90, 99, 100];
const CONTEXT: [u64; 8] = [3, 60, 250, 1_000, 1_500, 2_700, 4_100, 14_000];
const GENERATED: [u64; 8] = [6, 28, 70, 130, 330, 420, 600, 1_000];

/// Makes a trace, as the text of a file.
pub fn generate(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = HEAD.join(",") + "\n";
    let mut step = 0_u64;
    let mut burst_until = 0;
    let mut made = 0;
    while made < REQUESTS {
        if dice.below(1_000_000) < BURST {
            burst_until = step + BURST_STEPS;
        }
        // Down and up in straight lines, from the busiest time on.
        let part = step % SWING_STEPS;
        let height = SWING_STEPS - part.min(SWING_STEPS - part) * 2;
        let calm = QUIET + SWING * height / SWING_STEPS;
        let chance = if step < burst_until { 2 * calm } else { calm };
        if dice.below(1_000_000) < chance {
            line(&mut text, step, &mut dice);
            made += 1;
        }
        step += 1;
    }
    text
}

fn line(text: &mut String, step: u64, dice: &mut Dice) {
    const START: DateTime = DateTime::constant(2026, 1, 1, 0, 0, 0, 0);
    // The trace's clock counts in 100 ns.
    let at = Duration::from_nanos(step * STEP.as_nanos() as u64 + dice.below(10_000) * 100);
    let stamp = START.saturating_add(at);
    let context = dice.pick(&CONTEXT);
    let generated = dice.pick(&GENERATED);
    let fraction = stamp.subsec_nanosecond() / 100;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{}.{fraction:07},{context},{generated}",
        stamp.strftime("%Y-%m-%d %H:%M:%S")
    );
}

/// SplitMix64: the sample must not change because a crate of random numbers did.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, every one as likely as the next to one part in 2^40.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A value of the distribution with these percentiles.
    fn pick(&mut self, values: &[u64; 8]) -> u64 {
        const FINE: u64 = 1_000;
        let rank = self.below(100 * FINE);
        let piece = (1..7).find(|&i| rank < PERCENTILES[i] * FINE).unwrap_or(7);
        let (low, high) = (PERCENTILES[piece - 1] * FINE, PERCENTILES[piece] * FINE);
        let rise = values[piece] - values[piece - 1];
        values[piece - 1] + rise * (rank - low) / (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;

    #[test]
    fn the_committed_sample_is_what_the_generator_makes() {
        assert!(
            generate(SEED).as_bytes() == SAMPLE,
            "run `cargo run -p stress -- sample > stress/data/sample.csv`"
        );
    }

    #[test]
    fn the_sample_is_about_an_hour_of_traffic_in_order() {
        let trace = Trace::parse("sample", SAMPLE).unwrap();
        assert_eq!(trace.arrivals().len(), REQUESTS);
        assert!((3_300..3_900).contains(&trace.span().as_secs()), "{:?}", trace.span());
        assert!(trace.arrivals().is_sorted_by_key(|arrival| arrival.at));
    }

    #[test]
    fn another_seed_makes_another_trace() {
        assert_ne!(generate(1), generate(2));
    }
}
