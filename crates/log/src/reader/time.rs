//! Points in time as records have them.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Reads a point in time: RFC 3339 with any offset, or without one, which is taken as UTC.
///
/// A date alone is its midnight. The predecessor's form, `2024-05-01 12:00:00,123`, is one of
/// these. Years from -9999 to 9999; digits beyond nanoseconds are refused. `None` for anything
/// else.
///
/// # Examples
///
/// ```
/// use ampacity_log::reader::parse_time;
///
/// let time = parse_time("2024-05-01T12:00:00.123Z");
/// assert!(time.is_some());
/// assert_eq!(parse_time("2024-05-01 12:00:00,123"), time);
/// assert_eq!(parse_time("2024-05-01T14:00:00.123+02:00"), time);
/// assert_eq!(parse_time("noon"), None);
/// ```
pub fn parse(text: &str) -> Option<SystemTime> {
    let stamp = text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<DateTime>().ok();
        let local = local.or_else(|| text.parse::<Date>().ok().map(DateTime::from))?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(stamp.into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn all_forms_are_read_to_the_microsecond() {
        let noon = UNIX_EPOCH + Duration::from_secs(1_714_564_800);
        for (text, micros) in [
            ("2024-05-01T12:00:00Z", 0),
            ("2024-05-01T12:00:00.123456Z", 123_456),
            ("2024-05-01t12:00:00.5z", 500_000),
            ("2024-05-01T07:00:00-05:00", 0),
            ("2024-05-01 12:00:00,123", 123_000),
            ("2024-05-01T12:00", 0),
        ] {
            assert_eq!(parse(text), Some(noon + Duration::from_micros(micros)), "{text}");
        }
        assert_eq!(parse("2024-05-01"), Some(noon - Duration::from_secs(12 * 3600)));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Some(UNIX_EPOCH - Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        let long = "9".repeat(100_000);
        for text in ["", "12", "now", "2024-13-01T00:00:00Z", "2024-05-01T25:00:00Z", &long] {
            assert_eq!(parse(text), None, "{text}");
        }
        // The ends of what can be held.
        for text in ["9999-12-31T23:59:59.999999999", "-009999-01-01", "99999-01-01T00:00:00Z"] {
            let _ = parse(text);
        }
    }
}
