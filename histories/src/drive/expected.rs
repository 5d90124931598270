//! The model, and everything that is done to it: what `subject` does to a breaker, line by
//! line.

use super::clock_after;
use super::illegal::illegal;
use super::op::{Act, By, Call, Form, Judged, Op, Reaction, Returns};
use super::seen::{Seen, refusal};
use super::subject::{HISTORY, START, take};
use super::view::Marked;
use crate::spec::{Asked, Desk, End, Model, Pass, Rules, Saved, Turn};
use std::time::Duration;

/// What a breaker should do, and what its user has in hand.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) model: Model,
    pub(super) desk: Desk,
    is_telling: bool,
    held: Vec<Pass>,
    awaited: Vec<(Call, Pass, u8)>, // and how often it will pend
    primed: Vec<Reaction>,          // the last comes first
    listeners: Vec<usize>,          // those that can be removed
    listened: usize,
    saved: Option<Saved>,
    pub(super) mark: Option<Marked>,
    seen: Vec<Seen>,
}

/// How a call went on.
enum Ran {
    Returned(&'static str),
    Unwound,
}

impl Expected {
    pub(super) fn new(rules: Rules) -> Self {
        Expected {
            model: Model::new(rules, START),
            desk: Desk::new(HISTORY as usize, [0]),
            is_telling: false,
            held: Vec::new(),
            awaited: Vec::new(),
            primed: Vec::new(),
            listeners: Vec::new(),
            listened: 1,
            saved: None,
            mark: None,
            seen: Vec::new(),
        }
    }

    pub(super) fn in_hand(&self) -> usize {
        self.held.len() + self.awaited.len()
    }

    pub(super) fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// Goes on with other settings in a breaker of its own. To be called with nothing in hand.
    pub(super) fn replace(&mut self, rules: Rules) {
        let saved = self.model.save();
        let primed = std::mem::take(&mut self.primed);
        let (kept, seen) = (self.saved.take(), self.take_seen());
        *self = Expected { primed, saved: kept, seen, ..Expected::new(rules) };
        self.restore(&saved);
    }

    pub(super) fn empty_hand(&mut self) {
        while let Some(pass) = self.held.pop() {
            self.settle(pass, End::Drop);
        }
        while let Some((_, pass, _)) = self.awaited.pop() {
            self.settle(pass, End::Drop);
        }
    }

