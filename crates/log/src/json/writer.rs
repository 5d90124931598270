//! Writes within limits, and keeps account of what is open, so that it can end at any point.

use core::fmt::{self, Write};

use serde::Serialize;

use super::scratch::Scratch;
use super::text::{self, Capped};
use super::{FAILED, Outcome, REDACTED, Rules};

/// The most arrays and objects within each other, whatever the rules say: the bits of `kinds`.
const MAX_DEPTH: usize = 128;
/// The most wrappers (`Some`, newtypes) around and within each other: they write nothing, so only
/// this keeps a chain of them from using up the stack.
const MAX_WRAPPERS: usize = 128;
/// An element begins only where it has this much room: enough for any number and any marker.
pub(super) const ELEMENT_BYTES: usize = 48;
/// What an array or object sets aside for its own end, `,{"$cut":"size"}]`.
const END_BYTES: usize = 17;
/// The least room that is worth one value.
const MIN_BYTES: usize = 64;
/// How much is searched for secrets beyond what is written: half a secret resembles none.
const SEARCHED_BYTES: usize = 4 << 10;

/// Ends a value early. Why is the writer's to know: what a value makes of this error is its own.
#[derive(Debug)]
pub(super) struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value ends here")
    }
}

impl core::error::Error for Stop {}

impl serde::ser::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop
    }
}

/// How it goes with the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Going,
    /// A marker stands for the innermost value, whose code is being left by an error; whoever
    /// holds it goes on after it.
    Skipped,
    /// There is no more room, and a marker says so; only what is open gets closed.
    Full,
    /// The value erred.
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Object,
}

