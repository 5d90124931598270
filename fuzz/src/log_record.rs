//! Any values, logged.

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ampacity_log::reader::{Entry, Reader, Record};
use ampacity_log::{Log, Memory, SCHEMA_VERSION, Sink};
use arbitrary::{Arbitrary, Unstructured};

use crate::act::{self, Act, INNER};
use crate::expected::{Expected, Size, escaped};
use crate::input::{Fields, Given, Hides, Input, context};
use crate::tree::Tree;

/// The longest input that is looked at: its values lie within each other, and what reads them
/// here recurses.
const MOST_BYTES: usize = 8 << 10;

/// What comes first in a record, in this order; after it fields may come.
const HEAD: [&str; 8] =
    ["timestamp", "schema_version", "level", "logger", "event_type", "message", "seq", "stream"];
/// The envelope's other names.
const REST: [&str; 4] = ["trace_id", "span_id", "fields", "truncated"];

/// Logs what `data` makes up: each record is one line that two parsers read alike, within its
/// bounds, that tells the truth about what was cut, and has everything else as it was given.
pub fn log_record(data: &[u8]) {
    let data = &data[..data.len().min(MOST_BYTES)];
    if let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) {
        let lines = logged(&input);
        check(&input, &lines);
    }
}

/// Logs it all; what was written.
fn logged(input: &Input<'_>) -> Vec<u8> {
    let memory = Memory::new();
    let (settings, now) = (&input.settings, input.settings.now());
    let sink = Sink::memory(&memory).level(settings.least.0).queue(1 << 16, 1 << 30);
    let builder = Log::builder(settings.logger)
        .sink(sink)
        .value_bytes(settings.value_bytes.0)
        .record_bytes(settings.record_bytes.0)
        .depth(settings.depth.0)
        .redaction(settings.hides.redaction())
        .clock(move || now);
    let base = input.base.iter();
    let builder = base.fold(builder, |builder, (name, act)| builder.field(name.0, act));
    let log = builder.build().expect("the settings are in range");

    act::log_to(log.clone());
    context(&input.context, input.trace).scope(|| {
        input.records.iter().for_each(|given| emit(&log, given));
    });
    act::log_to(Log::off());

    log.flush(Duration::from_secs(60)).expect("memory is not slow");
    let lines = memory.bytes();
    let counts = log.counts()[0].1;
    let written = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!((counts.emitted, counts.written), (written, written), "{counts:?}");
    lines
}

fn emit(log: &Log, given: &Given<'_>) {
    let mut record = log.event_at(given.level.0, given.event_type.0);
    if let Some(message) = &given.message {
        record = record.message(message);
    }
    for (name, act) in &given.fields {
        record = record.field(name.0, act);
    }
    if let Some(trace) = given.trace.trace() {
        record = record.trace(trace);
    }
    record.emit();
}

fn check(input: &Input<'_>, lines: &[u8]) {
    let least = input.settings.least.0;
    let mut due = input.records.iter().filter(|given| given.level.0 >= least);
    let mut stream = None;
    for (number, entry) in Reader::new(lines).max_line(lines.len()).enumerate() {
        let Ok(Entry::Record(record)) = entry else { panic!("no record: {entry:?}") };
        record.check().expect("the envelope is whole");
        assert!(record.size() <= input.settings.record_bytes.0 as u64, "{} bytes", record.size());
        assert_eq!(record.seq(), Some(number as u64));
        assert_eq!(
            stream.get_or_insert(record.stream().map(str::to_owned)).as_deref(),
            record.stream()
        );

        let tree = Tree::parse(record.line()).expect("JSON without a key twice");
        assert!(tree.is(&record.object().clone().into()), "{tree:?} is not {record:?}");
        let names: Vec<_> = tree.members().iter().map(|(name, _)| &**name).collect();
        assert_eq!(names.get(..8), Some(&HEAD[..]));

        time(input.settings.now(), &record);
        if record.event_type() != Some(INNER.as_str()) {
            let given = due.next().expect("nothing but what was given");
            Seen::new(&tree).check(input, given);
        }
    }
    assert!(due.next().is_none(), "all that was given");
}

/// Whether the record is of that time, to the microsecond, if four digits name its year.
fn time(now: SystemTime, record: &Record) {
    let micros = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i128,
        Err(before) => -(before.duration().as_nanos().div_ceil(1000) as i128),
    };
    let second = micros(now).div_euclid(1_000_000);
    if (-62_167_219_200..253_402_207_200).contains(&second) {
        assert_eq!(record.timestamp().map(micros), Some(micros(now)));
    }
}

/// A record as it was written.
struct Seen<'a> {
    tree: &'a Tree,
    truncated: Vec<&'a str>,
    /// More may be cut than is named.
    full: bool,
}

/// Where a field is from, the strongest last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// Always without secrets.
    Context,
    Record,
}

