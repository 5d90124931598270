//! `storm`: ten thousand threads on one breaker.

use clap::Args;
use serde_json::json;

use crate::program::{Context, Failure, Program, Refusal, Section, Table};

/// The flags of `storm`.
#[derive(Args, Clone, Debug)]
pub struct Options {}

/// Checks the flags.
///
/// # Errors
///
/// None yet.
pub fn prepare(_options: Options) -> Result<Box<dyn Program>, Refusal> {
    Ok(Box::new(Storm))
}

struct Storm;

impl Program for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn run(&self, _ctx: &Context) -> Result<Section, Failure> {
        let table = Table {
            title: "storm: not built yet".to_owned(),
            ..Table::default()
        };
        Ok(Section {
            figures: json!({}),
            tables: vec![table],
            ..Section::default()
        })
    }
}
