//! `contend`: what contention there is, and where.

mod calls;
mod costs;
mod decode;
mod lane;
mod traced;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "contend/no_tracer.rs"]
mod tracer;

use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use calls::Calls;
use lane::Lane;
pub use traced::make_calls as trace_calls;

/// The flags of `contend`.
#[derive(Args, Clone, Debug)]
pub struct Options {}

/// Checks the flags.
///
/// # Errors
///
/// None yet.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let _ = (options, size);
    Ok(Box::new(Contend {}))
}

struct Contend {}

impl Program for Contend {
    fn name(&self) -> &'static str {
        "contend"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut section = Section::default();
        let bar = ctx.bar("contend", Lane::all().count() as u64);
        let calls = Calls::take(&ctx.stop, |done| bar.set_position(done as u64));
        bar.finish_and_clear();
        calls.add_to(&mut section);
        section.partial = ctx.stop.requested();
        Ok(section)
    }
}
