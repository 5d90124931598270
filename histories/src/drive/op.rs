//! What can be done to a breaker, and how it is made of bytes.
//!
//! Every array of bytes is an operation. So what draws random operations, what shrinks them
//! and what fuzzes need not know of any, and nearly all bytes are of some consequence.

use super::dice::Dice;
use crate::spec::{End, Order, Rules};

/// As many bytes as one operation is made of.
pub const CODE: usize = 24;

/// One thing done to a breaker.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// By the caller, or on another thread that ends before the next operation.
    Do {
        /// What.
        act: Act,
        /// Whether on another thread.
        elsewhere: bool,
    },
    /// A call from its beginning to its end.
    Call {
        /// Which.
        call: Call,
        /// Whether on another thread.
        elsewhere: bool,
    },
    /// A call that is awaited, and polled for the first time.
    Begin(Call),
    /// Polls one of those that are awaited, maybe on another thread.
    Poll {
        /// Which of them.
        which: u8,
        /// Whether on another thread.
        elsewhere: bool,
    },
    /// Drops one of those that are awaited.
    Abandon(u8),
    /// What the next listener to be told does meanwhile.
    Prime(Reaction),
    /// A breaker with other settings, and a clock of its own, that goes on from this one.
    Replace(Box<Rules>),
}

/// What does not run the caller's code, but for listeners.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// Takes a permit, and holds it.
    Acquire,
    /// Settles one of the permits that are held.
    Settle {
        /// Which of them.
        which: u8,
        /// How the call ended.
        end: End,
        /// By what.
        by: By,
    },
    /// Takes a permit and settles it.
    Quick(End, By),
    /// Moves the clock, in ns, also back.
    Clock(i64),
    /// By hand.
    Order(Order),
    /// New settings.
    Change(Box<Rules>),
    /// New settings that cannot be.
    Illegal(u8),
    /// New settings, by a function that panics.
    PanickyChange,
    /// One more listener.
    Listen,
    /// One less.
    Unlisten(u8),
    /// Keeps what the breaker says of itself.
    Save,
    /// Goes on from what was kept.
    Restore,
    /// Goes on from what another breaker kept, which is refused.
    RestoreForeign,
    /// From now on, what has happened since is looked at, too.
    Mark,
}

/// What a listener does when it is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Reaction {
    /// Two things to the breaker.
    Does(Act, Act),
    /// Panics.
    Panics,
}

/// By what a permit is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Its own method for that.
    Method,
    /// Its method that takes an outcome.
    Outcome,
    /// Its own method, while its thread unwinds.
    Unwinding,
}

/// A call of the caller's code.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Through what.
    pub form: Form,
    /// For how many ns.
    pub takes: u64,
    /// What the code does to the breaker meanwhile.
    pub within: Act,
    /// How it ends.
    pub returns: Returns,
    /// What judges that; where nobody is asked, `Ok` is a success and `Err` a failure.
    pub judged: Judged,
    /// What the classifier does to the breaker, or the fallback.
    pub beside: Act,
    /// Whether the fallback panics.
    pub fallback_panics: bool,
    /// How often it is to be polled before it ends, if it is awaited.
    pub pends: u8,
}

/// Through what a call is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `call`, of the breaker or of its view with a classifier.
    Plain,
    /// `call_or`, of either.
    Or,
    /// `run` of a permit, which nobody else judges.
    Run,
    /// `run` of a permit that owns its breaker.
    RunOwned,
}

/// What a call returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returns {
    /// `Ok`.
    Good,
    /// `Err`.
    Bad,
    /// It panics.
    Panic,
}

/// What a classifier says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// Nobody is asked.
    Plainly,
    /// This.
    As(End),
    /// It panics.
    Panic,
}

