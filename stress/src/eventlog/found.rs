//! What is in a log, by its own reader.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use ampacity_log::EventType;
use ampacity_log::reader::{Entry, Gaps, Reader, Record};

/// The field of a program's first record that says whose it is.
pub(super) const PROCESS: &str = "pid";

/// What this run, and whoever wrote to the same file meanwhile, left there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) streams: BTreeMap<String, Told>,
    pub(super) gaps: Gaps,
    /// The stream that is this run's, once that is known.
    pub(super) ours: Option<String>,
    /// Lines that are no records, or torn ones.
    pub(super) torn: u64,
    /// Records without all that one has to have.
    pub(super) malformed: u64,
    /// The first of either.
    pub(super) fault: Option<String>,
    /// Where in the file the reading began.
    pub(super) start: u64,
}

/// What the records of one stream tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) transitions: u64,
    pub(super) rejected: u64,
    pub(super) fallbacks: u64,
    pub(super) calls: u64,
}

/// The records of one stream, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) records: u64,
    pub(super) repeated: u64,
    /// One more than the highest.
    pub(super) end: u64,
}

impl Found {
    /// Reads the file from `start` on.
    ///
    /// # Errors
    ///
    /// The system cannot read it.
    pub(super) fn read(path: &Path, start: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut found = Self { start, ..Self::default() };
        for entry in Reader::new(file) {
            found.take(entry?);
        }
        Ok(found)
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Record(record) => {
                if let Err(why) = record.check() {
                    self.malformed += 1;
                    self.fault.get_or_insert_with(|| format!("{why}: {}", start_of(record.line())));
                }
                self.gaps.add(&record);
                let Some(stream) = record.stream() else { return };
                if is_our_first(&record) {
                    self.ours = Some(stream.to_owned());
                }
                self.streams.entry(stream.to_owned()).or_default().add(&record);
            }
            // A blank line is where a torn one ended, of this run or the one before.
            Entry::Skipped(skipped) if skipped.reason().is_loss() => {
                self.torn += 1;
                let at = self.start.saturating_add(skipped.offset());
                let (bytes, reason) = (skipped.size(), skipped.reason());
                self.fault
                    .get_or_insert_with(|| format!("offset {at}: {bytes} bytes skipped: {reason}"));
            }
            Entry::Skipped(_) => {}
        }
    }

    /// What this run's stream tells. It is the one that begins with this process, or, where
    /// that record is lost, the only one; if nobody can tell, there is none.
    pub(super) fn ours(&self) -> Option<(Told, Numbers)> {
        let name = match (&self.ours, self.streams.len()) {
            (Some(name), _) => name,
            (None, 0) => return Some(Default::default()),
            (None, 1) => self.streams.keys().next()?,
            (None, _) => return None,
        };
        let (_, stream) = self.gaps.streams().find(|(stream, _)| stream == name)?;
        let (records, repeated) = (stream.records(), stream.repeated());
        let numbers = Numbers { records, repeated, end: stream.last() + 1 };
        Some((*self.streams.get(name)?, numbers))
    }
}

fn is_our_first(record: &Record) -> bool {
    record.event_type() == Some(EventType::SystemStart.as_str())
        && record.get(PROCESS).and_then(serde_json::Value::as_u64)
            == Some(u64::from(std::process::id()))
}

fn start_of(line: &str) -> String {
    line.chars().take(60).collect()
}

const TRANSITIONS: [EventType; 7] = [
    EventType::CircuitBreakerOpened,
    EventType::CircuitBreakerHalfOpened,
    EventType::CircuitBreakerClosed,
    EventType::CircuitBreakerForcedOpen,
    EventType::CircuitBreakerDisabled,
    EventType::CircuitBreakerMetricsOnly,
    EventType::CircuitBreakerWouldOpen,
];
const CALLS: [EventType; 2] = [EventType::ToolCompleted, EventType::ToolFailed];

impl Told {
    fn add(&mut self, record: &Record) {
        let Some(event_type) = record.event_type() else { return };
        let is = |one: &EventType| one.as_str() == event_type;
        let number = |name: &str| record.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
        self.transitions += u64::from(TRANSITIONS.iter().any(is));
        self.calls += u64::from(CALLS.iter().any(is));
        if is(&EventType::CircuitBreakerRejections) {
            self.rejected += number("rejected");
        }
        if is(&EventType::CircuitBreakerFallbacks) {
            self.fallbacks += number("fallbacks");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn found(lines: &[String]) -> Found {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // What was there before the run is not looked at.
        write!(file, "torn\n{}", lines.concat()).unwrap();
        Found::read(file.path(), 5).unwrap()
    }

    fn line(stream: char, seq: u64, rest: &str) -> String {
        let stream = String::from(stream).repeat(16);
        format!(
            r#"{{"timestamp":"2026-11-23T13:15:02.123456Z","schema_version":"2.0.0","level":"INFO","logger":"l","message":"m","seq":{seq},"stream":"{stream}","event_type":{rest}}}"#
        ) + "\n"
    }

    fn first(stream: char) -> String {
        line(stream, 0, &format!(r#""system.start","pid":{}"#, std::process::id()))
    }

    #[test]
    fn each_kind_of_record_is_counted_for_its_own_stream() {
        let found = found(&[
            first('a'),
            line('a', 1, r#""circuit_breaker.opened""#),
            line('b', 7, r#""circuit_breaker.opened""#),
            line('a', 3, r#""circuit_breaker.rejections","rejected":5"#),
            line('a', 4, r#""circuit_breaker.fallbacks","fallbacks":2"#),
            line('a', 5, r#""mcp.tool.failed""#),
            line('a', 6, r#""mcp.tool.completed""#),
        ]);
        let told = Told { transitions: 1, rejected: 5, fallbacks: 2, calls: 2 };
        let numbers = Numbers { records: 6, repeated: 0, end: 7 };
        assert_eq!(found.ours(), Some((told, numbers)));
        assert_eq!((found.torn, found.malformed), (0, 0), "{:?}", found.fault);
    }

    #[test]
    fn without_its_first_record_a_stream_is_known_by_being_alone() {
        let custom = |stream, seq| line(stream, seq, r#""custom""#);
        let records = |found: Found| found.ours().map(|(_, numbers)| numbers.records);
        assert_eq!(records(found(&[])), Some(0));
        assert_eq!(records(found(&[custom('a', 3)])), Some(1));
        assert_eq!(records(found(&[custom('a', 3), custom('b', 0)])), None);
        assert_eq!(records(found(&[custom('a', 3), first('b'), custom('a', 4)])), Some(1));
    }

    #[test]
    fn torn_and_malformed_lines_are_told_of_and_blank_ones_are_not() {
        let found = found(&[
            "\n".to_owned(),
            "{\"timestamp\"\n".to_owned(),
            line('a', 0, "\"custom\"").replace("INFO", "LOUD"),
        ]);
        assert_eq!((found.torn, found.malformed), (1, 1));
        let fault = found.fault.unwrap();
        // In the file, where the run began at 5.
        assert!(fault.starts_with("offset 6: ") && fault.contains("torn"), "{fault}");
    }
}
