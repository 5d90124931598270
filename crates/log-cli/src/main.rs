//! `ampacity-log`: reads event logs. Prints them, counts, measures, verifies.

#![forbid(unsafe_code)]

mod cli;
mod count;
mod escape;
mod follow;
mod groups;
mod input;
mod out;
mod percentiles;
mod pretty;
mod show;
mod tally;
mod verify;
mod wanted;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
