//! When a breaker trips: on the very call, whichever thread it ends on, and among many
//! threads late by no more than there are.

use ampacity::{Cause, CircuitBreaker, Event, ManualClock, OwnedPermit, State};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A sequence of numbers by its seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.next().is_multiple_of(of)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// Threads that live long, and settle what they are given, one at a time.
struct Workers {
    jobs: Vec<SyncSender<(OwnedPermit, bool)>>,
    done: Receiver<()>,
}

impl Workers {
    fn start(threads: usize) -> Self {
        let (tell, done) = sync_channel(0);
        let start = |_| {
            let (job, jobs) = sync_channel::<(OwnedPermit, bool)>(0);
            let tell = tell.clone();
            thread::spawn(move || {
                for (permit, fails) in jobs {
                    if fails {
                        permit.failure()
                    } else {
                        permit.success()
                    }
                    tell.send(()).unwrap();
                }
            });
            job
        };
        Workers { jobs: (0..threads).map(start).collect(), done }
    }

    fn settle(&self, worker: usize, permit: OwnedPermit, fails: bool) {
        self.jobs[worker].send((permit, fails)).unwrap();
        self.done.recv().unwrap();
    }
}

/// What a window is, from its definition: all results with their slices.
struct Naive {
    len: Option<usize>, // else ten slices of 100 ms
    minimum: usize,
    failed_percent: u64,
    slow_percent: Option<u64>,
    results: VecDeque<(u64, bool, bool)>,
}

impl Naive {
    fn reached(&self) -> bool {
        let share =
            |percent: u64, part: usize| 100 * part as u64 >= percent * self.results.len() as u64;
        let failed = self.results.iter().filter(|(_, failed, _)| *failed).count();
        let slow = self.results.iter().filter(|(_, _, slow)| *slow).count();
        self.results.len() >= self.minimum
            && (share(self.failed_percent, failed)
                || self.slow_percent.is_some_and(|percent| share(percent, slow)))
    }

    /// Whether a result that ends in `slice` trips.
    fn take(&mut self, slice: u64, failed: bool, slow: bool) -> bool {
        if self.len.is_none() {
            self.results.retain(|(of, _, _)| of + 10 > slice);
        }
        let was_complete = self.results.len() >= self.minimum;
        self.results.push_back((slice, failed, slow));
        if self.len.is_some_and(|len| self.results.len() > len) {
            self.results.pop_front();
        }
        self.reached() && (failed || slow || !was_complete)
    }
}

/// One breaker, made and fed at random; says how often it tripped.
fn run(seed: u64, workers: &Workers) -> u32 {
    let random = &mut Random(seed);
    let clock = ManualClock::new();
    let (failed_percent, minimum) = (random.from(10, 99), random.from(1, 200));
    let slow_percent = random.one_in(2).then(|| random.from(10, 99));
    let len = random.one_in(2).then(|| random.from(minimum, minimum + 100));
    let mut settings = CircuitBreaker::builder("run")
        .failure_rate(failed_percent as f64 / 100.0)
        .minimum_calls(minimum as u32)
        .clock(clock.clone());
    settings = match len {
        Some(len) => settings.count_window(len as u32),
        None => settings.time_window(MS * 1_000),
    };
    if let Some(percent) = slow_percent {
        settings = settings.slow_call(MS * 5).slow_call_rate(percent as f64 / 100.0);
    }
    let breaker = Arc::new(settings.build().unwrap());
    let len = len.map(|len| len as usize);
    let minimum = minimum as usize;
    let results = VecDeque::new();
    let mut naive = Naive { len, minimum, failed_percent, slow_percent, results };

    // Mostly near the thresholds, so that a trip is a close thing.
    let fails = failed_percent.saturating_sub(4) + random.from(0, 4);
    let slows = slow_percent.map_or(0, |percent| percent.saturating_sub(4) + random.from(0, 4));
    let (mut now, mut trips) = (0, 0);
    for nth in 0..600 {
        let (fails, slow) = (random.percent(fails), random.percent(slows));
        let permit = breaker.try_acquire_owned().unwrap();
        now += if slow { 6 } else { random.from(0, 5) };
        clock.set(MS * now as u32);
        let worker = random.from(0, workers.jobs.len() as u64 - 1);
        workers.settle(worker as usize, permit, fails);
        let trip = naive.take(now / 100, fails, slow);
        let expected = if trip { State::Open } else { State::Closed };
        assert_eq!(breaker.state(), expected, "call {nth} of seed {seed}");
        if trip {
            breaker.close();
            naive.results.clear();
            trips += 1;
        }
        if random.one_in(100) {
            now += random.from(1, 1_200);
            clock.set(MS * now as u32);
        }
    }
    trips
}

