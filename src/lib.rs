#![doc = include_str!("../README.md")]

#[cfg(not(target_has_atomic = "64"))]
compile_error!("ampacity keeps a breaker's state in one 64-bit atomic, which this target lacks");

mod bits;
mod breaker;
mod circuit;
pub mod classify;
mod clock;
mod config;
mod contained;
mod error;
mod event;
mod grain;
mod metrics;
#[cfg(feature = "serde")]
mod nanos;
mod opens;
mod permit;
mod planted;
mod registry;
mod saved;
mod slot;
mod stamp;
mod sync;
mod window;
mod word;

pub use breaker::{CircuitBreaker, Classified};
#[cfg(feature = "fast-clock")]
pub use clock::FastClock;
pub use clock::{Clock, ManualClock, StdClock};
pub use config::{Builder, Config, ConfigError, Preset, Timing, Value};
pub use error::{CallError, Rejected};
pub use event::listeners::ListenerId;
pub use event::{Cause, Event, EventCounts};
pub use metrics::latency::Latency;
#[cfg(feature = "contention")]
pub use metrics::snapshot::Contention;
pub use metrics::snapshot::{Latencies, Lifetime, Rejections, Snapshot, Transitions};
pub use permit::{Outcome, OwnedPermit, Permit};
pub use registry::{Registry, RegistryError};
pub use saved::{RestoreError, Saved};
pub use window::Window;
pub use word::{Reason, State};

#[cfg(all(doctest, feature = "serde"))]
#[doc = include_str!("../docs/configuration.md")]
mod configuration {}

/// For the models in `loom-tests`; exists in no other build.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub mod model;