impl Op {
    /// The operation that these bytes make.
    pub fn of(code: &[u8; CODE]) -> Op {
        let mut dice = Dice::new(code);
        let elsewhere = |dice: &mut Dice<'_>| dice.pick(8) == 7;
        match dice.pick(64) {
            0..31 => Op::Do { elsewhere: elsewhere(&mut dice), act: dice.act() },
            31..45 => Op::Call { elsewhere: elsewhere(&mut dice), call: dice.call() },
            45..49 => Op::Begin(dice.call()),
            49..54 => Op::Poll { elsewhere: elsewhere(&mut dice), which: dice.byte() },
            54..56 => Op::Abandon(dice.byte()),
            56..59 => Op::Prime(match dice.pick(8) {
                0 => Reaction::Panics,
                1 => Reaction::Does(Act::Change(Box::new(dice.rules())), Act::Nothing),
                _ => Reaction::Does(dice.act_of_callback(), dice.act_of_callback()),
            }),
            59..63 => Op::Do { elsewhere: false, act: Act::Change(Box::new(dice.rules())) },
            _ => Op::Replace(Box::new(dice.rules())),
        }
    }
}

impl Dice<'_> {
    fn end(&mut self) -> End {
        match self.pick(20) {
            0..8 => End::Failure,
            8..14 => End::Success,
            14 | 15 => {
                End::OpenFor(self.one_of(&[0, 1, 1_000_000, 70_000_000, 1_500_000, 1 << 50]))
            }
            16 | 17 => End::Ignore,
            _ => End::Drop,
        }
    }

    fn by(&mut self) -> By {
        self.one_of(&[By::Method, By::Method, By::Outcome, By::Unwinding])
    }

    fn order(&mut self) -> Order {
        self.one_of(&[
            Order::Close,
            Order::Trip,
            Order::Reset,
            Order::ForceOpen,
            Order::Disable,
            Order::MetricsOnly,
            Order::MetricsOnly,
        ])
    }

    fn act(&mut self) -> Act {
        match self.pick(16) {
            0 => Act::Clock(self.step()),
            1..5 => Act::Clock(self.one_of(&[50, 1, 100, 20, 250]) * 1_000_000),
            _ => self.act_of_callback(),
        }
    }

    /// What a callback may do. It leaves the clock alone: a call that is being admitted may
    /// have read it already.
    fn act_of_callback(&mut self) -> Act {
        match self.pick(32) {
            0..9 => Act::Acquire,
            9..18 => Act::Settle { which: self.byte(), end: self.end(), by: self.by() },
            18..24 => Act::Quick(self.end(), self.by()),
            24 | 25 => Act::Order(self.order()),
            26 => match self.pick(3) {
                0 => Act::Illegal(self.byte()),
                1 => Act::PanickyChange,
                _ => Act::RestoreForeign,
            },
            27 => Act::Listen,
            28 => Act::Unlisten(self.byte()),
            29 => Act::Save,
            30 => Act::Restore,
            _ => Act::Mark,
        }
    }

    /// The clock goes on, back, by less than a tick, and by a year.
    fn step(&mut self) -> i64 {
        const TICK: i64 = 1_000_000;
        const YEAR: i64 = 365 * 86_400_000 * TICK;
        let steps = [TICK, 49, TICK - 1, 10 * TICK, 1_000 * TICK, 100_000 * TICK];
        let back = [-TICK, -1, -50 * TICK, -300 * TICK];
        match self.pick(8) {
            0..5 => self.one_of(&steps),
            5 | 6 => self.one_of(&back),
            _ => self.one_of(&[YEAR, 3_600_000 * TICK, -YEAR]),
        }
    }

    fn call(&mut self) -> Call {
        let form = self.one_of(&[Form::Plain, Form::Plain, Form::Or, Form::Run, Form::RunOwned]);
        let takes = self.one_of(&[0, 0, 0, 3_000_000, 8_000_000, 8_000_001, 9_000_000, 30_000_000]);
        let returns = match self.pick(8) {
            0..4 => Returns::Bad,
            4..7 => Returns::Good,
            _ => Returns::Panic,
        };
        let judged = match self.pick(8) {
            0..4 => Judged::Plainly,
            4..7 => Judged::As(match self.end() {
                End::Drop | End::Panic => End::Ignore,
                end => end,
            }),
            _ => Judged::Panic,
        };
        let (pends, fallback_panics) = (self.byte() % 4, self.pick(4) == 3);
        let mut nested = || match self.pick(2) {
            0 => Act::Nothing,
            _ => self.act_of_callback(),
        };
        let (within, beside) = (nested(), nested());
        Call { form, takes, within, returns, judged, beside, fallback_panics, pends }
    }
}
