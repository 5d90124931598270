//! Whose turn it is to look: the callers' progress says so, and no reader asks for it.
//!
//! Readers that looked as often as they could would take the cores from the callers, and
//! readers that slept would look at times that have nothing to do with the calls. So every
//! so many calls the caller who makes the last of them wakes the reader whose turn it is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};

/// The turns of all readers. Relaxed throughout: hints of when to look.
#[derive(Debug)]
pub(super) struct Turns {
    /// Calls to a turn.
    each: u64,
    calls: AtomicU64,
    over: AtomicBool,
    readers: OnceLock<Box<[Thread]>>,
}

impl Turns {
    pub(super) fn new(each: u64) -> Self {
        Self {
            each: each.max(1),
            calls: AtomicU64::new(0),
            over: AtomicBool::new(false),
            readers: OnceLock::new(),
        }
    }

    /// Says who the readers are; the first turn is that of the first.
    pub(super) fn are_taken_by(&self, readers: Box<[Thread]>) {
        // Once: there is one audience.
        let _ = self.readers.set(readers);
    }

    /// So many calls were made: wakes those whose turn has come.
    pub(super) fn called(&self, calls: u64) {
        let before = self.calls.fetch_add(calls, Ordering::Relaxed);
        let Some(readers) = self.readers.get().filter(|readers| !readers.is_empty()) else {
            return;
        };
        for turn in before / self.each..(before + calls) / self.each {
            readers[(turn % readers.len() as u64) as usize].unpark();
        }
    }

    /// Lets every reader go.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.readers.get().into_iter().flatten().for_each(Thread::unpark);
    }

    /// Waits, on the reader's thread, until this turn has come; not if all is over.
    pub(super) fn wait_for(&self, turn: u64) -> bool {
        loop {
            if self.over.load(Ordering::Relaxed) {
                return false;
            }
            if self.calls.load(Ordering::Relaxed) / self.each > turn {
                return true;
            }
            // Whoever brings the turn about unparks after it has counted the calls.
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    #[test]
    fn each_turn_wakes_its_reader_and_the_end_wakes_all() {
        let turns = Arc::new(Turns::new(10));
        let (say, said) = channel();
        let readers: Vec<_> = (0..2)
            .map(|index| {
                let (turns, say) = (Arc::clone(&turns), say.clone());
                thread::spawn(move || {
                    let mut turn = index;
                    while turns.wait_for(turn) {
                        say.send(turn).unwrap();
                        turn += 2;
                    }
                })
            })
            .collect();
        turns.are_taken_by(readers.iter().map(|reader| reader.thread().clone()).collect());
        for turn in 0..6 {
            turns.called(9);
            assert!(said.try_recv().is_err());
            turns.called(1);
            assert_eq!(said.recv().unwrap(), turn);
        }
        turns.end();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }

    #[test]
    fn calls_without_readers_wake_nobody() {
        let turns = Turns::new(0);
        turns.called(5);
        turns.are_taken_by(Box::default());
        turns.called(5);
        assert!(turns.wait_for(9));
    }
}
