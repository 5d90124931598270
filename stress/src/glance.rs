//! `glance`: what a call costs, against an empty call and two mutex breakers.

use clap::Args;
use serde_json::json;

use crate::program::{Context, Failure, Program, Refusal, Section, Table};

/// The flags of `glance`.
#[derive(Args, Clone, Debug)]
pub struct Options {}

/// Checks the flags.
///
/// # Errors
///
/// None yet.
pub fn prepare(_options: Options) -> Result<Box<dyn Program>, Refusal> {
    Ok(Box::new(Glance))
}

struct Glance;

impl Program for Glance {
    fn name(&self) -> &'static str {
        "glance"
    }

    fn run(&self, _ctx: &Context) -> Result<Section, Failure> {
        let table = Table {
            title: "glance: not built yet".to_owned(),
            ..Table::default()
        };
        Ok(Section {
            figures: json!({}),
            tables: vec![table],
            ..Section::default()
        })
    }
}
