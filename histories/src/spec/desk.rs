//! Who is told of transitions, and what is kept of them.

use super::model::Turn;
use std::collections::VecDeque;

/// Who is told of transitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Desk {
    /// By number: the last era that each is not told of, the first to come first.
    pub listeners: Vec<(usize, u64)>,
    /// So many transitions are kept.
    history: usize,
    /// The last transitions that were told, the oldest first.
    pub kept: VecDeque<Turn>,
    /// Transitions that somebody was told of, or that were kept.
    pub told: u64,
    /// Listeners that panicked.
    pub panics: u64,
}

impl Desk {
    /// One with a history of that length, and listeners that are told of everything.
    pub fn new(history: usize, listeners: impl IntoIterator<Item = usize>) -> Self {
        let listeners = listeners.into_iter().map(|number| (number, 0)).collect();
        Desk { listeners, history, kept: VecDeque::new(), told: 0, panics: 0 }
    }

    /// Keeps a transition before anybody is told of it.
    pub fn keep(&mut self, turn: &Turn) {
        if self.history > 0 {
            self.told += 1;
            self.kept.push_back(turn.clone());
            if self.kept.len() > self.history {
                self.kept.pop_front();
            }
        }
    }

    /// The next listener after so many that is told of a transition.
    pub fn wants(&self, turn: &Turn, after: Option<usize>) -> Option<usize> {
        let wants = |&&(number, since): &&(usize, u64)| {
            after.is_none_or(|after| number > after) && since < turn.era
        };
        self.listeners.iter().find(wants).map(|&(number, _)| number)
    }
}
