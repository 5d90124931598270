//! The form that is read: whatever has a version, so that a later one can be refused by it.

use super::{Saved, SavedWindow, VERSION};
use crate::word::State;
use core::fmt;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What may be a saved breaker. Of another version no more is asked than that number.
#[derive(Deserialize)]
pub(super) struct Draft {
    version: u64,
    name: Option<Field<String>>,
    state: Option<Field<State>>,
    era: Option<Field<u64>>,
    streak: Option<Field<u64>>,
    opens: Option<Field<u64>>,
    wait_ns: Option<Field<u64>>,
    window: Option<Field<SavedWindow>>,
    checksum: Option<Field<String>>,
}

/// A field as this version knows it, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field<T> {
    Known(T),
    Other(IgnoredAny),
}

/// A field that this version must have, or has in another form.
pub(super) struct Unfit(&'static str);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of a saved breaker is missing or of another form", self.0)
    }
}

fn optional<T>(field: &'static str, value: Option<Field<T>>) -> Result<Option<T>, Unfit> {
    match value {
        None => Ok(None),
        Some(Field::Known(value)) => Ok(Some(value)),
        Some(Field::Other(_)) => Err(Unfit(field)),
    }
}

fn needed<T>(field: &'static str, value: Option<Field<T>>) -> Result<T, Unfit> {
    optional(field, value)?.ok_or(Unfit(field))
}

impl TryFrom<Draft> for Saved {
    type Error = Unfit;

    fn try_from(draft: Draft) -> Result<Self, Unfit> {
        if draft.version != VERSION {
            return Ok(Saved {
                version: draft.version,
                name: String::new(),
                state: State::Closed,
                era: 0,
                streak: 0,
                opens: 0,
                wait_ns: None,
                window: None,
                checksum: String::new(),
            });
        }
        Ok(Saved {
            version: draft.version,
            name: needed("name", draft.name)?,
            state: needed("state", draft.state)?,
            era: needed("era", draft.era)?,
            streak: needed("streak", draft.streak)?,
            opens: needed("opens", draft.opens)?,
            wait_ns: optional("wait_ns", draft.wait_ns)?,
            window: optional("window", draft.window)?,
            checksum: needed("checksum", draft.checksum)?,
        })
    }
}