fn three_hundred_runs(workers: &Workers) {
    let trips: Vec<u32> = (0..300).map(|seed| run(seed, workers)).collect();
    let tripped = trips.iter().filter(|&&trips| trips > 0).count();
    assert!(tripped > 150, "only {tripped} runs tripped at all");
}

#[test]
fn calls_that_hop_between_threads_trip_on_the_very_one_that_reaches_the_threshold() {
    three_hundred_runs(&Workers::start(4));
}

/// Threads that have made a call and live on, so that later ones have no place of their
/// own.
struct Holders(Vec<SyncSender<()>>);

impl Holders {
    fn start() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (tell, told) = sync_channel(0);
        let hold = |_| {
            let tell = tell.clone();
            let (let_go, hold) = sync_channel::<()>(0);
            let call = move || {
                let breaker = CircuitBreaker::new("holder");
                let _ = breaker.call(|| Ok::<_, ()>(()));
                tell.send(()).unwrap();
                assert!(hold.recv().is_err());
            };
            thread::Builder::new().stack_size(128 << 10).spawn(call).unwrap();
            told.recv().unwrap();
            let_go
        };
        Holders((0..128.max(4 * cores) + 12).map(hold).collect())
    }
}

#[test]
fn more_threads_than_have_places_of_their_own_trip_on_the_very_call_too() {
    let holders = Holders::start();
    three_hundred_runs(&Workers::start(4));
    drop(holders.0);
}

#[test]
fn a_success_completes_the_minimum_though_results_in_between_became_too_old() {
    let holders = Holders::start();
    for worker in 0..4 {
        let workers = Workers::start(4);
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("old").failure_rate(0.5).minimum_calls(10);
        let settings = settings.time_window(MS * 1_000).clock(clock.clone());
        let breaker = Arc::new(settings.build().unwrap());
        let play = |results: &str| {
            for result in results.chars() {
                workers.settle(worker, breaker.try_acquire_owned().unwrap(), result == 'f');
            }
        };
        play("ssssssssss");
        clock.set(MS * 500);
        play("sssfffff");
        clock.set(MS * 1_000); // without the first ten: 5 of 8
        play("s");
        assert_eq!(breaker.state(), State::Closed);
        play("s");
        assert_eq!(breaker.state(), State::Open, "5 of 10");
    }
    drop(holders.0);
}

const WINDOWS: [fn(ampacity::Builder) -> ampacity::Builder; 2] =
    [|builder| builder.count_window(400), |builder| builder.time_window(MS * 60_000)];

