//! What the models share: how a scenario is run under each tool, how a test
//! proves that it met its case, and the stages that scenarios are set on.
//!
//! A scenario is written once. Built with `--cfg ampacity_loom` it runs under
//! loom, with `--cfg ampacity_shuttle` under shuttle, and otherwise on threads
//! of the operating system, some hundred times.

#[cfg(ampacity_shuttle)]
mod crowd;
mod explore;
pub mod invariants;
mod note;
mod reached;
mod search;
mod stage;
#[cfg(ampacity_shuttle)]
mod stopped;

#[cfg(ampacity_shuttle)]
pub use crowd::{CROWD, crowd};
pub use explore::{actor, race, race_of_three, race_of_three_within, race_within};
pub use model_runs::NOTHING_SHOWN;
pub use note::Note;
pub use reached::{Raced, Reached, Steps};
pub use search::{Bounds, alone};
pub use stage::{Stage, closed, due, half_open, half_open_with_probes_out, settings};
#[cfg(ampacity_shuttle)]
pub use stopped::stop_at_every_step;

/// The threads of the tool at hand.
pub mod tool {
    #[cfg(ampacity_loom)]
    pub use loom::{sync::atomic::AtomicU64, thread};
    #[cfg(ampacity_shuttle)]
    pub use shuttle::{sync::atomic::AtomicU64, thread};
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    pub use std::{sync::atomic::AtomicU64, thread};
}
