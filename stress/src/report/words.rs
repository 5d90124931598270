//! Figures in words, and a record's words made fit to be shown.

use crate::measure::Unit;

/// A figure with its unit, to three digits.
pub(super) fn figure(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Ns => time(value),
        Unit::S => time(value * 1e9),
        Unit::CallsPerS => format!("{}calls/s", thousands(value, " ")),
        Unit::Bytes => bytes(value),
        Unit::Count => count(value),
        Unit::Share => format!("{} %", digits(value * 100.0)),
        Unit::Times => format!("{}×", digits(value)),
    }
}

/// A figure for an axis, whose unit stands above it.
pub(super) fn tick(value: f64, unit: Unit) -> String {
    match unit {
        Unit::CallsPerS | Unit::Count => thousands(value, " ").trim_end().to_owned(),
        _ => figure(value, unit),
    }
}

/// A number of something: in full while it is whole and can be read, else to three digits.
pub(super) fn count(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e7 {
        return grouped(value);
    }
    thousands(value, " ").trim_end().to_owned()
}

/// A whole number with its thousands set off.
fn grouped(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", crate::print::thousands(value.abs().round() as u64))
}

fn time(ns: f64) -> String {
    let (value, unit) = match ns.abs() {
        ns_abs if ns_abs < 1e3 => (ns, "ns"),
        ns_abs if ns_abs < 1e6 => (ns / 1e3, "µs"),
        ns_abs if ns_abs < 1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", digits(value))
}

fn bytes(value: f64) -> String {
    let (value, unit) = match value.abs() {
        abs if abs < 1024.0 => (value, "B"),
        abs if abs < 1_048_576.0 => (value / 1024.0, "KiB"),
        abs if abs < 1_073_741_824.0 => (value / 1_048_576.0, "MiB"),
        _ => (value / 1_073_741_824.0, "GiB"),
    };
    format!("{} {unit}", digits(value))
}

/// A figure in thousands, millions or billions.
fn thousands(value: f64, gap: &str) -> String {
    let (value, prefix) = match value.abs() {
        abs if abs < 1e4 => (value, ""),
        abs if abs < 1e6 => (value / 1e3, "k"),
        abs if abs < 1e9 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    format!("{}{gap}{prefix}", digits(value)) + if prefix.is_empty() { "" } else { gap }
}

/// Three digits that say something.
pub(super) fn digits(value: f64) -> String {
    let abs = value.abs();
    let text = match abs {
        _ if abs == 0.0 => return "0".to_owned(),
        _ if !(1e-3..1e7).contains(&abs) => return format!("{value:.1e}"),
        _ if abs >= 99.95 => return grouped(value.round()),
        _ if abs >= 9.995 => format!("{value:.1}"),
        _ if abs >= 0.0995 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// A name in snake case, as words.
pub(super) fn spoken(name: &str) -> String {
    clean(name).replace('_', " ")
}

/// A record's text, without what no page should hold: what steers a terminal or turns the
/// direction of writing, and more of it than anyone reads.
pub(super) fn clean(text: &str) -> String {
    shortened(text, 400)
}

/// The same, of at most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut kept: String =
        text.chars().take(most + 1).map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect();
    if let Some((at, _)) = kept.char_indices().nth(most) {
        kept.truncate(at);
        kept.pop();
        kept.push('…');
    }
    kept
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_said_with_their_unit_and_three_digits() {
        for (value, unit, says) in [
            (12.345, Unit::Ns, "12.3 ns"),
            (0.0141, Unit::S, "14.1 ms"),
            (999.99, Unit::Ns, "1,000 ns"),
            (31_400_000.0, Unit::CallsPerS, "31.4 M calls/s"),
            (950.0, Unit::CallsPerS, "950 calls/s"),
            (192.0, Unit::Bytes, "192 B"),
            (3.0 * 1_048_576.0, Unit::Bytes, "3 MiB"),
            (10_374.0, Unit::Count, "10,374"),
            (0.0, Unit::Count, "0"),
            (-1234.0, Unit::Count, "-1,234"),
            (0.5, Unit::Share, "50 %"),
            (1.3, Unit::Times, "1.3×"),
            (1e-9, Unit::Count, "1.0e-9"),
        ] {
            assert_eq!(figure(value, unit), says);
        }
        assert_eq!(tick(1e6, Unit::CallsPerS), "1 M");
        assert_eq!(tick(2e5, Unit::Count), "200 k");
    }

    #[test]
    fn what_no_page_should_hold_is_replaced_and_what_is_long_is_cut() {
        assert_eq!(clean("a\u{0}b\u{202e}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("", 4), "");
        assert_eq!(spoken("half_open_herd"), "half open herd");
    }
}
