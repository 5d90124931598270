//! The time of a record: RFC 3339, UTC, microseconds.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The first second that four digits of a year can name, and the last that jiff knows, a day
/// before the last of them.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_207_200;

/// Where the time of day comes from: the system, or what a test gives.
#[derive(Clone, Default)]
pub(crate) enum TimeOfDay {
    #[default]
    System,
    Given(Arc<dyn Fn() -> SystemTime + Send + Sync>),
}

impl TimeOfDay {
    #[inline]
    pub(crate) fn get(&self) -> SystemTime {
        match self {
            TimeOfDay::System => SystemTime::now(),
            TimeOfDay::Given(now) => now(),
        }
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeOfDay::System => f.pad("System"),
            TimeOfDay::Given(_) => f.pad("Given"),
        }
    }
}

/// The last second that was written, as text: records come many to the second.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    second: i64,
    text: [u8; 20],
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp { second: 0, text: *b"1970-01-01T00:00:00." }
    }
}

impl Stamp {
    /// Appends `now`; a time before the year 0 or at the end of 9999 or later as the first
    /// or last of them.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, now: SystemTime) {
        let (second, micros) = split(now);
        if second != self.second {
            self.change(second);
        }
        out.extend_from_slice(&self.text);
        let mut digits = *b"000000Z";
        let mut rest = micros;
        for digit in digits[..6].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&digits);
    }

    #[cold]
    fn change(&mut self, second: i64) {
        // In range by `split`, so never the default.
        let text = Timestamp::from_second(second).unwrap_or_default().to_string();
        if let Some(text) = text.as_bytes().get(..19) {
            self.text[..19].copy_from_slice(text);
            self.second = second;
        }
    }
}

/// Seconds since 1970 and the microseconds after them.
fn split(now: SystemTime) -> (i64, u32) {
    let (second, micros) = match now.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(LAST), after.subsec_micros()),
        Err(error) => {
            let before = error.duration() + Duration::from_nanos(999);
            let whole = i64::try_from(before.as_secs()).unwrap_or(-FIRST);
            match before.subsec_micros() {
                0 => (-whole, 0),
                micros => (-whole - 1, 1_000_000 - micros),
            }
        }
    };
    match second {
        ..FIRST => (FIRST, 0),
        FIRST..=LAST => (second, micros),
        _ => (LAST, 999_999),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(now: SystemTime) -> String {
        let mut out = Vec::new();
        Stamp::default().append(&mut out, now);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_time_is_written_in_utc_with_six_digits_of_a_second() {
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        assert_eq!(text(at(0)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(text(at(1_795_439_702_000_007)), "2026-11-23T13:15:02.000007Z");
        assert_eq!(text(at(951_782_400_999_999)), "2000-02-29T00:00:00.999999Z");
    }

    #[test]
    fn a_time_is_what_jiff_makes_of_it_in_any_order() {
        let mut stamp = Stamp::default();
        for micros in [5_i64, -1, 1_000_000, -1_000_000, -1_500_000, 0, 86_400_000_001] {
            let mut out = Vec::new();
            let since = Duration::from_micros(micros.unsigned_abs());
            let now = if micros < 0 { UNIX_EPOCH - since } else { UNIX_EPOCH + since };
            stamp.append(&mut out, now);
            let expected = format!("{:.6}", Timestamp::from_microsecond(micros).unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{micros}");
        }
    }

    #[test]
    fn a_time_that_no_year_of_four_digits_has_is_the_nearest_that_one_has() {
        let far = Duration::from_secs(1 << 40);
        assert_eq!(text(UNIX_EPOCH + far), "9999-12-30T22:00:00.999999Z");
        assert_eq!(text(UNIX_EPOCH - far), "0000-01-01T00:00:00.000000Z");
    }
}