    fn see(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// Tells what there is to tell, unless that is going on.
    fn tell(&mut self) {
        if std::mem::replace(&mut self.is_telling, true) {
            return;
        }
        while let Some(turn) = self.model.untold.pop_front() {
            self.tell_of(&turn);
        }
        self.is_telling = false;
    }

    fn tell_of(&mut self, turn: &Turn) {
        self.desk.keep(turn);
        let mut last = None;
        while let Some(listener) = self.desk.wants(turn, last) {
            last = Some(listener);
            let Turn { era, from, to, ref cause, at } = *turn;
            let (cause, at) = (cause.clone(), Duration::from_nanos(at));
            self.see(Seen::Told { listener, era, edge: (from, to), cause, at });
            match self.primed.pop() {
                Some(Reaction::Does(first, second)) => {
                    self.act(&first);
                    self.act(&second);
                }
                Some(Reaction::Panics) => self.desk.panics += 1,
                None => {}
            }
        }
    }

    fn acquire(&mut self) -> Option<Pass> {
        loop {
            let asked = self.model.acquire();
            self.tell();
            match asked {
                Asked::Passes(pass) => return Some(pass),
                Asked::Refused(reason, wait) => {
                    self.see(Seen::Refused { reason, wait, text: refusal(reason) });
                    return None;
                }
                Asked::Again => {}
            }
        }
    }

    fn settle(&mut self, pass: Pass, end: End) {
        self.model.settle(pass, end);
        self.tell();
    }

    pub(super) fn perform(&mut self, op: &Op) {
        match op {
            Op::Do { act, .. } => self.act(act),
            Op::Call { call, .. } => {
                let ran = match self.acquire() {
                    Some(pass) => self.ran(call, pass),
                    None => self.refused(call),
                };
                self.ended(ran);
            }
            Op::Begin(call) => match self.acquire() {
                Some(pass) => self.poll(call.clone(), pass, call.pends),
                None => self.ended(Ran::Returned("rejected")),
            },
            Op::Poll { which, .. } => {
                if let Some((call, pass, left)) = take(&mut self.awaited, *which) {
                    self.poll(call, pass, left);
                }
            }
            Op::Abandon(which) => {
                if let Some((_, pass, _)) = take(&mut self.awaited, *which) {
                    self.settle(pass, End::Drop);
                }
            }
            Op::Prime(reaction) => self.primed.insert(0, reaction.clone()),
            Op::Replace(_) => {}
        }
    }

    fn poll(&mut self, call: Call, pass: Pass, left: u8) {
        if left > 0 {
            self.see(Seen::Pending);
            self.awaited.push((call, pass, left - 1));
            return;
        }
        let ran = self.ran(&call, pass);
        self.ended(ran);
    }

    fn ended(&mut self, ran: Ran) {
        self.see(match ran {
            Ran::Returned(answer) => Seen::Returned(answer),
            Ran::Unwound => Seen::Unwound,
        });
    }

    /// A call that was turned away.
    fn refused(&mut self, call: &Call) -> Ran {
        if call.form != Form::Or {
            return Ran::Returned("rejected");
        }
        self.model.counts.fallbacks += 1;
        self.see(Seen::FellBack);
        self.act(&call.beside);
        if call.fallback_panics { Ran::Unwound } else { Ran::Returned("fallback") }
    }

    /// A call that was let through, to its end.
    fn ran(&mut self, call: &Call, pass: Pass) -> Ran {
        self.see(Seen::Called);
        self.pass(call.takes as i64);
        self.act(&call.within);
        let (answer, plain) = match call.returns {
            Returns::Good => ("good", End::Success),
            Returns::Bad => ("bad", End::Failure),
            Returns::Panic => {
                self.settle(pass, End::Panic);
                return Ran::Unwound;
            }
        };
        let is_asked = matches!(call.form, Form::Plain | Form::Or);
        let end = match call.judged {
            Judged::Plainly => plain,
            _ if !is_asked => plain,
            judged => {
                self.see(Seen::Judged);
                self.act(&call.beside);
                match judged {
                    Judged::As(end) => end,
                    _ => {
                        // The call had ended, and so its panic says nothing of it.
                        self.settle(pass, End::Drop);
                        return Ran::Unwound;
                    }
                }
            }
        };
        self.settle(pass, end);
        Ran::Returned(answer)
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Nothing => {}
            Act::Acquire => {
                if let Some(pass) = self.admitted() {
                    self.held.push(pass);
                }
            }
            Act::Settle { which, end, by: By::Method | By::Outcome | By::Unwinding } => {
                if let Some(pass) = take(&mut self.held, *which) {
                    self.settle(pass, *end);
                }
            }
            Act::Quick(end, _) => {
                if let Some(pass) = self.admitted() {
                    self.settle(pass, *end);
                }
            }
            Act::Clock(by) => self.pass(*by),
            Act::Order(order) => {
                self.model.order(*order);
                self.tell();
            }
            Act::Change(rules) => {
                self.model.reconfigure((**rules).clone());
                self.see(Seen::Changed);
            }
            Act::Illegal(which) => self.see(Seen::Illegal(illegal(*which).0)),
            Act::PanickyChange => self.see(Seen::Unwound),
            Act::Listen => {
                let number = self.listened;
                self.listened += 1;
                self.desk.listeners.push((number, self.model.era));
                self.listeners.push(number);
            }
            Act::Unlisten(which) => {
                if let Some(number) = take(&mut self.listeners, *which) {
                    self.desk.listeners.retain(|&(other, _)| other != number);
                    self.see(Seen::Removed(true));
                    self.see(Seen::Removed(false));
                }
            }
            Act::Save => self.saved = Some(self.model.save()),
            Act::Restore => {
                if let Some(saved) = self.saved.clone() {
                    self.restore(&saved);
                }
            }
            Act::RestoreForeign => self.see(Seen::Restored(false)),
            Act::Mark => self.mark = Some(Marked::of(&self.model)),
        }
    }

    fn admitted(&mut self) -> Option<Pass> {
        let pass = self.acquire()?;
        self.see(Seen::Admitted { era: pass.era, is_probe: pass.is_probe });
        Some(pass)
    }

    fn restore(&mut self, saved: &Saved) {
        self.model.restore(saved);
        self.tell();
        self.see(Seen::Restored(true));
    }

    fn pass(&mut self, by: i64) {
        let is_coarse = self.model.rules.judge.is_some_and(|judge| judge.in_flight);
        self.model.now = clock_after(self.model.now, by, is_coarse);
    }
}
