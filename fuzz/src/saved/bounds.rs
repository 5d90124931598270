//! Which saved breakers there can be, worked out from what each field is.

use serde_json::Value;

/// 2^39 ms in ns: no window is longer.
const LONGEST_WINDOW: u64 = (1 << 39) * 1_000_000;
/// Deadlines have 40 bits of ms, and a wait is at most as long.
const LONGEST_WAIT: u64 = ((1 << 40) - 1) * 1_000_000;

/// The fields that are out of their bounds.
pub(super) fn amiss(document: &Value) -> Vec<&'static str> {
    let mut amiss = Vec::new();
    let mut at_most = |field, value: Option<u64>, most| {
        amiss.extend(value.is_some_and(|value| value > most).then_some(field));
    };
    at_most("streak", document["streak"].as_u64(), u64::from(u32::MAX));
    at_most("opens", document["opens"].as_u64(), 4_095);
    at_most("wait_ns", document.get("wait_ns").and_then(Value::as_u64), LONGEST_WAIT);
    let window = &document["window"];
    at_most("window.calls", window["calls"].as_u64(), 65_536);
    at_most("window.slice_ns", window["slice_ns"].as_u64(), LONGEST_WINDOW);
    at_most("window.slices", window["slices"].as_u64(), 360);
    if let Some(sums) = window["sums"].as_array() {
        at_most("window.sums", Some(sums.len() as u64), window["slices"].as_u64().unwrap_or(0));
        for sum in sums {
            let of = |at: usize| sum[at].as_u64();
            let calls = of(1).unwrap_or(0);
            at_most("window.sums.age", of(0), LONGEST_WINDOW);
            at_most("window.sums.calls", of(1), (1 << 53) - 1);
            at_most("window.sums.failed", of(2), calls);
            at_most("window.sums.slow", of(3), calls);
        }
    }
    if let (Some(text), Some(calls)) = (window["results"].as_str(), window["calls"].as_u64()) {
        amiss.extend((!are_results(text, calls)).then_some("window.results"));
    }
    amiss
}

/// Whether a text is runs of results, at most so many in all.
fn are_results(text: &str, most: u64) -> bool {
    let mut total: u64 = 0;
    let whole = text.is_empty() || text.ends_with(['o', 'f', 's', 'b']);
    whole
        && text.split_terminator(['o', 'f', 's', 'b']).all(|digits| {
            let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            // One that is too long to be read is more than can be.
            let Some(number) = is_number.then(|| digits.parse().unwrap_or(u64::MAX)) else {
                return false;
            };
            total = total.saturating_add(number);
            total <= most
        })
}
