//! One thread stops for ever at each of its steps in turn, and the others go on.

use crate::actor;
use crate::tool::thread;
use ampacity::model::{is_stopped, let_go_on, stop_before_access};
use std::sync::Arc;
// Of the standard library, and no part of the model: threads of shuttle take turns on one, so
// that Relaxed orders all there is to order.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Schedules of each step, of each of the two ways to begin.
const SCHEDULES: usize = 8;
/// How often somebody who waits may look. An actor takes some hundred steps, and every
/// thread that can go on is as likely to go on next.
const PATIENCE: u32 = 20_000;

/// Stops `stopped` before each access that it makes to shared memory, and after each lock
/// that it takes, while the `others` and then `meanwhile` run to their ends. It goes on
/// after that, and then comes `end`.
///
/// The others begin when it stands, or together with it. All accesses have been tried
/// when there is none left at which it stops. Returns how many it makes in any case, when
/// nobody else has begun before it stands.
///
/// # Panics
///
/// If an other or `meanwhile` waits for the one who has stopped.
pub fn stop_at_every_step<S: Send + Sync + 'static>(
    setup: fn() -> S,
    stopped: fn(&S),
    others: [fn(&S); 2],
    meanwhile: fn(&S),
    end: fn(&S),
) -> u64 {
    let (mut steps, mut undisturbed, mut executions) = (0, 0, 0);
    loop {
        let stops = Arc::new(AtomicU64::new(0));
        for alone_at_first in [true, false] {
            let counter = Arc::clone(&stops);
            let seed = 0x5eed + steps;
            let run = move || {
                let stage = Arc::new(setup());
                let late = Actor::new(1, &stage, move |stage| {
                    stop_before_access(steps);
                    stopped(stage);
                });
                if alone_at_first {
                    until("it neither stops nor ends", || is_stopped() || late.is_done());
                }
                let [left, right] = others;
                let others = [Actor::new(2, &stage, left), Actor::new(3, &stage, right)];
                others
                    .into_iter()
                    .for_each(|other| other.ends("a call waits for one who has stopped"));
                until("it neither stops nor ends", || is_stopped() || late.is_done());
                counter.fetch_add(is_stopped().into(), Ordering::Relaxed);
                Actor::new(0, &stage, meanwhile).ends("the next waits for one who has stopped");
                let_go_on();
                late.ends("it does not end when it goes on");
                actor(0);
                end(&stage);
            };
            shuttle::check_random_with_seed(run, seed, SCHEDULES);
            executions += SCHEDULES;
            if alone_at_first && stops.load(Ordering::Relaxed) > 0 {
                undisturbed += 1;
            }
        }
        if stops.load(Ordering::Relaxed) == 0 {
            println!("explored shuttle, random, stopped at each of {steps} steps: {executions}");
            return undisturbed;
        }
        steps += 1;
    }
}

/// A thread that somebody waits for who does not take its end for granted.
struct Actor {
    thread: thread::JoinHandle<()>,
    is_done: Arc<AtomicBool>,
}

impl Actor {
    fn new<S: Send + Sync + 'static>(
        slot: u32,
        stage: &Arc<S>,
        act: impl FnOnce(&S) + Send + 'static,
    ) -> Self {
        let is_done = Arc::new(AtomicBool::new(false));
        let (stage, done) = (Arc::clone(stage), Arc::clone(&is_done));
        let thread = thread::spawn(move || {
            actor(slot);
            act(&stage);
            done.store(true, Ordering::Relaxed);
        });
        Actor { thread, is_done }
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn ends(self, otherwise: &str) {
        until(otherwise, || self.is_done());
        self.thread.join().expect("an actor failed");
    }
}

/// Waits until `done`, for a while.
#[track_caller]
fn until(otherwise: &str, done: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if done() {
            return;
        }
        thread::yield_now();
    }
    panic!("{otherwise}");
}
