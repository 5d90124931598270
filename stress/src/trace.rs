//! Reads a trace of LLM requests: `TIMESTAMP,ContextTokens,GeneratedTokens`.
//!
//! A trace is somebody else's file, so everything is bounded and every refusal names
//! the file, the line and the reason. What is accepted: CRLF or LF, a missing newline
//! at the very end, and timestamps that step back by up to [`MAX_STEP_BACK`], as they
//! do where several machines wrote them; those are put in order.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use csv::{ByteRecord, ReaderBuilder};
use jiff::civil::DateTime;

/// The columns, by name and order.
pub const HEAD: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// How a timestamp is written; the fraction may have any number of digits up to nine.
pub const STAMP: &str = "%Y-%m-%d %H:%M:%S%.f";

/// The largest file that is read.
pub const MAX_BYTES: u64 = 16 << 20;

/// The most requests a trace may have.
pub const MAX_REQUESTS: usize = 250_000;

/// More tokens than any model's context; above it a count is taken for a mistake.
pub const MAX_TOKENS: u32 = 10_000_000;

/// The longest time a trace may cover.
pub const MAX_SPAN: Duration = Duration::from_secs(31 * 24 * 3600);

/// How far a timestamp may lie before the latest one above it.
pub const MAX_STEP_BACK: Duration = Duration::from_secs(1);

/// The characters of a field that an error shows.
const LONGEST_SHOWN: usize = 64;

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it came, from the first one on.
    pub at: Duration,
    /// Tokens of the prompt.
    pub context: u32,
    /// Tokens of the answer.
    pub generated: u32,
}

/// A trace in order of time: two requests at least, the first at zero, the last later.
#[derive(Clone, Debug)]
pub struct Trace {
    arrivals: Vec<Arrival>,
}

impl Trace {
    /// The requests, in order of time.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// From the first request to the last.
    pub fn span(&self) -> Duration {
        self.arrivals.last().map_or(Duration::ZERO, |last| last.at)
    }

    /// Reads the trace in the file at `path`.
    ///
    /// # Errors
    ///
    /// The file is missing, too large, or not a trace.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let name = path.display().to_string();
        let whole = |reason: String| TraceError { file: name.clone(), line: None, reason };
        let unreadable = |error: std::io::Error| whole(format!("cannot be read: {error}"));
        // Asked before it is opened: a pipe without a writer would never open.
        let facts = fs::metadata(path).map_err(unreadable)?;
        if !facts.is_file() {
            return Err(whole("not a regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        // The limit holds for what is read, whatever the file said of its size.
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            let size = facts.len().max(bytes.len() as u64);
            return Err(whole(format!("{size} bytes; at most {MAX_BYTES} are read")));
        }
        Self::parse(&name, &bytes)
    }

    /// Reads a trace from `bytes`; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// The bytes are not a trace.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, TraceError> {
        let fail =
            |line: Option<u64>, reason: String| TraceError { file: file.to_owned(), line, reason };
        if bytes.is_empty() {
            return Err(fail(None, "the file is empty".to_owned()));
        }
        if let Some(at) = first_binary(bytes) {
            let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
            return Err(fail(Some(line), format!("binary data: byte 0x{:02x}", bytes[at])));
        }
        let torn = last_line_if_cut(bytes);
        let refuse = |line: u64, reason: String| {
            let cut = if torn == Some(line) { "the last line is torn: " } else { "" };
            fail(Some(line), format!("{cut}{reason}"))
        };

        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            .from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut rows: Vec<Row> = Vec::new();
        let mut headed = false;
        let mut latest = DateTime::MIN;
        while reader.read_byte_record(&mut record).map_err(|error| fail(None, error.to_string()))? {
            let line = record.position().map_or(0, |from| line_of(bytes, from));
            if !headed {
                if record != HEAD[..] {
                    return Err(refuse(line, format!("the head is not {}", HEAD.join(","))));
                }
                headed = true;
                continue;
            }
            if rows.len() == MAX_REQUESTS {
                return Err(refuse(line, format!("more than {MAX_REQUESTS} requests")));
            }
            let row = Row::read(&record).map_err(|reason| refuse(line, reason))?;
            if let Some(first) = rows.first() {
                in_reason(first.stamp, latest, row.stamp).map_err(|reason| refuse(line, reason))?;
            }
            latest = latest.max(row.stamp);
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(fail(None, "no requests below the head".to_owned()));
        }
        let trace = Self::in_order(rows);
        if trace.span().is_zero() {
            return Err(fail(None, "all requests come at the same time".to_owned()));
        }
        Ok(trace)
    }

