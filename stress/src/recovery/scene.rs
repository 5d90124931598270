//! What a script has: breakers, a dependency in health or trouble, time, and a place to say
//! what must hold.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use ampacity::{Builder, CallError, State, classify};

use super::server::{Server, Trouble};
use super::subject::{End, Rules, Subject};
use super::time::{How, Time};
use crate::program::Stop;
use crate::upstream::Behaviour;

/// An open wait on the manual clock: the crate's default.
const MANUAL_WAIT: Duration = Duration::from_secs(60);
/// And for real, at the first attempt.
const REAL_WAIT: Duration = Duration::from_millis(25);
/// Enough for a request; a herd of threads with the usual stack takes a lot of address space.
const STACK: usize = 256 << 10;
/// How often a wait looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// How the dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Answers at once.
    Good,
    /// Answers, and takes so long.
    Slow(Duration),
    /// Answers with an error.
    Failing,
    /// Is not there.
    Down,
}

/// Why a script did not come to its end.
#[derive(Clone, Debug)]
pub(super) enum Halt {
    /// Ctrl-C.
    Stopped,
    /// Something it needs could not be had.
    Failed(String),
}

impl Halt {
    pub(super) fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }
}

/// What a script found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) broken: Vec<String>,
    pub(super) missed: Vec<String>,
}

/// What one playing of a scenario shares.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) time: Time,
    /// All times for real are so many times as long: more at each attempt.
    stretch: u32,
    wrong: Option<fn(Builder) -> Builder>,
    stop: Stop,
    health: Mutex<Health>,
    server: OnceLock<Server>,
    subjects: Mutex<Vec<Arc<Subject>>>,
    found: Mutex<Found>,
    steady: OnceLock<()>, // set: it is not
    steps: Arc<AtomicU64>,
}

impl Scene {
    /// Threads that call when calls go on for a while, for real.
    pub(super) const CALLERS: usize = 8;

