//! A scenario that must be alone in its process is played by this program run once more,
//! with a hidden subcommand that prints what came of it.

use std::process::{Command, Stdio};

use clap::Args;

use super::engine::{self, Played, Take};
use super::scenario;
use super::time::How;
use crate::program::{Failure, Stop};

/// The hidden subcommand.
const SUBCOMMAND: &str = "play-alone";

/// Which playing, on the command line.
#[derive(Args, Clone, Debug)]
pub struct Options {
    scenario: String,
    #[arg(long)]
    real: bool,
    #[arg(long, default_value_t = 1)]
    stretch: u32,
    #[arg(long)]
    wrong: Option<usize>,
}

/// Plays it here; what the subcommand does. Returns what it prints.
///
/// # Errors
///
/// There is no such scenario, or what came of it cannot be told.
pub fn perform(options: &Options) -> Result<String, Failure> {
    let Options { scenario, real, stretch, wrong } = options;
    let scenario = scenario::named(scenario)
        .ok_or_else(|| Failure(format!("there is no scenario '{scenario}'")))?;
    let how = if *real { How::Real } else { How::Manual };
    let take = Take { scenario, how, stretch: *stretch, wrong: *wrong };
    let played = engine::here(take, &Stop::default());
    serde_json::to_string(&played).map_err(|error| Failure(error.to_string()))
}

/// Plays it in a process of its own.
pub(super) fn play(take: Take, stop: &Stop) -> Played {
    let mut played = match in_a_child(take) {
        Ok(played) => played,
        Err(why) => Played::failed(why),
    };
    // Ctrl-C in a terminal ends the child as well.
    played.stopped |= stop.requested();
    played
}

fn in_a_child(take: Take) -> Result<Played, String> {
    let mut command = std::env::current_exe()
        .map(Command::new)
        .map_err(|error| format!("this program cannot find itself: {error}"))?;
    command.args([SUBCOMMAND, take.scenario.name, "--stretch", &take.stretch.to_string()]);
    if take.how == How::Real {
        command.arg("--real");
    }
    if let Some(index) = take.wrong {
        command.args(["--wrong", &index.to_string()]);
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("no process of its own: {error}"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("its process ended with {}: {error}", output.status))
}
