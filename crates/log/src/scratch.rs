//! The buffers that a record is built in: owned by the record, lent by its thread.
//!
//! A field is encoded once, when it is given, and the envelope is put around the fields
//! when the record is emitted. Buffers are emptied before they are used again, whatever
//! became of the record before, so that no byte of one record reaches another.

mod truncated;

use core::fmt;
use std::cell::RefCell;
use std::ops::Range;

use serde::Serialize;

use crate::json::{self, Outcome, Rules};
use crate::limits::Limits;
use crate::record::About;
use crate::stamp::Stamp;
use truncated::note;

/// Buffers larger than this are not kept, nor more of them than this for a thread: one for
/// each record that is being built inside another's formatting.
const KEPT_BYTES: usize = 256 << 10;
const KEPT: usize = 4;

/// Fields of one record at most; later ones are cut. Each is compared with all before it.
const MOST_FIELDS: usize = 256;

/// Names that no field has at the top of a record.
const RESERVED: [&[u8]; 12] = [
    b"timestamp",
    b"schema_version",
    b"level",
    b"logger",
    b"event_type",
    b"message",
    b"seq",
    b"stream",
    b"trace_id",
    b"span_id",
    b"fields",
    b"truncated",
];

thread_local! {
    #[expect(clippy::vec_box, reason = "a record holds its buffers by one pointer")]
    static LENT: RefCell<Vec<Box<Scratch>>> = const { RefCell::new(Vec::new()) };
}

/// Encoded members of an object, `,"name":value` each, with no name twice.
#[derive(Default, Debug)]
pub(crate) struct Members {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    /// The name, quoted.
    name: Range<usize>,
    /// The comma, the name and the value.
    whole: Range<usize>,
}

impl Members {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is a member of this quoted name.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.places.iter().any(|place| self.bytes[place.name.clone()] == *name)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// Adds a member in the place of an earlier one of the same name.
    fn add(&mut self, name: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        let twin = self.places.iter().position(|place| self.bytes[place.name.clone()] == *name);
        let start = self.bytes.len();
        self.bytes.push(b',');
        self.bytes.extend_from_slice(name);
        let name = start + 1..self.bytes.len();
        self.bytes.push(b':');
        value(&mut self.bytes);
        self.places.push(Place { name, whole: start..self.bytes.len() });
        if let Some(twin) = twin {
            self.remove(twin);
        }
    }

    #[cold]
    fn remove(&mut self, index: usize) {
        let gone = self.places.remove(index).whole;
        self.bytes.drain(gone.clone());
        for place in &mut self.places[index..] {
            for range in [&mut place.name, &mut place.whole] {
                *range = range.start - gone.len()..range.end - gone.len();
            }
        }
    }
}

/// A record in the making.
#[derive(Default, Debug)]
pub(crate) struct Scratch {
    pub(crate) about: About,
    /// The record's own fields, those whose names are taken, and the context's.
    pub(crate) own: Members,
    pub(crate) collided: Members,
    pub(crate) context: Members,
    /// The message, quoted; empty if none was given.
    pub(crate) message: Vec<u8>,
    /// The logger and the event type, quoted, where they are not those of the log and of
    /// `about`: of an event of `tracing`, which brings its own.
    pub(crate) logger: Vec<u8>,
    pub(crate) event_type: Vec<u8>,
    /// Names of what was cut, quoted, with a comma before each.
    pub(crate) cut: Vec<u8>,
    /// What `emit` makes of all that: the record before and after its number.
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
    pub(crate) stamp: Stamp,
    /// The name of the field that is being added, quoted.
    name: Vec<u8>,
    /// How many bytes fields, message and the names of what was cut may take together.
    most: usize,
}

impl Scratch {
    /// Empty buffers: those of a record that this thread is through with, if there are any.
    pub(crate) fn take(most: usize) -> Box<Scratch> {
        // Gone while the thread ends; borrowed never, as nothing of ours is called inside.
        let lent = LENT.try_with(|lent| lent.try_borrow_mut().ok()?.pop());
        let mut scratch = lent.ok().flatten().unwrap_or_default();
        scratch.clear();
        scratch.most = most;
        scratch
    }

    /// Keeps the buffers for this thread's next record.
    pub(crate) fn give_back(self: Box<Scratch>) {
        if self.size() > KEPT_BYTES {
            return;
        }
        // Dropped where the thread ends.
        let _ = LENT.try_with(|lent| {
            if let Ok(mut lent) = lent.try_borrow_mut()
                && lent.len() < KEPT
            {
                lent.push(self);
            }
        });
    }

    fn size(&self) -> usize {
        let members = [&self.own, &self.collided, &self.context].map(|all| all.bytes.capacity());
        let rest = [&self.message, &self.cut, &self.head, &self.tail].map(Vec::capacity);
        members.iter().chain(&rest).sum()
    }

