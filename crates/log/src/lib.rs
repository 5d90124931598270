#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attach;
#[cfg(feature = "tracing")]
mod bridge;
mod builder;
mod calls;
mod contained;
pub mod context;
mod counts;
mod event_type;
mod installed;
mod json;
mod lane;
#[cfg(feature = "tracing-layer")]
mod layer;
mod level;
mod limits;
mod log;
mod queue;
mod random;
pub mod reader;
mod record;
mod redact;
mod reporter;
mod scratch;
mod shared;
mod sink;
mod stamp;
mod timed;
mod trace;
pub mod value;
mod writer;

pub use attach::Attachment;
pub use builder::{BuildError, Builder};
pub use calls::ToolStatus;
pub use context::Context;
pub use counts::Counts;
pub use event_type::EventType;
pub use installed::Installed;
pub use lane::Overflow;
pub use level::{Level, UnknownLevel};
pub use log::Log;
pub use record::Record;
pub use redact::Redaction;
pub use shared::Unflushed;
pub use sink::{FileError, FileSink, Memory, Sink};
pub use timed::Timed;
pub use trace::{SpanId, Trace, TraceError, TraceId};
pub use value::{bytes, debug, display, keys_only};

/// The version of the records' form, as their `schema_version`.
pub const SCHEMA_VERSION: &str = "2.0.0";