    fn in_order(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.stamp);
        let first = rows.first().map_or(DateTime::MIN, |row| row.stamp);
        let arrivals = rows.into_iter().map(|row| Arrival {
            at: row.stamp.duration_since(first).unsigned_abs(),
            context: row.context,
            generated: row.generated,
        });
        Self { arrivals: arrivals.collect() }
    }
}

/// One line, before the times are counted from the first.
struct Row {
    stamp: DateTime,
    context: u32,
    generated: u32,
}

impl Row {
    fn read(record: &ByteRecord) -> Result<Self, String> {
        let fields: Vec<&str> = record
            .iter()
            .map(|field| std::str::from_utf8(field).map(str::trim).map_err(|e| e.to_string()))
            .collect::<Result<_, _>>()?;
        let [stamp, context, generated] = fields[..] else {
            return Err(format!("{} fields, not 3", fields.len()));
        };
        Ok(Self {
            stamp: DateTime::strptime(STAMP, stamp)
                .map_err(|_| format!("{} is {}, not a date and time", HEAD[0], shown(stamp)))?,
            context: tokens(HEAD[1], context)?,
            generated: tokens(HEAD[2], generated)?,
        })
    }
}

fn tokens(column: &str, text: &str) -> Result<u32, String> {
    // As a wide number first, so that "too many" and "negative" are told from "not a number".
    match text.parse::<i128>() {
        Ok(count) if count < 0 => Err(format!("{column} is negative: {count}")),
        Ok(count) => u32::try_from(count)
            .ok()
            .filter(|&count| count <= MAX_TOKENS)
            .ok_or_else(|| format!("{column} is {count}, more than {MAX_TOKENS}")),
        Err(_) => Err(format!("{column} is {}, not a number of tokens", shown(text))),
    }
}

/// A field as an error shows it: of one that is longer than any should be, the beginning.
fn shown(field: &str) -> String {
    let beginning: String = field.chars().take(LONGEST_SHOWN).collect();
    let more = if beginning.len() < field.len() { "…" } else { "" };
    format!("{beginning:?}{more}")
}

/// Whether `stamp` may come after lines that began at `first` and got to `latest`.
fn in_reason(first: DateTime, latest: DateTime, stamp: DateTime) -> Result<(), String> {
    let back = latest.duration_since(stamp);
    if back.is_positive() && back.unsigned_abs() > MAX_STEP_BACK {
        return Err(format!("the time steps back by {:.1} s", back.as_secs_f64()));
    }
    let since = stamp.duration_since(first);
    if since.is_positive() && since.unsigned_abs() > MAX_SPAN {
        let days = since.as_secs() / 86_400;
        return Err(format!("the time is {days} days after the first"));
    }
    Ok(())
}

/// The first byte that no text of this kind has.
fn first_binary(bytes: &[u8]) -> Option<usize> {
    let readable = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
    let odd = |&byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    bytes[..readable].iter().position(odd).or((readable < bytes.len()).then_some(readable))
}

/// The number of the line that a record is on. Where the reader began to look for it there
/// may be the second half of a line's end, and lines with nothing on them.
fn line_of(bytes: &[u8], from: &csv::Position) -> u64 {
    let rest = usize::try_from(from.byte()).ok().and_then(|from| bytes.get(from..));
    let ends = rest.unwrap_or_default().iter().take_while(|byte| b"\r\n".contains(byte));
    from.line() + ends.filter(|&&byte| byte == b'\n').count() as u64
}

/// The number of the last line if it has no newline: only that one can have been cut.
fn last_line_if_cut(bytes: &[u8]) -> Option<u64> {
    let ended = bytes.last().is_none_or(|&byte| byte == b'\n');
    (!ended).then(|| 1 + bytes.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

/// Why a file is not a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from one, if the reason has one.
    pub line: Option<u64>,
    /// What is wrong, with the value that is.
    pub reason: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}: line {line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
#[path = "trace/tests.rs"] // where it is for the fuzz targets, too, which take this file
mod tests;