impl<'a> Seen<'a> {
    fn new(tree: &'a Tree) -> Self {
        let truncated = match tree.get("truncated") {
            Some(Tree::Array(names)) => names.iter().filter_map(Tree::text).collect(),
            _ => Vec::new(),
        };
        let full = truncated.iter().map(|name| escaped(name) + 3).sum::<usize>() > 700;
        Seen { tree, truncated, full }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.tree.get(name).and_then(Tree::text)
    }

    fn check(&self, input: &Input<'_>, given: &Given<'_>) {
        assert_eq!(self.text("schema_version"), Some(SCHEMA_VERSION));
        assert_eq!(self.text("level"), Some(given.level.0.as_str()));
        for (name, text) in
            [("logger", input.settings.logger), ("event_type", given.event_type.0.as_str())]
        {
            let seen = self.text(name).expect("text");
            assert!(seen == text || escaped(text) > 250 && is_cut(seen, text), "{name}: {seen}");
        }
        self.message(given);
        let trace = given.trace.trace().or(input.trace.trace());
        let ids = trace.map(|trace| (trace.trace_id().to_string(), trace.span_id().to_string()));
        let seen = self.text("trace_id").zip(self.text("span_id"));
        assert_eq!(seen, ids.as_ref().map(|(trace, span)| (&**trace, &**span)));

        let all = [
            (&input.base, From::Context),
            (&input.context, From::Context),
            (&given.fields, From::Record),
        ];
        self.fields(input.settings.hides, &all);
        if fits(input, given, &all) {
            assert!(self.truncated.is_empty(), "cut without need: {:?}", self.truncated);
        }
    }

    fn message(&self, given: &Given<'_>) {
        let seen = self.text("message").expect("text");
        let event_type = given.event_type.0.as_str();
        match &given.message {
            None => assert!(
                seen.strip_prefix("Event: ")
                    .is_some_and(|seen| seen == event_type || is_cut(seen, event_type))
            ),
            Some(message) => match message.text() {
                _ if self.may_be_cut("message") => {}
                Some(text) => assert_eq!(seen, text),
                None => assert_eq!(seen, "$error: format_failed"),
            },
        }
    }

    fn may_be_cut(&self, name: &str) -> bool {
        self.full || self.truncated.contains(&name)
    }

    fn fields(&self, hides: Hides, all: &[(&Fields<'_>, From)]) {
        let mut merged: BTreeMap<&str, (&Act<'_>, From)> = BTreeMap::new();
        for (fields, from) in all {
            merged.extend(fields.iter().map(|(name, act)| (name.0, (act, *from))));
        }
        let is_reserved = |name: &str| HEAD.contains(&name) || REST.contains(&name);
        let is_long = |name: &str| escaped(name) > 250;

        for (name, (act, from)) in &merged {
            let place = if is_reserved(name) { self.tree.get("fields") } else { Some(self.tree) };
            let seen = place.and_then(|place| place.get(name));
            if is_long(name) || self.may_be_cut(name) {
                continue;
            }
            let seen = seen.unwrap_or_else(|| panic!("{name:?} is not in {:?}", self.tree));
            let expected = Expected::of(act);
            let all = hides == Hides::Nothing && *from == From::Record;
            assert!(expected.is_under(name, seen, all), "{name:?}: {seen:?} is not {act:?}");
        }

        let mut known = merged.keys();
        let any_long = known.any(|name| is_long(name));
        let collided = self.tree.get("fields").map_or(&[][..], Tree::members);
        for (name, _) in self.tree.members().iter().chain(collided) {
            let known = is_reserved(name) || merged.contains_key(&**name);
            assert!(known || any_long, "{name:?} was not given");
        }
    }
}

/// Whether `seen` is a beginning of `text`.
fn is_cut(seen: &str, text: &str) -> bool {
    seen.strip_suffix('…').is_some_and(|seen| text.starts_with(seen))
}

/// Whether there is room for everything, so that nothing need be cut.
fn fits(input: &Input<'_>, given: &Given<'_>, all: &[(&Fields<'_>, From)]) -> bool {
    let settings = &input.settings;
    let depth = settings.depth.0.min(16);
    let (mut used, mut count) = (0, 0);
    for (name, act) in all.iter().flat_map(|(fields, _)| fields.iter()) {
        let expected = Expected::of(act);
        let Size { bytes, depth: levels } = expected.size();
        let bytes = bytes + 17 * levels + 64;
        let is_known = !matches!(expected, Expected::Unknown | Expected::Fails);
        if !is_known || levels > depth || bytes > settings.value_bytes.0.min(16 << 10) {
            return false;
        }
        used += escaped(name.0) + bytes + 4;
        count += 1;
    }
    if let Some(message) = &given.message {
        let Some(text) = message.text() else { return false };
        let bytes = escaped(&text) + 64;
        if bytes > settings.value_bytes.0 {
            return false;
        }
        used += bytes;
    }
    // The envelope has 5 KiB to itself.
    count < 100 && used + 64 <= settings.record_bytes.0 - (5 << 10)
}
