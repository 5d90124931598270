//! A configuration as people write it, in TOML, JSON and the like.
//!
//! One list says which keys there are and what each holds: to read, to write, and to name
//! the key in an error, which not every format does by itself.

use super::{Backoff, Config, HalfOpenLimit, Preset, Timing};
use core::fmt;
use core::time::Duration;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The settings by their keys, each with the form in which its value is written.
macro_rules! settings {
    ($($key:ident: $form:ty,)+) => {
        const KEYS: &[&str] = &["preset", $(stringify!($key)),+];

        impl Serialize for Config {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                // By all fields: one without a key does not compile.
                let Config { $($key),+ } = self;
                let set = 0 $(+ usize::from($key.is_some()))+;
                let mut out = to.serialize_struct("Config", set)?;
                $(match $key {
                    Some(value) => {
                        out.serialize_field(stringify!($key), &<$form>::from(*value))?;
                    }
                    None => out.skip_field(stringify!($key))?,
                })+
                out.end()
            }
        }

        impl Config {
            /// These settings, and those of `below` where these have none.
            fn over(self, below: Config) -> Config {
                Config { $($key: self.$key.or(below.$key)),+ }
            }
        }

        impl Keys {
            /// Reads the value of `key` into `config`.
            fn read<'de, M: MapAccess<'de>>(
                key: &str,
                config: &mut Config,
                map: &mut M,
            ) -> Result<(), M::Error> {
                match key {
                    $(stringify!($key) => {
                        config.$key = Some(map.next_value::<$form>()?.into());
                        Ok(())
                    })+
                    _ => Err(M::Error::unknown_field(key, KEYS)),
                }
            }
        }
    };
}

settings! {
    failure_threshold: u32,
    failure_rate: f64,
    slow_call: Span,
    slow_call_rate: f64,
    count_window: u32,
    time_window: Span,
    time_slices: u32,
    minimum_calls: u32,
    count_in_flight: bool,
    open_for: Span,
    backoff: Backoff,
    jitter: f64,
    jitter_seed: Seed,
    longest_given_wait: Span,
    success_threshold: u32,
    half_open_failure_rate: f64,
    half_open_permits: u32,
    half_open_limit: HalfOpenLimit,
    probe_lease: Span,
    timing: Timing,
    latency_error: f64,
    history: u32,
}

/// The keys of a configuration, in any order, each at most once.
struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Config, M::Error> {
        let (mut preset, mut named) = (None::<Preset>, Config::DEFAULT);
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(twice) = KEYS.iter().find(|known| seen.contains(&key) && **known == key) {
                return Err(M::Error::duplicate_field(twice));
            }
            match key.as_str() {
                "preset" => preset = Some(map.next_value().map_err(|error| named_in(&key, error))?),
                _ => {
                    Keys::read(&key, &mut named, &mut map).map_err(|error| named_in(&key, error))?
                }
            }
            seen.push(key);
        }
        Ok(preset.map_or(named.clone(), |preset| named.over(preset.config())))
    }
}

/// The error about the value of `key`, with its name if it lacks that.
fn named_in<E: serde::de::Error>(key: &str, error: E) -> E {
    let text = error.to_string();
    if text.contains(key) { error } else { E::custom(format_args!("{key}: {text}")) }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_struct("Config", KEYS, Keys)
    }
}

/// A duration as people write it.
struct Span(Duration);

impl From<Duration> for Span {
    fn from(time: Duration) -> Self {
        Span(time)
    }
}

impl From<Span> for Duration {
    fn from(Span(time): Span) -> Self {
        time
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        span::serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        span::deserialize(from).map(Span)
    }
}

/// Durations as people write them, for `serde(with)`.
pub(super) mod span {
    use super::{Deserializer, Duration, Serializer, Visitor, fmt};

    /// Within these bounds a sum of spans does not overflow, in which case the parser
    /// panics.
    const LONGEST_TEXT: usize = 64;
    const LONGEST_NUMBER: usize = 10;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match *time {
            Duration::MAX => to.serialize_str("never"),
            time => to.collect_str(&humantime::format_duration(time)),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        from.deserialize_str(Text)
    }

    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as \"250ms\" or \"1m 30s\"")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
            let refused = |why: &dyn fmt::Display| {
                // A precision would cut nothing: only `Display` of a text heeds it.
                let shown: String = text.chars().take(LONGEST_TEXT).collect();
                let cut = if shown.len() < text.len() { "…" } else { "" };
                E::custom(format_args!("{shown:?}{cut} is no duration: {why}"))
            };
            if text == "never" {
                return Ok(Duration::MAX);
            }
            let mut numbers = text.split(|c: char| !c.is_ascii_digit());
            if text.len() > LONGEST_TEXT || numbers.any(|digits| digits.len() > LONGEST_NUMBER) {
                return Err(refused(&"it is too long"));
            }
            humantime::parse_duration(text).map_err(|error| refused(&error))
        }
    }
}

/// A number of 64 bits. One above 2^63, which TOML does not have, is written as text.
struct Seed(u64);

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        Seed(seed)
    }
}

impl From<Seed> for u64 {
    fn from(Seed(seed): Seed) -> Self {
        seed
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0) {
            Ok(seed) => to.serialize_i64(seed),
            Err(_) => to.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Seed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 18446744073709551615")
            }

            fn visit_u64<E: serde::de::Error>(self, seed: u64) -> Result<Seed, E> {
                Ok(Seed(seed))
            }

            fn visit_i64<E: serde::de::Error>(self, seed: i64) -> Result<Seed, E> {
                let unexpected = serde::de::Unexpected::Signed(seed);
                u64::try_from(seed).map(Seed).map_err(|_| E::invalid_value(unexpected, &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Seed, E> {
                let unexpected = serde::de::Unexpected::Str(text);
                text.parse().map(Seed).map_err(|_| E::invalid_value(unexpected, &self))
            }
        }

        from.deserialize_any(Number)
    }
}
