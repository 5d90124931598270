//! Threads that go from point to point, and one that does not.

use super::*;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, channel};

/// Counts who took part.
#[derive(Default)]
struct Count {
    threads: AtomicU64,
    calls: AtomicU64,
}

impl Job for Count {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        self.threads.fetch_add(1 << (seat.index * 8), Ordering::Relaxed);
        let mut tally = Tally::default();
        while let Some(calls) = seat.next() {
            tally.calls += calls;
            self.calls.fetch_add(calls, Ordering::Relaxed);
        }
        tally
    }

    fn dump(&self) -> String {
        "nothing".to_owned()
    }
}

fn setup(counts: &[usize]) -> Setup {
    Setup { counts: counts.to_vec(), stack: STACK, pin: true, patience: watchdog::PATIENCE }
}

const SHORT: Duration = Duration::from_millis(2);

#[test]
fn each_point_is_for_the_first_so_many_threads_and_each_of_them_once() {
    let stop = Stop::default();
    let mut pool = Pool::start(&setup(&[5, 1, 3, 3]), &stop, |_| {}).unwrap();
    assert!(pool.is_complete());
    for threads in [5, 1, 3, 5, 3] {
        let job = Arc::new(Count::default());
        let mine = Arc::clone(&job);
        let played = pool.play(threads, SHORT, mine, &stop, |_| {}).unwrap();
        let took_part = job.threads.load(Ordering::Relaxed);
        assert_eq!(took_part, 0x01_0101_0101 & ((1 << (8 * threads)) - 1), "{threads} threads");
        assert_eq!((played.reports.len(), played.died, played.cut), (threads, 0, false));
        let all: u64 = played.reports.iter().map(|report| report.all).sum();
        assert_eq!([played.tally().calls, all], [job.calls.load(Ordering::Relaxed); 2]);
        assert!(played.reports.iter().all(|report| report.calls <= report.all));
        assert!(played.wall() >= SHORT);
    }
    pool.dismiss();
}

#[test]
fn a_thread_that_had_no_core_in_time_still_makes_some_calls() {
    let stop = Stop::default();
    let mut pool = Pool::start(&setup(&[4]), &stop, |_| {}).unwrap();
    let job = Arc::new(Count::default());
    let played = pool.play(4, Duration::ZERO, job, &stop, |_| {}).unwrap();
    assert!(played.reports.iter().all(|report| report.all > 0 && report.calls == 0));
    pool.dismiss();
}

#[test]
fn ctrl_c_ends_a_point_early() {
    let stop = Stop::default();
    let mut pool = Pool::start(&setup(&[2]), &stop, |_| {}).unwrap();
    let asker = stop.clone();
    let hour = Duration::from_secs(3600);
    let job = Arc::new(Count::default());
    let played = pool.play(2, hour, job, &stop, |_| asker.request()).unwrap();
    assert!(played.cut && played.wall() < hour);
    pool.dismiss();
    assert!(!Pool::start(&setup(&[2]), &stop, |_| {}).unwrap().is_complete());
}

/// One thread never ends its call; the others are done.
struct Stuck(Mutex<Receiver<()>>);

impl Job for Stuck {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        if seat.index == 2 {
            seat.station.set(Place::Holding);
            // Until the test is over.
            let _ = self.0.lock().unwrap().recv();
        }
        Tally::default()
    }

    fn dump(&self) -> String {
        format!("{:?}", ampacity::CircuitBreaker::new("stuck"))
    }
}

#[test]
fn a_thread_that_never_ends_is_found_and_named_with_its_place_and_the_word() {
    let stop = Stop::default();
    // Long enough for all to be awake, on any machine.
    let setup = Setup { patience: Duration::from_secs(2), ..setup(&[4]) };
    let mut pool = Pool::start(&setup, &stop, |_| {}).unwrap();
    let (release, held) = channel();
    let job = Arc::new(Stuck(Mutex::new(held)));
    let Stalled(why) = pool.play(4, SHORT, job, &stop, |_| {}).unwrap_err();
    for says in ["no call ended in 2 s", "thread 2 holding after 0 calls", "state: Closed"] {
        assert!(why.contains(says), "{says}: {why}");
    }
    pool.leave();
    drop(release);
}

#[test]
fn who_waits_for_a_thread_that_never_comes_leaves_when_it_is_over() {
    let point = Arc::new(Point {
        job: Arc::new(Count::default()),
        threads: 2,
        length: Duration::ZERO,
        awake: AtomicUsize::new(0),
        began: OnceLock::new(),
        over: AtomicBool::new(false),
        busy: AtomicUsize::new(2),
        waits: thread::current(),
        reports: (0..2).map(|_| Mutex::default()).collect(),
    });
    let (tell, told) = channel();
    let its = Arc::clone(&point);
    thread::spawn(move || {
        its.play(0, &Station::default());
        let _ = tell.send(());
    });
    while point.awake.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    assert!(told.try_recv().is_err(), "it waits for the other");
    point.over.store(true, Ordering::Relaxed);
    told.recv_timeout(watchdog::PATIENCE).expect("it left");
    assert_eq!(point.busy.load(Ordering::Relaxed), 1);
}

/// One thread panics.
struct Dies;

impl Job for Dies {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        if seat.index == 1 {
            std::panic::resume_unwind(Box::new("as planned"));
        }
        while seat.next().is_some() {}
        Tally::default()
    }

    fn dump(&self) -> String {
        String::new()
    }
}

#[test]
fn a_thread_that_dies_is_counted_and_the_point_ends() {
    let stop = Stop::default();
    let mut pool = Pool::start(&setup(&[3]), &stop, |_| {}).unwrap();
    let played = pool.play(3, SHORT, Arc::new(Dies), &stop, |_| {}).unwrap();
    assert_eq!((played.died, played.reports.len()), (1, 2));
    // It is there for the next.
    let played = pool.play(3, SHORT, Arc::new(Count::default()), &stop, |_| {}).unwrap();
    assert_eq!((played.died, played.reports.len()), (0, 3));
    pool.dismiss();
}
