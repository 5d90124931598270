//! Structured events as JSON lines.

#![forbid(unsafe_code)]

mod contained;
pub mod context;
mod event_type;
mod json;
mod level;
pub mod reader;
mod redact;
mod sink;
mod trace;
pub mod value;

pub use context::Context;
pub use event_type::EventType;
pub use level::Level;
pub use redact::Redaction;
pub use sink::{FileError, FileSink};
pub use trace::{SpanId, Trace, TraceError, TraceId};
pub use value::{bytes, debug, display, keys_only};
