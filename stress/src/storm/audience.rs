//! Threads that read the breaker while the others call it, each with a listener.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ampacity::CircuitBreaker;

use super::ear::Ear;
use super::turns::Turns;
use crate::cpu::thread_cpu;
use crate::workload::view::{self, View};
use crate::workload::{clock, hand};

/// Snapshots that each takes while the calls that were asked for are made.
pub(super) const LOOKS: u64 = 20;
/// Glances at state, era and `would_admit` before each of them.
const GLANCES: u64 = 16;

/// One snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Calls that had been made, as it says.
    pub(super) calls: u64,
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    /// Looks at the clock that it took.
    pub(super) clock: u32,
}

/// What one reader saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) view: View,
    pub(super) looks: Vec<Look>,
    pub(super) glances: u64,
}

impl Seen {
    fn look(&mut self, breaker: &Arc<CircuitBreaker>) {
        for _ in 0..GLANCES {
            self.glances += 1;
            let before = hand::steady(breaker);
            let admits = breaker.would_admit();
            let Some((era, state)) = hand::steady(breaker) else {
                continue;
            };
            self.view.place(era, state);
            if before == Some((era, state)) {
                self.view.answer(era, state, admits);
            }
        }
        let (looks, cpu, start) = (clock::looks(), thread_cpu(), Instant::now());
        let snapshot = breaker.snapshot();
        self.looks.push(Look {
            calls: view::calls(&snapshot),
            cpu: thread_cpu().saturating_sub(cpu),
            wall: start.elapsed(),
            clock: clock::looks().wrapping_sub(looks),
        });
        self.view.add(snapshot);
    }
}

/// The readers, from the first that starts.
pub(super) struct Audience {
    turns: Arc<Turns>,
    seen: Receiver<Seen>,
    pub(super) ears: Vec<Arc<Ear>>,
}

impl Audience {
    /// Starts them; each takes its first look at once.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub(super) fn start(
        size: usize,
        breaker: &Arc<CircuitBreaker>,
        turns: &Arc<Turns>,
    ) -> io::Result<Self> {
        let (say, seen) = channel();
        let ears = (0..size).map(|_| Ear::open(breaker)).collect();
        let audience = Self { turns: Arc::clone(turns), seen, ears };
        let start_one = |index| {
            let (breaker, turns, say) = (Arc::clone(breaker), Arc::clone(turns), say.clone());
            thread::Builder::new()
                .name("reader".to_owned())
                .spawn(move || read(&breaker, &turns, index, size as u64, &say))
                .map(|thread| thread.thread().clone())
        };
        let threads = (0..size as u64).map(start_one).collect::<io::Result<_>>();
        turns.are_taken_by(threads?);
        Ok(audience)
    }

    /// What they saw, each for itself; `None` if one does not come back for so long.
    pub(super) fn end(&self, patience: Duration) -> Option<Vec<Seen>> {
        self.turns.end();
        self.ears.iter().map(|_| self.seen.recv_timeout(patience).ok()).collect()
    }
}

/// Also when nobody asks what they saw.
impl Drop for Audience {
    fn drop(&mut self) {
        self.turns.end();
    }
}

fn read(breaker: &Arc<CircuitBreaker>, turns: &Turns, index: u64, of: u64, say: &Sender<Seen>) {
    let mut seen = Seen::default();
    seen.look(breaker);
    let mut turn = index;
    while turns.wait_for(turn) {
        seen.look(breaker);
        turn += of;
    }
    seen.look(breaker);
    // If nobody listens, nobody asks.
    let _ = say.send(seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_looks_first_and_last_and_at_each_of_its_turns() {
        let breaker = Arc::new(CircuitBreaker::new("audience"));
        let turns = Arc::new(Turns::new(10));
        let audience = Audience::start(3, &breaker, &turns).unwrap();
        breaker.try_acquire().unwrap().success();
        turns.called(60);
        let seen = audience.end(Duration::from_secs(60)).unwrap();
        assert_eq!(seen.len(), 3);
        for one in &seen {
            assert!((2..=4).contains(&one.looks.len()), "{:?}", one.looks);
            assert_eq!(one.glances, GLANCES * one.looks.len() as u64);
            assert_eq!(one.looks.last().unwrap().calls, 1);
            assert_eq!([&one.view.fell, &one.view.parts, &one.view.order].map(|f| f.count), [0; 3]);
        }
    }
}