    fn clear(&mut self) {
        for members in [&mut self.own, &mut self.collided, &mut self.context] {
            members.clear();
        }
        self.about = About::default();
        for bytes in [&mut self.message, &mut self.cut, &mut self.head, &mut self.tail] {
            bytes.clear();
        }
        self.logger.clear();
        self.event_type.clear();
    }

    /// Adds one of the record's own fields.
    pub(crate) fn field<T: Serialize + ?Sized>(
        &mut self,
        rules: &Rules<'_>,
        name: &str,
        value: &T,
    ) {
        self.name.clear();
        json::key(&mut self.name, name);
        let room = self.room();
        let members = match is_reserved(&self.name) {
            false => &mut self.own,
            true => &mut self.collided,
        };
        let mut cut = false;
        if room < self.name.len() + 64 || members.places.len() >= MOST_FIELDS {
            cut = true;
        } else {
            members.add(&self.name, |out| {
                if rules.redaction.hides(name) {
                    json::redacted(out);
                } else {
                    cut = json::encode(out, value, rules, room) == Outcome::Cut;
                }
            });
        }
        if cut {
            note(&mut self.cut, &self.name);
        }
    }

    /// Adds a field of a context, already encoded and maybe `cut` then, unless there is one of
    /// that name.
    pub(crate) fn inherited(&mut self, rules: &Rules<'_>, name: &str, value: &[u8], cut: bool) {
        self.name.clear();
        json::key(&mut self.name, name);
        let room = self.room();
        let members = match is_reserved(&self.name) {
            false if self.own.has(&self.name) || self.context.has(&self.name) => return,
            false => &mut self.context,
            true if self.collided.has(&self.name) => return,
            true => &mut self.collided,
        };
        if room < self.name.len() + value.len() + 64 || members.places.len() >= MOST_FIELDS {
            return note(&mut self.cut, &self.name);
        }
        let mut cut = cut;
        members.add(&self.name, |out| match value {
            _ if rules.redaction.hides(name) => json::redacted(out),
            _ if as_in_contexts(rules) => out.extend_from_slice(value),
            // Of secrets inside, only this log's rules know.
            [b'{' | b'[', ..] => cut |= encode_again(out, value, rules, room),
            [b'"', ..]
                if !rules.redaction.values().is_empty() || value.len() > rules.value_bytes =>
            {
                cut |= encode_again(out, value, rules, room);
            }
            _ => out.extend_from_slice(value),
        });
        if cut {
            note(&mut self.cut, &self.name);
        }
    }

    /// Sets the message.
    pub(crate) fn message(&mut self, rules: &Rules<'_>, message: &dyn fmt::Display) {
        self.message.clear();
        let room = self.room();
        match json::text(&mut self.message, message, rules, room) {
            Outcome::Whole => {}
            Outcome::Cut => note(&mut self.cut, b"\"message\""),
            // A message is a string in any case.
            Outcome::Failed => {
                self.message.clear();
                json::key(&mut self.message, "$error: format_failed");
            }
        }
    }

    /// Sets the event type to what `shown` says.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn event_type(&mut self, rules: &Rules<'_>, shown: &dyn fmt::Display) {
        self.event_type.clear();
        let rules = Rules { value_bytes: json::KEY_BYTES, ..*rules };
        match json::text(&mut self.event_type, shown, &rules, json::KEY_BYTES) {
            Outcome::Whole => {}
            Outcome::Cut => note(&mut self.cut, b"\"event_type\""),
            Outcome::Failed => {
                self.event_type.clear();
                self.collided.add(b"\"event_type\"", |out| out.extend_from_slice(json::FAILED));
            }
        }
    }

    /// What is left of the record's size.
    pub(crate) fn room(&self) -> usize {
        let members = [&self.own, &self.collided, &self.context].map(|all| all.bytes.len());
        let used: usize = members.iter().sum();
        self.most.saturating_sub(used + self.message.len() + self.cut.len())
    }
}

/// Whether values are encoded under these rules as contexts encode them, or under wider ones.
fn as_in_contexts(rules: &Rules<'_>) -> bool {
    let Limits { value_bytes, depth, .. } = Limits::DEFAULT;
    rules.redaction.is_default() && rules.value_bytes >= value_bytes && rules.depth >= depth
}

/// Encodes what is JSON already under other rules; whether it was cut.
#[cold]
fn encode_again(out: &mut Vec<u8>, value: &[u8], rules: &Rules<'_>, room: usize) -> bool {
    let value: serde_json::Value = serde_json::from_slice(value).unwrap_or_default();
    json::encode(out, &value, rules, room) == Outcome::Cut
}

fn is_reserved(name: &[u8]) -> bool {
    let bare = &name[1..name.len() - 1];
    // Their lengths tell most names from them.
    RESERVED.iter().any(|reserved| reserved.len() == bare.len() && *reserved == bare)
}