/// Writes one value.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) rules: &'a Rules<'a>,
    pub(super) flow: Flow,
    start: usize,
    /// No value reaches beyond this offset; what is open has its ends' bytes behind it.
    pub(super) limit: usize,
    depth: usize, // in 0..=MAX_DEPTH
    kinds: u128,  // the innermost lowest; a one is an object
    wrappers: usize,
    pub(super) cut: bool,
    scratch: Option<Box<Scratch>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, rules: &'a Rules<'a>, room: usize) -> Self {
        let start = out.len();
        let room = room.min(rules.value_bytes).max(MIN_BYTES);
        Writer {
            out,
            rules,
            flow: Flow::Going,
            start,
            limit: start.saturating_add(room),
            depth: 0,
            kinds: 0,
            wrappers: 0,
            cut: false,
            scratch: None,
        }
    }

    /// Ends the value, however its code ended.
    pub(super) fn settle(mut self, ended: Result<(), Stop>) -> Outcome {
        let failed = match self.flow {
            Flow::Going => ended.is_err(),
            Flow::Skipped => self.depth > 0,
            Flow::Full => false,
            Flow::Failed => true,
        };
        if failed {
            self.out.truncate(self.start);
            self.out.extend_from_slice(FAILED);
        } else {
            self.close_to(0);
        }
        if let Some(scratch) = self.scratch {
            scratch.give_back();
        }
        match (failed, self.cut) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Cut,
            (false, false) => Outcome::Whole,
        }
    }

    pub(super) fn scratch(&mut self) -> &mut Scratch {
        self.scratch.get_or_insert_with(Scratch::take)
    }

    /// What is written, and where in it the keys of the open objects are.
    pub(super) fn written(&mut self) -> (&[u8], &[(usize, usize)]) {
        let scratch = self.scratch.get_or_insert_with(Scratch::take);
        (self.out, &scratch.keys)
    }

    /// Errs unless the value may go on: after its end every call does, so that a value that
    /// does not heed errors writes nothing more.
    pub(super) fn going(&self) -> Result<(), Stop> {
        if self.flow == Flow::Going { Ok(()) } else { Err(Stop) }
    }

    pub(super) fn fail<T>(&mut self) -> Result<T, Stop> {
        self.flow = Flow::Failed;
        Err(Stop)
    }

    /// Leaves the innermost value's code; what stands for it has been written.
    pub(super) fn skip<T>(&mut self) -> Result<T, Stop> {
        self.flow = Flow::Skipped;
        Err(Stop)
    }

    /// Writes `marker` for the innermost value, and leaves its code.
    pub(super) fn cut<T>(&mut self, marker: &str) -> Result<T, Stop> {
        self.out.extend_from_slice(marker.as_bytes());
        self.cut = true;
        self.skip()
    }

    /// Opens an array or object, or leaves the value's code if there is no room.
    pub(super) fn open(&mut self, kind: Kind) -> Result<(), Stop> {
        self.going()?;
        if self.depth >= self.rules.depth.min(MAX_DEPTH) {
            return self.cut(r#"{"$cut":"depth"}"#);
        }
        if self.out.len() + 1 + END_BYTES > self.limit {
            return self.cut(r#"{"$cut":"size"}"#);
        }
        self.limit -= END_BYTES;
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(kind == Kind::Object);
        self.out.push(if kind == Kind::Object { b'{' } else { b'[' });
        Ok(())
    }

    /// Closes the innermost array or object.
    pub(super) fn close(&mut self) {
        self.out.push(if self.kinds & 1 == 1 { b'}' } else { b']' });
        self.kinds >>= 1;
        self.depth -= 1;
        self.limit += END_BYTES;
    }

    fn close_to(&mut self, depth: usize) {
        while self.depth > depth {
            self.close();
        }
    }

    /// Whether another element, that has `bytes` of its own before its value, has room.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.out.len() + bytes + ELEMENT_BYTES <= self.limit
    }

    /// Ends the whole value, with `marker` last in the innermost array or object.
    pub(super) fn full<T>(&mut self, marker: &str) -> Result<T, Stop> {
        if !marker.is_empty() {
            self.comma();
            self.out.extend_from_slice(marker.as_bytes());
        }
        self.cut = true;
        self.flow = Flow::Full;
        Err(Stop)
    }

    /// A comma, unless the innermost array or object is empty.
    pub(super) fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'[' | b'{')) {
            self.out.push(b',');
        }
    }

    /// Writes a value within the innermost array or object.
    pub(super) fn child<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let depth = self.depth;
        let Err(Stop) = value.serialize(&mut *self) else { return Ok(()) };
        match self.flow {
            Flow::Skipped if self.depth == depth => {
                self.flow = Flow::Going;
                Ok(())
            }
            Flow::Full => Err(Stop),
            // Also where whoever holds the value would forgive it: half of it is written.
            _ => self.fail(),
        }
    }

    /// Writes a key of any type as a string, in at most `bytes` of what room there is.
    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T, bytes: usize) -> Result<(), Stop> {
        let (start, depth, limit) = (self.out.len(), self.depth, self.limit);
        let keys = self.scratch().keys.len();
        self.limit = limit.min(start + bytes);
        let written = self.child(key);
        if self.flow == Flow::Full {
            // Only the key is.
            self.close_to(depth);
            self.scratch().keys.truncate(keys);
            self.flow = Flow::Going;
        } else {
            written?;
        }
        self.limit = limit;
        text::stringify(self.out, start);
        Ok(())
    }

    /// What a wrapper holds.
    pub(super) fn wrapped<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.going()?;
        if self.wrappers == MAX_WRAPPERS {
            return self.cut(r#"{"$cut":"depth"}"#);
        }
        self.wrappers += 1;
        let written = value.serialize(&mut *self);
        self.wrappers -= 1;
        written
    }

    /// A number or a literal, whose text is short.
    pub(super) fn plain<T: Serialize>(&mut self, value: T) -> Result<(), Stop> {
        self.going()?;
        // Writing a number to memory does not fail.
        let _ = serde_json::to_writer(&mut *self.out, &value);
        Ok(())
    }

    /// A string, cut where the room ends.
    pub(super) fn string(&mut self, text: &str) -> Result<(), Stop> {
        self.going()?;
        self.put(text, false);
        Ok(())
    }

    /// Writes what may be seen of `text`, of which there was `more`.
    fn put(&mut self, text: &str, more: bool) {
        let room = self.limit - self.out.len();
        let values = self.rules.redaction.values();
        if values.is_empty() {
            self.cut |= text::string(self.out, text, room, more);
            return;
        }
        let scratch = self.scratch.get_or_insert_with(Scratch::take);
        let searched = text::prefix(text, room + SEARCHED_BYTES);
        scratch.masked.clear();
        values.mask(searched, &mut scratch.masked, &mut scratch.found);
        let more = more || searched.len() < text.len();
        self.cut |= text::string(self.out, &scratch.masked, room, more);
    }

    pub(super) fn redacted(&mut self) {
        text::string(self.out, REDACTED, ELEMENT_BYTES, false);
    }

    /// What `value` shows, as a string.
    pub(super) fn shown<T: fmt::Display + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.going()?;
        let searched = if self.rules.redaction.values().is_empty() { 0 } else { SEARCHED_BYTES };
        let (shown, more) = self.collected(value, self.limit - self.out.len() + searched)?;
        self.put(&shown, more);
        self.scratch().text = shown;
        Ok(())
    }

    /// Up to `bytes` of what `value` shows, and whether there was more.
    pub(super) fn collected<T: fmt::Display + ?Sized>(
        &mut self,
        value: &T,
        bytes: usize,
    ) -> Result<(String, bool), Stop> {
        let mut shown = core::mem::take(&mut self.scratch().text);
        shown.clear();
        let mut capped = Capped { text: &mut shown, bytes, full: false };
        let written = write!(capped, "{value}");
        let more = capped.full;
        if written.is_err() && !more {
            return self.fail();
        }
        Ok((shown, more))
    }
}
