//! The models. A module a subject, a test a property; `README.md` has the table
//! of invariants, tests and canaries.

#![deny(unused_must_use)] // each race owes a proof that its actors met

mod admission_and_report;
mod by_hand;
mod counting;
#[cfg(ampacity_shuttle)]
mod crowd;
mod deadline;
mod dropped;
mod effects;
mod eras;
mod evaluation;
mod events;
mod give_back;
#[cfg(not(ampacity_loom))]
mod histories;
#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod laps;
mod lease;
mod made_and_replaced;
mod probes;
#[cfg(all(ampacity_loom, crossbeam_loom))]
mod reclaimed;
#[cfg(not(ampacity_loom))]
mod registry;
mod restore;
mod retry;
mod slots;
mod stale;
#[cfg(ampacity_shuttle)]
mod suspended;
mod trip;
mod verdict;
#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod windows;
