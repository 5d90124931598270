//! Something for each value of a field, in memory that is bounded.

use std::collections::BTreeMap;

use ampacity_log::reader::Record;

use crate::escape;

const LONGEST: usize = 200;

/// A `T` for each value of the field `by`, or one for all records.
#[derive(Debug)]
pub(crate) struct Groups<'a, T> {
    by: Option<&'a str>,
    most: usize,
    groups: BTreeMap<Key, T>,
}

/// Which records belong together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    All,
    /// Their field has this value, or begins so.
    Value(String),
    /// They have no such field.
    Absent,
    /// Their values came when there were `most` others.
    Others,
}

impl<'a, T: Default> Groups<'a, T> {
    /// `most` values are kept apart, the first that come.
    pub(crate) fn new(by: Option<&'a str>, most: usize) -> Self {
        Self { by, most, groups: BTreeMap::new() }
    }

    /// What is kept for `record` and those like it.
    pub(crate) fn of(&mut self, record: &Record) -> &mut T {
        let mut key = self.key(record);
        if matches!(key, Key::Value(_))
            && self.groups.len() >= self.most
            && !self.groups.contains_key(&key)
        {
            key = Key::Others;
        }
        self.groups.entry(key).or_default()
    }

    fn key(&self, record: &Record) -> Key {
        let Some(by) = self.by else { return Key::All };
        let Some(value) = record.get(by) else { return Key::Absent };
        let text = record.text(by).unwrap_or_else(|| value.to_string().into());
        Key::Value(match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.into_owned(),
        })
    }

    /// Each group, with what to call it: values in order, then the rest.
    pub(crate) fn named(&self) -> impl Iterator<Item = (String, &T)> {
        self.groups.iter().map(|(key, group)| (self.name(key), group))
    }

    fn name(&self, key: &Key) -> String {
        match key {
            Key::All => "all".to_owned(),
            Key::Value(text) => escape::visible(text).into_owned(),
            Key::Absent => format!("(no {})", escape::visible(self.by.unwrap_or_default())),
            Key::Others => "(other values)".to_owned(),
        }
    }
}
