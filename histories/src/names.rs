//! The library's states and reasons in a file, by the names that its logs use. (The
//! library's own serde support is a feature, which a test of it without must not find on.)

use ampacity::{Reason, State};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

const REASONS: [Reason; 3] = [Reason::Open, Reason::HalfOpenFull, Reason::ForcedOpen];

fn named<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, D::Error> {
    let given = Cow::<'_, str>::deserialize(deserializer)?;
    let found = all.iter().find(|one| name(**one) == given);
    found.copied().ok_or_else(|| D::Error::custom(format!("there is no {what} `{given}`")))
}

pub(crate) mod state {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        state: &State,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<State, D::Error> {
        named(from, "state", State::ALL, State::as_str)
    }
}

pub(crate) mod reason {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        reason: &Reason,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Reason, D::Error> {
        named(from, "reason", &REASONS, Reason::as_str)
    }
}

/// For how long a breaker may be half-open, and what it is then.
pub(crate) mod limit {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Limit {
        ms: u64,
        #[serde(with = "super::state")]
        then: State,
    }

    pub(crate) fn serialize<S: Serializer>(
        limit: &Option<(u64, State)>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        limit.map(|(ms, then)| Limit { ms, then }).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<(u64, State)>, D::Error> {
        Ok(Option::<Limit>::deserialize(from)?.map(|Limit { ms, then }| (ms, then)))
    }
}
