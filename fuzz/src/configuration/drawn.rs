//! Keys and values, mostly of the kind that belongs to the key, near the bounds.

use arbitrary::{Result, Unstructured};

/// What belongs to a key.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Share,
    Span,
    Flag,
    Seed,
    Backoff,
    Limit,
    Timing,
    Preset,
}

const KEYS: &[(&str, Kind)] = &[
    ("open_for", Kind::Span),
    ("failure_rate", Kind::Share),
    ("slow_call", Kind::Span),
    ("slow_call_rate", Kind::Share),
    ("success_threshold", Kind::Number),
    ("half_open_permits", Kind::Number),
    ("half_open_limit", Kind::Limit),
    ("half_open_failure_rate", Kind::Share),
    ("probe_lease", Kind::Span),
    ("failure_threshold", Kind::Number),
    ("count_window", Kind::Number),
    ("time_window", Kind::Span),
    ("time_slices", Kind::Number),
    ("minimum_calls", Kind::Number),
    ("count_in_flight", Kind::Flag),
    ("backoff", Kind::Backoff),
    ("jitter", Kind::Share),
    ("jitter_seed", Kind::Seed),
    ("longest_given_wait", Kind::Span),
    ("timing", Kind::Timing),
    ("latency_error", Kind::Share),
    ("history", Kind::Number),
    ("preset", Kind::Preset),
    ("failure_treshold", Kind::Number),
];

const NUMBERS: &[&str] = &[
    "2",
    "1",
    "3",
    "0",
    "5",
    "10",
    "20",
    "62",
    "63",
    "64",
    "359",
    "360",
    "361",
    "4096",
    "4097",
    "65535",
    "65536",
    "65537",
    "1000000",
    "1000001",
    "4294967295",
    "4294967296",
    "-1",
];

/// Of the same number in TOML and in JSON.
const SHARES: &[&str] = &[
    "0.5", "1.0", "0.01", "0.0", "-0.0", "0.002", "0.0019", "0.25", "0.2501", "0.3", "0.99", "1.1",
    "2.0", "100.0", "100.1", "-0.5", "1e-300", "1e300", "0.1", "1", "0", "5e-324",
];

const SPANS: &[&str] = &[
    "1s",
    "1ms",
    "2ms",
    "10ms",
    "1ns",
    "0s",
    "999us",
    "1ms 1ns",
    "9ms",
    "10s",
    "1m 30s",
    "60s",
    "1h",
    "never",
    "6362days",
    "6363days",
    "549755813888ms",
    "549755813889ms",
    "17years",
    "9999999999s",
    "5999999999s 999ms",
    "1.5s",
    "s",
    "",
    "1",
    "-1s",
    "99999999999s",
    "1 fortnight",
];

/// A configuration that was drawn: keys, and their values as written in TOML and JSON.
pub(super) struct Drawn(Vec<(&'static str, Text)>);

/// A value in both languages; most are the same in both.
struct Text {
    toml: String,
    json: String,
}

impl Drawn {
    /// Each key at most once.
    pub(super) fn draw(choices: &mut Unstructured<'_>) -> Result<Drawn> {
        let mut drawn = Vec::new();
        for _ in 0..choices.int_in_range(0..=9)? {
            let &(key, kind) = choices.choose(KEYS)?;
            let kind = match choices.ratio(1, 32)? {
                true => choices.choose(KEYS)?.1,
                false => kind,
            };
            if drawn.iter().all(|&(other, _)| other != key) {
                drawn.push((key, Text::draw(kind, choices)?));
            }
        }
        Ok(Drawn(drawn))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|&(key, _)| key)
    }

    pub(super) fn toml(&self) -> String {
        self.0.iter().map(|(key, text)| format!("{key} = {}\n", text.toml)).collect()
    }

    pub(super) fn json(&self) -> String {
        let members = self.0.iter().map(|(key, text)| format!("\"{key}\": {}", text.json));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }
}

impl Text {
    fn both(text: impl Into<String>) -> Text {
        let toml = text.into();
        Text { json: toml.clone(), toml }
    }

    fn draw(kind: Kind, choices: &mut Unstructured<'_>) -> Result<Text> {
        let quoted = |text: &str| format!("\"{text}\"");
        Ok(match kind {
            Kind::Number => Text::both(*choices.choose(NUMBERS)?),
            Kind::Share => Text::both(*choices.choose(SHARES)?),
            Kind::Span => Text::both(quoted(choices.choose(SPANS)?)),
            Kind::Flag => Text::both(*choices.choose(&["true", "false"])?),
            Kind::Seed => match choices.arbitrary::<u64>()? {
                seed if i64::try_from(seed).is_ok() => Text::both(seed.to_string()),
                seed => Text::both(quoted(&seed.to_string())),
            },
            Kind::Backoff => {
                let (factor, cap) = (*choices.choose(SHARES)?, *choices.choose(SPANS)?);
                Text::table(&[("factor", factor), ("cap", &quoted(cap))])
            }
            Kind::Limit => {
                let limit = quoted(choices.choose(SPANS)?);
                let then = ["open", "closed", "half_open", "disabled", "shut"];
                let then = quoted(choices.choose(&then)?);
                Text::table(&[("limit", &limit), ("then", &then)])
            }
            Kind::Timing => match choices.int_in_range(0..=4)? {
                0 => Text::table(&[("sampled", choices.choose(NUMBERS)?)]),
                at => Text::both(quoted(["every", "adaptive", "off", "often"][at - 1])),
            },
            Kind::Preset => {
                Text::both(quoted(choices.choose(&["http", "database", "llm", "ftp"])?))
            }
        })
    }

    fn table(members: &[(&str, &str)]) -> Text {
        let joined = |one: &dyn Fn(&(&str, &str)) -> String| {
            format!("{{ {} }}", members.iter().map(one).collect::<Vec<_>>().join(", "))
        };
        Text {
            toml: joined(&|(key, value)| format!("{key} = {value}")),
            json: joined(&|(key, value)| format!("\"{key}\": {value}")),
        }
    }
}
