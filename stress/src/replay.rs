//! `replay`: a trace of arrivals against a model server in trouble.

use clap::Args;
use serde_json::json;

use crate::program::{Context, Failure, Program, Refusal, Section, Table};

/// The flags of `replay`.
#[derive(Args, Clone, Debug)]
pub struct Options {}

/// Checks the flags.
///
/// # Errors
///
/// None yet.
pub fn prepare(_options: Options) -> Result<Box<dyn Program>, Refusal> {
    Ok(Box::new(Replay))
}

struct Replay;

impl Program for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn run(&self, _ctx: &Context) -> Result<Section, Failure> {
        let table = Table {
            title: "replay: not built yet".to_owned(),
            ..Table::default()
        };
        Ok(Section {
            figures: json!({}),
            tables: vec![table],
            ..Section::default()
        })
    }
}