    pub(super) fn new(
        how: How,
        stretch: u32,
        wrong: Option<fn(Builder) -> Builder>,
        stop: &Stop,
        steps: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            time: Time::new(how),
            stretch,
            wrong,
            stop: stop.clone(),
            health: Mutex::new(Health::Good),
            server: OnceLock::new(),
            subjects: Mutex::default(),
            found: Mutex::default(),
            steady: OnceLock::new(),
            steps: Arc::clone(steps),
        }
    }

    pub(super) fn real(&self) -> bool {
        self.time.how() == How::Real
    }

    /// How long a breaker of this scene is to be open.
    pub(super) fn wait(&self) -> Duration {
        if self.real() { REAL_WAIT * self.stretch } else { MANUAL_WAIT }
    }

    /// A breaker by the rules alone.
    pub(super) fn breaker(&self, name: &'static str, rules: Rules) -> Result<Arc<Subject>, Halt> {
        self.breaker_with(name, rules, |builder| builder)
    }

    /// A breaker by the rules, and what else it is told.
    pub(super) fn breaker_with(
        &self,
        name: &'static str,
        rules: Rules,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Result<Arc<Subject>, Halt> {
        let subject = Subject::new(name, rules, &self.time, more, self.wrong);
        let subject = Arc::new(subject.map_err(Halt::failed)?);
        lock(&self.subjects).push(Arc::clone(&subject));
        Ok(subject)
    }

    pub(super) fn subjects(&self) -> Vec<Arc<Subject>> {
        lock(&self.subjects).clone()
    }

    pub(super) fn found(&self) -> Found {
        lock(&self.found).clone()
    }

    /// Says what must hold: `what` is told if it does not.
    pub(super) fn must(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            lock(&self.found).broken.push(what());
        }
    }

    /// Says what must come up for the scenario to show anything: on the manual clock it
    /// does or the breaker is wrong, for real the machine may have been too slow.
    pub(super) fn reach(&self, met: bool, what: impl FnOnce() -> String) {
        if !met {
            let mut found = lock(&self.found);
            if self.real() { &mut found.missed } else { &mut found.broken }.push(what());
        }
    }

    pub(super) fn must_be(&self, subject: &Subject, state: State, when: &str) {
        let is = subject.state();
        self.must(is == state, || {
            format!("{} is {is} {when}, and must be {state}", subject.breaker.name())
        });
    }

    /// Has the dependency be so, for every call from now on.
    pub(super) fn turn(&self, health: Health) -> Result<(), Halt> {
        *lock(&self.health) = health;
        if self.real() {
            let behaviour = match health {
                Health::Good | Health::Slow(_) => Behaviour::Healthy,
                Health::Failing => Behaviour::Failing,
                Health::Down => Behaviour::Refused,
            };
            self.server()?.turn(behaviour).map_err(Halt::failed)?;
        }
        Ok(())
    }

    fn server(&self) -> Result<&Server, Halt> {
        if self.server.get().is_none() {
            let started = Server::start().map_err(Halt::failed)?;
            // Another thread may have been faster; this one ends then.
            let _ = self.server.set(started);
        }
        self.server.get().ok_or_else(|| Halt::failed("no server"))
    }

    /// One call of the dependency, as it is, without a breaker.
    pub(super) fn ask(&self) -> Result<(), String> {
        let health = *lock(&self.health);
        let takes = if let Health::Slow(takes) = health { takes } else { Duration::ZERO };
        if !self.real() {
            self.time.pass(takes);
            return match health {
                Health::Good | Health::Slow(_) => Ok(()),
                Health::Failing | Health::Down => Err("failing".to_owned()),
            };
        }
        let answer = match self.server() {
            Ok(server) => server.ask(takes),
            Err(_) => Err(Trouble::Ours("no server".to_owned())),
        };
        answer.map_err(|trouble| match trouble {
            Trouble::Theirs(why) => why,
            Trouble::Ours(why) => {
                lock(&self.found).missed.push(format!("a request came to nothing: {why}"));
                why
            }
        })
    }

    /// One call through a breaker.
    pub(super) fn call(&self, subject: &Subject) -> End {
        self.call_with(subject, || self.ask())
    }

    /// One call of something else through a breaker.
    pub(super) fn call_with(
        &self,
        subject: &Subject,
        call: impl FnOnce() -> Result<(), String>,
    ) -> End {
        let mut made = None;
        let result = subject.call(classify::plain, || {
            let result = call();
            made = Some(if result.is_ok() { End::Good } else { End::Bad });
            result
        });
        self.step();
        match result {
            Err(CallError::Rejected(away)) => End::Rejected(away.reason(), away.retry_after()),
            _ => made.unwrap_or(End::Bad),
        }
    }

    /// So many calls, one after the other.
    pub(super) fn calls(&self, subject: &Subject, count: usize) -> Vec<End> {
        (0..count).map(|_| self.call(subject)).collect()
    }

    /// Calls that must all be made and end well.
    pub(super) fn served(&self, subject: &Subject, count: usize, when: &str) {
        let ends = self.calls(subject, count);
        let good = ends.iter().filter(|&&end| end == End::Good).count();
        self.must(good == count, || format!("{good} of {count} calls were served {when}"));
    }

    /// Calls that must all be turned away. For real the wait may be over before they are
    /// made; whether it was, the books say.
    pub(super) fn turned_away(&self, subject: &Subject, count: usize, when: &str) -> Vec<End> {
        let ends = self.calls(subject, count);
        let away = ends.iter().filter(|end| end.rejected()).count();
        self.reach(away == count, || format!("{away} of {count} calls were turned away {when}"));
        ends
    }

    /// Calls from threads of their own, all let go at once, and what came of each.
    pub(super) fn crowd(
        &self,
        threads: usize,
        each: impl Fn(usize) -> Vec<End> + Sync,
    ) -> Result<Vec<End>, Halt> {
        let gate = Gate::default();
        thread::scope(|scope| {
            let mut running = Vec::with_capacity(threads);
            for index in 0..threads {
                let (gate, each) = (&gate, &each);
                let builder = thread::Builder::new().stack_size(STACK);
                let spawned =
                    builder.spawn_scoped(
                        scope,
                        move || {
                            if gate.pass() { each(index) } else { Vec::new() }
                        },
                    );
                match spawned {
                    Ok(handle) => running.push(handle),
                    Err(error) => {
                        gate.open(false);
                        return Err(Halt::failed(format!("no thread could be started: {error}")));
                    }
                }
            }
            gate.open(true);
            let mut ends = Vec::new();
            for handle in running {
                ends.extend(handle.join().map_err(|_| Halt::failed("a caller panicked"))?);
            }
            Ok(ends)
        })
    }

    /// Calls go on until `done` says so, from several threads if for real; whether it did
    /// within `most` calls. On the manual clock time goes on by a part of a wait with each.
    pub(super) fn traffic(
        &self,
        subject: &Subject,
        most: usize,
        done: impl Fn() -> bool + Sync,
    ) -> Result<bool, Halt> {
        let threads = if self.real() { Self::CALLERS } else { 1 };
        let pause = self.wait() / if self.real() { 25 } else { 7 };
        self.crowd(threads, |_| {
            for _ in 0..most / threads {
                if self.stop.requested() || done() {
                    break;
                }
                self.call(subject);
                self.time.pass(pause);
            }
            Vec::new()
        })?;
        self.look()?;
        Ok(done())
    }

    /// Lets so much time pass.
    pub(super) fn pass(&self, by: Duration) -> Result<(), Halt> {
        let mut left = by;
        while self.real() && left > LOOK {
            self.time.pass(LOOK);
            self.step();
            self.look()?;
            left -= LOOK;
        }
        self.time.pass(left);
        self.step();
        self.look()
    }

    /// Lets an open wait pass, and the millisecond that deadlines are rounded up to.
    pub(super) fn pass_wait(&self, wait: Duration) -> Result<(), Halt> {
        self.pass(wait + Duration::from_millis(u64::from(self.real())))
    }

    /// From now on the clock is set ahead and back.
    pub(super) fn shake_the_clock(&self) {
        let _ = self.steady.set(());
    }

    pub(super) fn steady(&self) -> bool {
        self.steady.get().is_none()
    }

    /// Whether to stop.
    pub(super) fn look(&self) -> Result<(), Halt> {
        if self.stop.requested() { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Shows the watchdog that something goes on.
    pub(super) fn step(&self) {
        // Relaxed: only ever looked at.
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

/// Holds threads until all are there, or there is no need for any.
#[derive(Debug, Default)]
struct Gate {
    let_go: Mutex<Option<bool>>,
    moved: Condvar,
}

impl Gate {
    fn pass(&self) -> bool {
        let mut let_go = lock(&self.let_go);
        loop {
            match *let_go {
                Some(go) => return go,
                None => {
                    let_go = self.moved.wait(let_go).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn open(&self, go: bool) {
        *lock(&self.let_go) = Some(go);
        self.moved.notify_all();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
