//! The calls that are traced: what the hidden subcommand makes.
//!
//! Two threads take turns, each with its own slot in the breaker: each makes a number of
//! calls and then twice as many, and raises a signal before, between and after them. Whoever
//! traces keeps the signal from them; without a tracer it ends the process.

use std::hint::black_box;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::{Signal, raise};

use super::lane::{Extent, Lane};
use crate::program::Failure;
use crate::rivals::{Caller, Path};

/// The hidden subcommand.
pub(super) const SUBCOMMAND: &str = "trace-calls";

/// What the threads raise.
pub(super) const MARK: Signal = Signal::SIGUSR1;

/// A thread keeps so much of its stack free above its calls that no store of theirs to the
/// stack is further up.
pub(super) const MARGIN: u64 = 2048;

/// What the second thread is to do.
enum Turn {
    WarmUp(Arc<dyn Caller>, Path, u64),
    Measure(Arc<dyn Caller>, Path, u64),
}

/// Makes the calls of all lanes of this extent, once a byte on the standard input says that a tracer is
/// there.
///
/// # Errors
///
/// Nobody says so, a breaker could not be built, or a call ended otherwise than it should.
pub fn make_calls(extent: Extent) -> Result<(), Failure> {
    std::io::stdin()
        .read_exact(&mut [0])
        .map_err(|_| Failure("nobody traces these calls".to_owned()))?;
    let (turns, to_do) = mpsc::channel::<Turn>();
    let (done, ends) = mpsc::channel::<u64>();
    let second = thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || {
            black_box(&mut [0_u8; 2 * MARGIN as usize]);
            for turn in to_do {
                let wrong = match turn {
                    Turn::WarmUp(caller, path, calls) => caller.timed(path, calls),
                    Turn::Measure(caller, path, calls) => measured(&*caller, path, calls),
                };
                if done.send(wrong).is_err() {
                    return;
                }
            }
        })
        .map_err(|error| Failure(format!("no thread could be started: {error}")))?;
    black_box(&mut [0_u8; 2 * MARGIN as usize]);
    let gone = |_| Failure("the second thread is gone".to_owned());
    for lane in Lane::all(extent) {
        let caller: Arc<dyn Caller> = lane.build()?.into();
        let (path, calls) = (lane.calls_as(), lane.batch());
        let warm = lane.warm_up();
        let mut wrong = caller.timed(path, warm);
        turns
            .send(Turn::WarmUp(Arc::clone(&caller), path, warm))
            .map_err(|_| gone(mpsc::RecvError))?;
        wrong += ends.recv().map_err(gone)?;
        wrong += measured(&*caller, path, calls);
        turns
            .send(Turn::Measure(Arc::clone(&caller), path, calls))
            .map_err(|_| gone(mpsc::RecvError))?;
        wrong += ends.recv().map_err(gone)?;
        if wrong > 0 {
            return Err(Failure(format!("{wrong} calls went wrong: {lane:?}")));
        }
    }
    drop(turns);
    let _ = second.join();
    Ok(())
}

#[inline(never)]
fn measured(caller: &dyn Caller, path: Path, calls: u64) -> u64 {
    mark();
    let mut wrong = caller.timed(path, calls);
    mark();
    wrong += caller.timed(path, 2 * calls);
    mark();
    wrong
}

#[inline(never)]
fn mark() {
    let _ = raise(MARK); // cannot fail
}
