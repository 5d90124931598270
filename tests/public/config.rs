//! Configurations written and read.

use ampacity::{CircuitBreaker, Config, ManualClock, Preset, State, Timing};
use proptest::prelude::*;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DOCS: &str = include_str!("../../docs/configuration.md");

fn toml(text: &str) -> Config {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn json(text: &str) -> Config {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused_by_json(text: &str) -> String {
    serde_json::from_str::<Config>(text).unwrap_err().to_string()
}

fn refused_by_toml(text: &str) -> String {
    toml::from_str::<Config>(text).unwrap_err().to_string()
}

/// All that can be set, in both windows' forms.
fn from_the_builder() -> CircuitBreaker {
    CircuitBreaker::builder("all")
        .failure_threshold(3)
        .failure_rate(0.25)
        .slow_call(MS * 250)
        .slow_call_rate(0.75)
        .time_window(SECOND * 90)
        .time_slices(30)
        .minimum_calls(7)
        .count_in_flight(true)
        .open_for(SECOND * 30)
        .backoff(1.5, SECOND * 300)
        .jitter(0.1)
        .jitter_seed(u64::MAX)
        .longest_given_wait(SECOND * 600)
        .half_open_failure_rate(0.5)
        .half_open_permits(4)
        .half_open_limit(SECOND * 120, State::Open)
        .probe_lease(SECOND * 45)
        .timing(Timing::Every)
        .latency_error(0.01)
        .history(16)
        .build()
        .unwrap()
}

const ALL_AS_TOML: &str = r#"
    failure_threshold = 3
    failure_rate = 0.25
    slow_call = "250ms"
    slow_call_rate = 0.75
    time_window = "1m 30s"
    time_slices = 30
    minimum_calls = 7
    count_in_flight = true
    open_for = "30s"
    backoff = { factor = 1.5, cap = "5m" }
    jitter = 0.1
    jitter_seed = "18446744073709551615"
    longest_given_wait = "10 minutes"
    half_open_failure_rate = 0.5
    half_open_permits = 4
    half_open_limit = { limit = "2m", then = "open" }
    probe_lease = "45s"
    timing = "every"
    latency_error = 0.01
    history = 16
"#;

const ALL_AS_JSON: &str = r#"{
    "failure_threshold": 3, "failure_rate": 0.25,
    "slow_call": "250ms", "slow_call_rate": 0.75,
    "time_window": "90s", "time_slices": 30, "minimum_calls": 7, "count_in_flight": true,
    "open_for": "30s", "backoff": { "factor": 1.5, "cap": "300s" },
    "jitter": 0.1, "jitter_seed": 18446744073709551615, "longest_given_wait": "10m",
    "half_open_failure_rate": 0.5, "half_open_permits": 4,
    "half_open_limit": { "limit": "120s", "then": "open" }, "probe_lease": "45s",
    "timing": "every", "latency_error": 0.01, "history": 16
}"#;

#[test]
fn the_same_settings_from_toml_from_json_and_by_methods_are_equal() {
    let built = from_the_builder().config();
    assert_eq!(toml(ALL_AS_TOML), built);
    assert_eq!(json(ALL_AS_JSON), built);
    assert_eq!((toml(""), json("{}")), (Config::new(), Config::default()));
}

#[test]
fn the_same_settings_from_toml_and_by_methods_behave_the_same() {
    let run = |breaker: CircuitBreaker, clock: ManualClock| {
        let mut seen = Vec::new();
        for step in 0..400_u32 {
            match breaker.try_acquire() {
                Ok(permit) if step % 5 < 3 => permit.failure(),
                Ok(permit) => permit.success(),
                Err(no) => clock.advance(no.retry_after().unwrap() / 3 + MS),
            }
            seen.push((breaker.state(), breaker.era(), breaker.snapshot().window));
        }
        seen
    };
    let clocks = [ManualClock::new(), ManualClock::new()];
    let text = r#"
        failure_rate = 0.5
        count_window = 20
        minimum_calls = 6
        open_for = "1s"
        backoff = { factor = 3, cap = "20s" }
        jitter = 0.3
        jitter_seed = 7
        success_threshold = 1
    "#;
    let read = CircuitBreaker::builder("same").config(toml(text)).clock(clocks[0].clone());
    let built = CircuitBreaker::builder("same")
        .failure_rate(0.5)
        .count_window(20)
        .minimum_calls(6)
        .open_for(SECOND)
        .backoff(3.0, SECOND * 20)
        .jitter(0.3)
        .jitter_seed(7)
        .success_threshold(1)
        .clock(clocks[1].clone());
    let [a, b] = clocks;
    let read = run(read.build().unwrap(), a);
    assert!(read.iter().any(|(state, ..)| *state == State::Open));
    assert_eq!(read, run(built.build().unwrap(), b));
}

#[test]
fn a_configuration_replaces_all_settings_and_what_follows_changes_it() {
    let of = |builder: ampacity::Builder| builder.build().unwrap().config();
    let config = toml("open_for = '5s'");
    let before = CircuitBreaker::builder("db").failure_threshold(9).config(config.clone());
    assert_eq!(of(before), config);
    let after = CircuitBreaker::builder("db").config(config).open_for(SECOND * 7);
    assert_eq!(of(after), toml("open_for = '7s'"));
    // And so it does in a breaker that runs.
    let breaker = CircuitBreaker::new("live");
    breaker.reconfigure(|now| now.failure_threshold(1).config(toml("jitter = 0.5"))).unwrap();
    assert_eq!(breaker.config(), toml("jitter = 0.5"));
}

#[test]
fn timings_are_written_by_their_names() {
    let of = |timing| CircuitBreaker::builder("t").timing(timing).build().unwrap().config();
    assert_eq!(toml("timing = 'adaptive'"), of(Timing::Adaptive));
    assert_eq!(toml("timing = 'off'"), of(Timing::Off));
    assert_eq!(toml("timing = { sampled = 16 }"), of(Timing::Sampled(16)));
    assert!(toml::to_string(&of(Timing::Sampled(16))).unwrap().contains("sampled = 16"));
    let often = refused_by_json(r#"{"timing": "often"}"#);
    assert!(often.starts_with("timing: unknown variant `often`"), "{often}");
}

#[test]
fn never_is_the_longest_wait_and_refused_elsewhere() {
    let never = CircuitBreaker::builder("n").open_for(Duration::MAX).build().unwrap().config();
    assert_eq!(toml("open_for = 'never'"), never);
    assert_eq!(serde_json::to_string(&never).unwrap(), r#"{"open_for":"never"}"#);
    let lease = CircuitBreaker::builder("n").config(toml("probe_lease = 'never'"));
    let refused = lease.build().unwrap_err().to_string();
    assert!(refused.starts_with("probe_lease is never, must be from 1ms to"), "{refused}");
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    let json = refused_by_json(r#"{"open_for": "1s", "opne_for": "1s"}"#);
    assert!(json.contains("unknown field `opne_for`") && json.contains("`open_for`"), "{json}");
    let toml = refused_by_toml("opne_for = '1s'");
    assert!(toml.contains("unknown field `opne_for`"), "{toml}");
    let inner = refused_by_json(r#"{"backoff": {"factor": 2.0, "cap": "1s", "cup": 1}}"#);
    assert!(inner.starts_with("backoff: unknown field `cup`"), "{inner}");
    let twice = refused_by_json(r#"{"jitter": 0.1, "jitter": 0.2}"#);
    assert!(twice.starts_with("duplicate field `jitter`"), "{twice}");
}

#[test]
fn what_text_gets_wrong_is_refused_with_the_keys_name() {
    let cases = [
        (r#""open_for": "30""#, r#"open_for: "30" is no duration: time unit needed"#),
        (r#""open_for": """#, r#"open_for: "" is no duration: value was empty"#),
        (r#""slow_call": "5 parsecs""#, r#"slow_call: "5 parsecs" is no duration: unknown time"#),
        (r#""time_window": "-1s""#, r#"time_window: "-1s" is no duration: expected number"#),
        (r#""probe_lease": "0.5ns""#, r#"probe_lease: "0.5ns" is no duration: number is too"#),
        (r#""probe_lease": "99999999999999999999s""#, "probe_lease: \"9999"),
        // The parser itself would panic.
        (r#""open_for": "18446744073709551615s 1000000000ns""#, "open_for: \"1844"),
        (r#""open_for": 30"#, "open_for: invalid type: integer `30`, expected a duration such"),
        (r#""open_for": null"#, "open_for: invalid type: null, expected a duration such"),
        (r#""failure_rate": "half""#, "failure_rate: invalid type: string \"half\""),
        (r#""count_in_flight": 1"#, "count_in_flight: invalid type: integer `1`"),
        (r#""minimum_calls": -1"#, "minimum_calls: invalid value: integer `-1`"),
        (r#""history": 4294967296"#, "history: invalid value: integer `4294967296`"),
        (r#""jitter_seed": -1"#, "jitter_seed: invalid value: integer `-1`, expected a whole"),
        (r#""jitter_seed": "1e3""#, "jitter_seed: invalid value: string \"1e3\", expected a whole"),
        (r#""backoff": 2.0"#, "backoff: invalid type: floating point `2.0`"),
        (r#""backoff": { "factor": 2.0 }"#, "backoff: missing field `cap`"),
        (r#""backoff": { "factor": 2.0, "cap": "x" }"#, "backoff: \"x\" is no duration"),
        (r#""half_open_limit": { "limit": "2m", "then": "ajar" }"#, "half_open_limit: unknown"),
        (r#""preset": "http2""#, "preset: unknown variant `http2`, expected one of `http`"),
    ];
    for (setting, begins) in cases {
        let json = refused_by_json(&format!("{{{setting}}}"));
        assert!(json.starts_with(begins), "{setting} gave {json}");
        assert!(json.contains("at line 1"), "{setting} gave {json}");
    }
    // However long the text is.
    let long = refused_by_json(&format!(r#"{{"open_for": "{}"}}"#, "é".repeat(10_000)));
    assert!(long.contains("é\"… is no duration: it is too long"), "{long}");
    assert!(long.starts_with("open_for: \"é") && long.len() < 250, "{long}");
    let toml = refused_by_toml("jitter = 0.5\nopen_for = '30'");
    assert!(toml.contains("open_for") && toml.contains("time unit needed"), "{toml}");
    assert!(refused_by_toml("count_in_flight = 1").contains("count_in_flight"));
    let list = refused_by_json("[]");
    assert!(list.contains("expected a table of settings"), "{list}");
}

#[test]
fn a_preset_comes_first_wherever_it_is_written() {
    for text in ["preset = 'http'\nopen_for = '1s'", "open_for = '1s'\npreset = 'http'"] {
        let by_methods = CircuitBreaker::builder("p").preset(Preset::Http).open_for(SECOND);
        assert_eq!(toml(text), by_methods.build().unwrap().config());
    }
    for preset in Preset::ALL {
        assert_eq!(toml(&format!("preset = '{preset}'")), preset.config());
        assert_eq!(Config::from(*preset), preset.config());
    }
}

/// The value of each line in the documentation is the preset's, each has a reason, and
/// none is missing.
#[test]
fn presets_build_and_are_what_their_documentation_says() {
    for preset in Preset::ALL {
        let settings = CircuitBreaker::builder(preset.as_str()).preset(*preset);
        settings.build().unwrap();
        let section = DOCS.split_once(&format!("### `{preset}`")).expect("a section").1;
        let block = section.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
        assert_eq!(toml(block), preset.config(), "{preset}");
        for line in block.lines() {
            let (_, reason) = line.split_once(" # ").unwrap_or_else(|| panic!("no reason: {line}"));
            assert!(reason.len() > 10, "{line}");
        }
    }
}

/// Each number in a preset's description is one that the preset has.
#[test]
fn presets_open_on_what_their_description_says() {
    let clock = ManualClock::new();
    let built = |preset| {
        let builder = CircuitBreaker::builder("p").preset(preset).jitter(0.0);
        builder.clock(clock.clone()).build().unwrap()
    };
    let fail_until_open = |breaker: &CircuitBreaker| {
        (1..).find(|_| {
            breaker.try_acquire().unwrap().failure();
            breaker.state() == State::Open
        })
    };
    let http = built(Preset::Http);
    assert_eq!(fail_until_open(&http), Some(20));
    assert_eq!(http.try_acquire().unwrap_err().retry_after(), Some(SECOND * 5));
    let database = built(Preset::Database);
    assert_eq!(fail_until_open(&database), Some(5));
    assert_eq!(database.try_acquire().unwrap_err().retry_after(), Some(SECOND));
    let llm = built(Preset::Llm);
    let hanging: Vec<_> = (0..10).map(|_| llm.try_acquire().unwrap()).collect();
    clock.advance(SECOND * 35);
    assert_eq!(llm.try_acquire().unwrap_err().retry_after(), Some(SECOND * 10));
    drop(hanging);
    clock.advance(SECOND * 10);
    llm.try_acquire().unwrap().open_for(SECOND * 86_400);
    assert_eq!(llm.try_acquire().unwrap_err().retry_after(), Some(SECOND * 900));
}

#[test]
fn the_table_of_keys_has_each_and_no_other() {
    let documented: Vec<&str> = DOCS
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key))
        .collect();
    let known = refused_by_json(r#"{"?": 1}"#);
    let known: Vec<&str> = known.split('`').skip(3).step_by(2).collect();
    assert_eq!(documented, known);
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1_000_000..1u64 << 40).prop_map(Duration::from_nanos),
        (1..1u64 << 39).prop_map(Duration::from_millis),
        Just(MS * 1000),
    ]
}

prop_compose! {
    /// Settings that a breaker can be built with, each there or not.
    fn valid()(
        streak in proptest::option::of(1..u32::MAX),
        rate in proptest::option::of(0.000_001..=1.0),
        slow in proptest::option::of((span(), 0.000_001..=1.0, any::<bool>())),
        window in proptest::option::of((any::<bool>(), 1..65_537u32, 1..361u32)),
        minimum in proptest::option::of(1..2u32),
        wait in proptest::option::of(prop_oneof![span(), Just(Duration::MAX)]),
        factor in proptest::option::of(1.0..=100.0),
        jitter in proptest::option::of((0.0..=1.0, any::<u64>())),
        given in proptest::option::of(span()),
        passes in proptest::option::of((any::<bool>(), 0.01..=1.0, 1..64u32)),
        limit in proptest::option::of((span(), any::<bool>())),
        lease in proptest::option::of(span()),
        last in (proptest::option::of(0.002..=0.25), proptest::option::of(0..4097u32)),
        timing in proptest::option::of(prop_oneof![
            Just(Timing::Every), (1..1_000_001u32).prop_map(Timing::Sampled)]),
    ) -> Config {
        let mut builder = CircuitBreaker::builder("any");
        let is_windowed = rate.is_some() || slow.is_some();
        if let Some(streak) = streak { builder = builder.failure_threshold(streak); }
        if let Some(rate) = rate { builder = builder.failure_rate(rate); }
        if let Some((over, rate, in_flight)) = slow {
            builder = builder.slow_call(over).slow_call_rate(rate);
            if in_flight && timing.is_none() { builder = builder.count_in_flight(true); }
        }
        if let (Some((count, len, slices)), true) = (window, is_windowed) {
            builder = if count { builder.count_window(len) } else {
                builder.time_window(MS * len.max(slices)).time_slices(slices)
            };
        }
        if let (Some(minimum), true) = (minimum, is_windowed) {
            builder = builder.minimum_calls(minimum);
        }
        if let Some(wait) = wait { builder = builder.open_for(wait); }
        if let (Some(factor), false) = (factor, wait == Some(Duration::MAX)) {
            builder = builder.backoff(factor, Duration::from_millis(1 << 39));
        }
        if let Some((jitter, seed)) = jitter { builder = builder.jitter(jitter).jitter_seed(seed); }
        if let Some(given) = given { builder = builder.longest_given_wait(given); }
        if let Some((by_share, share, permits)) = passes {
            builder = if by_share { builder.half_open_failure_rate(share) } else {
                builder.success_threshold(permits)
            };
            builder = builder.half_open_permits(permits);
        }
        if let Some((limit, opens)) = limit {
            let then = if opens { State::Open } else { State::Closed };
            builder = builder.half_open_limit(limit, then);
        }
        if let Some(lease) = lease { builder = builder.probe_lease(lease); }
        if let Some(error) = last.0 { builder = builder.latency_error(error); }
        if let Some(history) = last.1 { builder = builder.history(history); }
        if let Some(timing) = timing {
            builder = builder.timing(if slow.is_some() { Timing::Every } else { timing });
        }
        builder.build().expect("within bounds").config()
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_the_same(config in valid()) {
        let text = toml::to_string(&config).unwrap();
        prop_assert_eq!(&toml(&text), &config, "{}", text);
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(&json(&text), &config, "{}", text);
    }

    #[test]
    fn any_text_for_a_duration_is_read_or_refused(
        text in "[0-9]{0,21}(\\.[0-9]{0,21})? ?(ns|us|ms|s|m|h|d|w|M|y|years|x)?( ?[0-9]{0,21}(ns|ms|s|y))?"
    ) {
        let _ = serde_json::from_value::<Config>(serde_json::json!({ "open_for": text }));
    }
}
