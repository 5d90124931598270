//! Which configurations there can be, worked out from the table in `docs/configuration.md`
//! and not by the builder's code.

use std::time::Duration;

use toml::{Table, Value};

const MS: Duration = Duration::from_millis(1);
/// 2^39 ms, 17 years.
const LONGEST: Duration = Duration::from_millis(1 << 39);

/// What a configuration says, by key.
#[derive(Clone, Copy)]
pub(super) struct Said<'a>(pub(super) &'a Table);

impl<'a> Said<'a> {
    fn has(self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn number(self, key: &str) -> Option<i64> {
        self.0.get(key)?.as_integer()
    }

    pub(super) fn share(self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_float()
    }

    pub(super) fn span(self, key: &str) -> Option<Duration> {
        span(self.0.get(key)?)
    }

    fn within(self, table: &str, key: &str) -> Option<&'a Value> {
        self.0.get(table)?.get(key)
    }
}

/// `never` is the longest duration there is.
fn span(value: &Value) -> Option<Duration> {
    match value.as_str()? {
        "never" => Some(Duration::MAX),
        text => Some(humantime::parse_duration(text).expect("a duration was written")),
    }
}

/// The keys whose values cannot be, or not with the others.
pub(super) fn amiss(table: &Table) -> Vec<&'static str> {
    let said = Said(table);
    let mut amiss = by_themselves(said);
    let mut if_so = |key, wrong: bool| amiss.extend(wrong.then_some(key));

    let judges = said.has("failure_rate") || said.has("slow_call_rate");
    for key in ["count_window", "time_window", "time_slices", "minimum_calls"] {
        if_so(key, said.has(key) && !judges);
    }
    for key in ["time_window", "time_slices"] {
        if_so(key, said.has(key) && said.has("count_window"));
    }
    if let (Some(calls), Some(window)) = (said.number("minimum_calls"), said.number("count_window"))
    {
        if_so("minimum_calls", calls > window);
    }
    if_so("slow_call", said.has("slow_call") && !said.has("slow_call_rate"));
    if_so("slow_call_rate", said.has("slow_call_rate") && !said.has("slow_call"));
    let timing = said.0.get("timing");
    let is_every = timing.and_then(Value::as_str) == Some("every");
    if_so("timing", said.has("slow_call") && timing.is_some() && !is_every);
    let in_flight = said.0.get("count_in_flight").and_then(Value::as_bool) == Some(true);
    if_so("count_in_flight", in_flight && !said.has("slow_call"));
    if_so("jitter_seed", said.has("jitter_seed") && !said.has("jitter"));

    let by_share = said.has("half_open_failure_rate");
    if_so("half_open_failure_rate", by_share && said.has("success_threshold"));
    let passes = said.number("success_threshold").unwrap_or(2);
    let probes = said.number("half_open_permits");
    if_so("half_open_permits", !by_share && probes.is_some_and(|probes| probes < passes));
    amiss
}

/// Those that are out of their range.
fn by_themselves(said: Said<'_>) -> Vec<&'static str> {
    let mut amiss = Vec::new();
    let u32s = i64::from(u32::MAX);
    for (key, min, max) in [
        ("failure_threshold", 1, u32s),
        ("count_window", 1, 65_536),
        ("time_slices", 1, 360),
        ("minimum_calls", 1, u32s),
        ("success_threshold", 1, 63),
        ("half_open_permits", 1, 63),
        ("history", 0, 4_096),
    ] {
        let is_in = |n| (min..=max).contains(&n);
        amiss.extend(said.number(key).is_some_and(|n| !is_in(n)).then_some(key));
    }
    for key in ["failure_rate", "slow_call_rate", "half_open_failure_rate"] {
        let is_rate = |share| share > 0.0 && share <= 1.0;
        amiss.extend(said.share(key).is_some_and(|share| !is_rate(share)).then_some(key));
    }
    for (key, min, max) in [("jitter", 0.0, 1.0), ("latency_error", 0.002, 0.25)] {
        let is_in = |share| share >= min && share <= max;
        amiss.extend(said.share(key).is_some_and(|share| !is_in(share)).then_some(key));
    }
    let slices = said.number("time_slices").unwrap_or(10);
    let a_slice_each = MS.saturating_mul(u32::try_from(slices).unwrap_or(u32::MAX));
    for (key, min) in [
        ("slow_call", Duration::from_nanos(1)),
        ("time_window", a_slice_each),
        ("longest_given_wait", MS),
        ("probe_lease", MS),
    ] {
        let is_in = |span| (min..=LONGEST).contains(&span);
        amiss.extend(said.span(key).is_some_and(|span| !is_in(span)).then_some(key));
    }
    let open_for = said.span("open_for").unwrap_or(Duration::from_secs(60));
    let never = open_for == Duration::MAX;
    if !never && !(MS..=LONGEST).contains(&open_for) {
        amiss.push("open_for");
    }
    if let Some(cap) = said.within("backoff", "cap").and_then(span) {
        let factor = said.within("backoff", "factor").and_then(Value::as_float);
        let is_factor = factor.is_some_and(|factor| (1.0..=100.0).contains(&factor));
        if never || !is_factor || !(open_for..=LONGEST).contains(&cap) {
            amiss.push("backoff");
        }
    }
    if let Some(limit) = said.within("half_open_limit", "limit").and_then(span) {
        let then = said.within("half_open_limit", "then").and_then(Value::as_str);
        if !(MS..=LONGEST).contains(&limit) || !matches!(then, Some("open" | "closed")) {
            amiss.push("half_open_limit");
        }
    }
    if let Some(of) = said.within("timing", "sampled").and_then(Value::as_integer)
        && !(1..=1_000_000).contains(&of)
    {
        amiss.push("timing");
    }
    amiss
}
