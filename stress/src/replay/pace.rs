//! How fast a trace is played, and the times that follow from it.
//!
//! The client's timeout and the breaker's wait are shares of the run, as they would be
//! in the hour that is compressed: at a hundred times the speed, a timeout of 20 s is
//! one of 200 ms. The shares are a compromise between three things: a timeout long
//! against the 100 ms for which a busy machine may stall; an outage long against the
//! timeout, because what is sent before the first one is lost to any breaker; and a
//! wait short against the times of health, because it is taken from them.

use std::time::Duration;

use crate::program::Refusal;

/// How long a trace is played when no speed is given.
pub const USUAL: Duration = Duration::from_secs(42);

/// Below this the timeout is within what a machine may stall.
pub const SHORTEST: Duration = Duration::from_secs(10);

/// Nobody means to wait longer.
pub const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// Shares of the run, in ten-thousandths.
const TIMEOUT: u32 = 47;
const OPEN_FOR: u32 = 35;

/// The times of one run.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many seconds of the trace pass in one.
    pub speed: f64,
    /// How long the trace takes to play.
    pub length: Duration,
    /// How long the client waits for an answer.
    pub timeout: Duration,
    /// How long the breaker stays open.
    pub open_for: Duration,
}

impl Pace {
    /// The pace for a trace of `span` at `speed`, or at the one that makes it take `usual`.
    ///
    /// # Errors
    ///
    /// The trace would take less than [`SHORTEST`] or more than [`LONGEST`].
    pub fn new(span: Duration, usual: Duration, speed: Option<f64>) -> Result<Self, Refusal> {
        let seconds = span.as_secs_f64();
        let speed = speed.unwrap_or(seconds / usual.as_secs_f64());
        let takes = seconds / speed;
        let (least, most) = (SHORTEST.as_secs_f64(), LONGEST.as_secs_f64());
        if !(least..=most).contains(&takes) {
            return Err(Refusal(format!(
                "--speed {speed}: the trace's {seconds:.1} s would be played in {takes:.3} s; \
                 {least} s to {most} s are needed (--speed {:.3} to {:.1})",
                seconds / most,
                seconds / least,
            )));
        }
        let length = Duration::from_secs_f64(takes);
        Ok(Self {
            speed,
            length,
            timeout: length * TIMEOUT / 10_000,
            open_for: length * OPEN_FOR / 10_000,
        })
    }

    /// When something at `at` of the trace happens in the run.
    pub fn compress(&self, at: Duration) -> Duration {
        at.div_f64(self.speed)
    }
}

/// Reads a speed: a number above nothing.
///
/// # Errors
///
/// Anything else, in words for the command line.
pub fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn without_a_speed_any_trace_takes_the_usual_time() {
        for span in [Duration::from_millis(1), HOUR, HOUR * 700] {
            let pace = Pace::new(span, USUAL, None).unwrap();
            assert!(pace.length.abs_diff(USUAL) < Duration::from_millis(1), "{pace:?}");
            assert!(pace.compress(span).abs_diff(USUAL) < Duration::from_millis(1));
        }
    }

    #[test]
    fn a_hundred_times_the_speed_is_a_hundredth_of_the_time() {
        let pace = Pace::new(HOUR, USUAL, Some(100.0)).unwrap();
        assert_eq!(pace.length, Duration::from_secs(36));
        assert_eq!(pace.timeout, Duration::from_micros(169_200));
        assert_eq!(pace.open_for, Duration::from_millis(126));
        assert_eq!(pace.compress(Duration::from_secs(5)), Duration::from_millis(50));
    }

    #[test]
    fn a_speed_that_makes_the_run_too_short_or_too_long_is_refused_with_the_bounds() {
        for speed in [1e6, 361.0, 0.4, 1e-300, f64::MIN_POSITIVE, f64::MAX] {
            let Refusal(why) = Pace::new(HOUR, USUAL, Some(speed)).unwrap_err();
            assert!(why.ends_with("(--speed 0.500 to 360.0)"), "{why}");
        }
    }

    #[test]
    fn a_speed_is_a_number_above_nothing() {
        assert_eq!(speed("2.5"), Ok(2.5));
        for text in ["0", "-1", "-0.0", "NaN", "inf", "-inf", "1e999", "fast", ""] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