#[test]
fn among_threads_that_fail_at_once_a_trip_is_late_by_no_more_failures_than_threads() {
    const THREADS: u64 = 8;
    for window in WINDOWS {
        for round in 0..200 {
            // The hundredth makes it half of 200: few are left then, or many.
            let each = if round % 2 == 0 { 13 } else { 60 };
            let told = Arc::new(Mutex::new(Vec::<Event>::new()));
            let tell = Arc::clone(&told);
            let settings = CircuitBreaker::builder("crowd").failure_rate(0.5).minimum_calls(10);
            let settings = settings.on_event(move |event| tell.lock().unwrap().push(event.clone()));
            let breaker = window(settings).clock(ManualClock::new()).build().unwrap();
            for _ in 0..100 {
                breaker.try_acquire().unwrap().success();
            }
            let start = Barrier::new(THREADS as usize);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        start.wait();
                        for _ in 0..each {
                            match breaker.try_acquire() {
                                Ok(permit) => permit.failure(),
                                Err(_) => return,
                            }
                        }
                    });
                }
            });
            let late = |seen: &ampacity::Snapshot| (seen.failed - seen.stale).saturating_sub(100);
            let seen = breaker.snapshot();
            assert!(late(&seen) <= THREADS, "{} late in round {round}", late(&seen));
            if seen.state == State::Closed {
                breaker.try_acquire().unwrap().failure();
            }
            let seen = breaker.snapshot();
            assert_eq!((seen.state, seen.era, seen.transitions.total()), (State::Open, 1, 1));
            let told = told.lock().unwrap();
            assert_eq!(told.len(), 1);
            let Cause::FailureRate { window, .. } = told[0].cause else { panic!("{}", told[0]) };
            assert!((100..=100 + THREADS).contains(&window.failed) && window.calls >= 200);
        }
    }
}

#[test]
fn failures_and_slow_calls_of_many_threads_are_all_in_the_window_at_rest() {
    for window in WINDOWS {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("rest").trip_when(|_| false).slow_call(MS * 5);
        let breaker = window(settings).clock(clock.clone()).build().unwrap();
        // Every fourth call of a thread has begun long ago, and is slow.
        let begin = |_| breaker.try_acquire().unwrap();
        let begun: Vec<Vec<_>> = (0..8).map(|_| (0..13).map(begin).collect()).collect();
        clock.advance(MS * 6);
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for (thread, mut begun) in begun.into_iter().enumerate() {
                let (breaker, start) = (&breaker, &start);
                scope.spawn(move || {
                    start.wait();
                    for nth in 0..50 {
                        let old = if nth % 4 == 0 { begun.pop() } else { None };
                        let permit = old.unwrap_or_else(|| breaker.try_acquire().unwrap());
                        if (nth + thread) % 5 == 0 { permit.failure() } else { permit.success() }
                    }
                });
            }
        });
        let seen = breaker.snapshot().window;
        assert_eq!((seen.calls, seen.failed, seen.slow), (400, 80, 104));
    }
}

thread_local! {
    static PARKS: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn a_thread_that_sleeps_while_it_judges_holds_nobody_up() {
    for window in WINDOWS {
        for rate in [None, Some(0.5)] {
            let (parked, is_parked) = sync_channel(0);
            let (wake, sleep) = sync_channel::<bool>(0);
            let sleep = Mutex::new(sleep);
            let eras = Arc::new(AtomicU64::new(0));
            let tell = Arc::clone(&eras);
            let mut settings = CircuitBreaker::builder("asleep").trip_when(move |window| {
                if PARKS.get() {
                    parked.send(()).unwrap();
                    return sleep.lock().unwrap().recv().unwrap();
                }
                rate.is_none() && window.failed >= 10
            });
            if let Some(rate) = rate {
                settings = settings.failure_rate(rate).minimum_calls(10);
            }
            let settings = settings.on_event(move |_| {
                tell.fetch_add(1, Ordering::Relaxed);
            });
            let breaker = window(settings).clock(ManualClock::new()).build().unwrap();
            let breaker = &breaker;
            let states = thread::scope(|scope| {
                scope.spawn(move || {
                    PARKS.set(true);
                    breaker.try_acquire().unwrap().failure();
                });
                is_parked.recv().unwrap();
                let fail = |_| {
                    let _ = breaker.call(|| Err::<(), _>(()));
                    breaker.state()
                };
                let states: Vec<State> = (0..9).map(fail).collect();
                // Whatever it says when it wakes, its era is over.
                wake.send(true).unwrap();
                states
            });
            assert_eq!(states[..8], [State::Closed; 8]);
            assert_eq!(states[8], State::Open, "the tenth failure, the sleeper's included");
            let seen = breaker.snapshot();
            assert_eq!((seen.state, seen.era, seen.stale), (State::Open, 1, 1));
            assert_eq!(eras.load(Ordering::Relaxed), 1);
        }
    }
}
