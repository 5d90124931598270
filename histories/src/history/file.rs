//! Histories as files: JSON lines, the breaker first and then an operation a line.
//!
//! What is read may be anything. It is a history only if every number is one that the model
//! can count with; whether it makes sense otherwise, the checker says.

use super::{Call, History, Operation};
use crate::model::Model;
use crate::spec::consecutive::End;
use serde::{Deserialize, Serialize};
use std::fmt;

const FORMAT: &str = "ampacity history 1";

/// The most operations in a file: more than two rounds of the largest storm.
const MOST: usize = 32_768;

/// The largest era, and the largest time in ms: what is added to them stays far from the end
/// of 64 bits.
const LARGEST: u64 = 1 << 40;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    start: Model,
}

/// Why a file is no history.
#[derive(Debug)]
pub enum Garbage {
    /// This line, counted from 1, does not say what a line must.
    Line(usize, serde_json::Error),
    /// It begins with another format.
    Format(String),
    /// It has more operations than are read.
    TooMany,
    /// A number is larger than the model counts.
    TooLarge {
        /// The line, counted from 1.
        line: usize,
        /// What it is.
        what: &'static str,
        /// How large.
        is: u64,
    },
    /// It is empty.
    Empty,
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Garbage::Line(line, why) => write!(f, "line {line}: {why}"),
            Garbage::Format(format) => write!(f, "line 1: format `{format}`, not `{FORMAT}`"),
            Garbage::TooMany => write!(f, "more than {MOST} operations"),
            Garbage::TooLarge { line, what, is } => {
                write!(f, "line {line}: the {what} is out of bounds: {is}")
            }
            Garbage::Empty => f.write_str("an empty file"),
        }
    }
}

impl std::error::Error for Garbage {}

impl History {
    /// The text of its file.
    ///
    /// # Errors
    ///
    /// None that is known: a history has nothing that JSON lacks.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let header = Header { format: FORMAT.to_owned(), start: self.start.clone() };
        let mut text = serde_json::to_string(&header)? + "\n";
        for operation in &self.operations {
            text += &serde_json::to_string(operation)?;
            text.push('\n');
        }
        Ok(text)
    }

    /// What a file says.
    ///
    /// # Errors
    ///
    /// Why it is no history.
    pub fn from_text(text: &str) -> Result<History, Garbage> {
        let mut lines = text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty());
        let (first, line) = lines.next().ok_or(Garbage::Empty)?;
        let header: Header = serde_json::from_str(first).map_err(|why| Garbage::Line(line, why))?;
        if header.format != FORMAT {
            return Err(Garbage::Format(header.format));
        }
        let start = header.start;
        if let Err((what, is)) = start.countable() {
            return Err(Garbage::TooLarge { line, what, is });
        }
        let mut operations = Vec::new();
        for (text, line) in lines {
            if operations.len() == MOST {
                return Err(Garbage::TooMany);
            }
            let operation: Operation =
                serde_json::from_str(text).map_err(|why| Garbage::Line(line, why))?;
            let too_large = |(what, is)| Garbage::TooLarge { line, what, is };
            countable(&operation).map_err(too_large)?;
            operations.push(operation);
        }
        Ok(History { start, operations })
    }
}

/// Whether a number is at most `most`.
pub(crate) fn within(what: &'static str, is: u64, most: u64) -> Result<(), (&'static str, u64)> {
    if is <= most { Ok(()) } else { Err((what, is)) }
}

/// Whether a time or an era is one that the model can count with.
pub(crate) fn small(what: &'static str, is: u64) -> Result<(), (&'static str, u64)> {
    within(what, is, LARGEST)
}

fn countable(operation: &Operation) -> Result<(), (&'static str, u64)> {
    match operation.call {
        Call::Clock(at) => small("time", at),
        Call::Settle { era, end: End::OpenFor(wait) } => small("wait", wait).and(small("era", era)),
        Call::Settle { era, .. } => small("era", era),
        _ => Ok(()),
    }
}
