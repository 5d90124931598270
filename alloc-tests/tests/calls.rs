//! After a thread's first calls, no path of a breaker allocates.

use alloc_tests::{Heap, crowd, shards};
use ampacity::{
    Builder, CallError, CircuitBreaker, ManualClock, Outcome, Reason, State, Timing, classify,
};
use std::future::Future;
use std::panic::{catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{hint, thread};

const TIMINGS: [Timing; 4] = [Timing::Off, Timing::Every, Timing::Sampled(4), Timing::Adaptive];
const SECOND: Duration = Duration::from_secs(1);
/// A wait that was rounded up to whole milliseconds is over by then.
const WAIT: Duration = Duration::from_millis(1_001);

/// Opens at 3 failures for 1 s; 2 probes, both needed.
fn settings() -> Builder {
    CircuitBreaker::builder(String::from("a name that is not static"))
        .failure_threshold(3)
        .open_for(SECOND)
}

/// Every timing, and every kind of window: judged at each failure, and never what trips.
fn cases() -> Vec<(String, Builder)> {
    let timed = TIMINGS.map(|timing| (format!("{timing:?}"), settings().timing(timing)));
    let rate = || settings().failure_rate(1.0).minimum_calls(4);
    let slow = || rate().slow_call(SECOND).slow_call_rate(1.0);
    let windows = [
        ("count window", rate().count_window(100)),
        ("time window", rate()),
        ("time window, untimed", rate().timing(Timing::Off)),
        ("slow calls", slow()),
        ("calls in flight", slow().count_in_flight(true)),
        ("a policy of one's own", settings().trip_when(|window| window.failed > window.calls)),
        ("waits that grow", settings().backoff(1.0, SECOND).jitter(0.0)),
    ];
    let windows = windows.map(|(what, builder)| (what.to_owned(), builder));
    timed.into_iter().chain(windows).collect()
}

fn breaker(settings: Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    let clock = ManualClock::new();
    let breaker = settings.clock(clock.clone()).build();
    (Arc::new(breaker.expect("settings within bounds")), clock)
}

type Path = (&'static str, fn(&Arc<CircuitBreaker>, &ManualClock));

/// Each begins and ends closed.
const PATHS: [Path; 15] = [
    ("closed success", |b, clock| {
        b.call(ok).unwrap();
        clock.advance(Duration::from_micros(3));
        b.call(ok).unwrap();
    }),
    ("failure", |b, _| {
        b.call(err).unwrap_err();
        b.call(ok).unwrap();
    }),
    ("permits", |b, _| {
        b.try_acquire().unwrap().success();
        b.try_acquire().unwrap().failure();
        b.try_acquire().unwrap().ignore();
        b.try_acquire().unwrap().settle(Outcome::Success);
        b.try_acquire().unwrap().run(ok).unwrap();
        drop(b.try_acquire().unwrap());
    }),
    ("owned permits", |b, _| {
        b.try_acquire_owned().unwrap().success();
        b.try_acquire_owned().unwrap().failure();
        b.try_acquire_owned().unwrap().ignore();
        b.try_acquire_owned().unwrap().run(ok).unwrap();
        drop(b.try_acquire_owned().unwrap());
    }),
    ("futures", |b, _| {
        let mut context = Context::from_waker(Waker::noop());
        let done = pin!(b.call_async(async { ok() })).poll(&mut context);
        assert!(done.is_ready());
        let failed = pin!(b.call_async(async { err() })).poll(&mut context);
        assert!(failed.is_ready());
        let hanging = std::future::pending::<Result<u32, &'static str>>();
        assert!(pin!(b.call_async(hanging)).poll(&mut context).is_pending());
        let permit = b.try_acquire_owned().unwrap();
        assert!(matches!(
            pin!(permit.run_async(async { ok() })).poll(&mut context),
            Poll::Ready(Ok(_))
        ));
    }),
    ("classified", |b, _| {
        let ignoring = b.classified(|_: &Result<u32, &str>| Outcome::Ignore);
        ignoring.call(err).unwrap_err();
        ignoring.call_or(err, |_| ok()).unwrap_err();
        b.classified(classify::plain).call(ok).unwrap();
        let nested = || b.call(ok);
        b.classified(classify::nested).call(nested).unwrap();
    }),
    ("trip, rejection while open, reopening, closing", |b, clock| {
        trip(b);
        assert_eq!(b.try_acquire().unwrap_err().reason(), Reason::Open);
        assert!(matches!(b.call(ok), Err(CallError::Rejected(_))));
        let rejected = b.try_acquire_owned().unwrap_err();
        assert!(rejected.retry_after() >= Some(SECOND) && rejected.name().starts_with("a name"));
        assert_eq!(b.call_or(ok, |_| Ok(7)), Ok(7));
        clock.advance(WAIT);
        b.call(err).unwrap_err();
        assert_eq!(b.state(), State::Open);
        close(b, clock);
    }),
    ("rejection while half-open", |b, clock| {
        trip(b);
        clock.advance(WAIT);
        let probes = [b.try_acquire().unwrap(), b.try_acquire().unwrap()];
        assert_eq!(b.try_acquire().unwrap_err().reason(), Reason::HalfOpenFull);
        assert_eq!(b.call_or(ok, |_| Ok(7)), Ok(7));
        probes.into_iter().for_each(|probe| probe.success());
        assert_eq!(b.state(), State::Closed);
    }),
    ("probes that come back", |b, clock| {
        trip(b);
        clock.advance(WAIT);
        drop(b.try_acquire().unwrap());
        b.try_acquire().unwrap().ignore();
        close(b, clock);
    }),
    ("a spell that outlives its lease", |b, clock| {
        trip(b);
        clock.advance(WAIT);
        let late = [b.try_acquire().unwrap(), b.try_acquire().unwrap()];
        clock.advance(Duration::from_secs(4_000));
        close(b, clock);
        late.into_iter().for_each(|probe| probe.success());
    }),
    ("results from an earlier era", |b, _| {
        let late = [(); 4].map(|()| b.try_acquire().unwrap());
        b.trip();
        b.close();
        let [success, failure, ignored, dropped] = late;
        success.success();
        failure.failure();
        ignored.ignore();
        drop(dropped);
    }),
    ("rejection while forced open", |b, _| {
        b.force_open();
        assert_eq!(b.try_acquire().unwrap_err().reason(), Reason::ForcedOpen);
        assert_eq!(b.call_or(ok, |_| Ok(7)), Ok(7));
        b.close();
    }),
    ("by hand", |b, _| {
        b.disable();
        b.call(err).unwrap_err();
        b.metrics_only();
        b.call(err).unwrap_err();
        b.trip();
        b.close();
    }),
    ("questions", |b, _| {
        assert!(b.would_admit() && b.state() == State::Closed);
        hint::black_box((b.era(), b.name()));
        b.force_open();
        assert!(!b.would_admit() && b.state() == State::ForcedOpen);
        b.close();
    }),
    ("a thousand calls", |b, clock| {
        for call in 0..1_000_u32 {
            // Now fast, now slow: both halves of adaptive timing.
            clock.advance(Duration::from_nanos(u64::from(call / 100 % 2) * 5_000 + 50));
            b.call(ok).unwrap();
        }
    }),
];

fn ok() -> Result<u32, &'static str> {
    Ok(hint::black_box(1))
}

fn err() -> Result<u32, &'static str> {
    Err(hint::black_box("no"))
}

fn trip(breaker: &CircuitBreaker) {
    for _ in 0..3 {
        breaker.call(err).unwrap_err();
    }
    assert_eq!(breaker.state(), State::Open);
}

fn close(breaker: &CircuitBreaker, clock: &ManualClock) {
    clock.advance(WAIT);
    breaker.call(ok).unwrap();
    breaker.call(ok).unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

/// The first of `paths` that allocates, after the calling thread's first calls.
fn allocating(
    heap: &Heap,
    paths: &[Path],
    breaker: &Arc<CircuitBreaker>,
    clock: &ManualClock,
) -> Option<&'static str> {
    breaker.call(ok).unwrap();
    breaker.call(err).unwrap_err();
    let allocates = |(_, path): &&Path| (0..10).any(|_| heap.blocks(|| path(breaker, clock)) > 0);
    paths.iter().find(allocates).map(|(what, _)| *what)
}

/// The canary of invariant 36: one block, in one of the ten times that one of many paths is
/// gone, is found and has a name.
fn a_planted_allocation_is_found(heap: &Heap) {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    let planted: Path = ("planted", |b, _| {
        if TIMES.fetch_add(1, Ordering::Relaxed) == 7 {
            drop(hint::black_box(Box::new(1)));
            b.call(ok).unwrap();
        }
    });
    let (breaker, clock) = breaker(settings());
    let mut paths = PATHS.to_vec();
    assert_eq!(allocating(heap, &paths, &breaker, &clock), None);
    paths.insert(PATHS.len() / 2, planted);
    assert_eq!(allocating(heap, &paths, &breaker, &clock), Some("planted"));
}

/// Every path, after the calling thread's first calls.
fn no_path_allocates(heap: &Heap, who: &str, breaker: &Arc<CircuitBreaker>, clock: &ManualClock) {
    assert_eq!(allocating(heap, &PATHS, breaker, clock), None, "{who}");
    // A panic allocates by itself: as much as it does without a breaker.
    let panics = || resume_unwind(Box::new(()));
    let alone = heap.blocks(|| drop(catch_unwind(panics)));
    let call = || breaker.call(|| -> Result<(), ()> { panics() });
    assert_eq!(heap.blocks(|| drop(catch_unwind(call))), alone, "{who}: panic");
    breaker.close();
}

fn main() {
    let heap = Arc::new(Heap::watched());

    // What does allocate is seen, down to one block.
    assert_eq!(heap.blocks(|| drop(hint::black_box(Box::new(1)))), 1);
    a_planted_allocation_is_found(&heap);
    let (first, _) = breaker(settings());
    assert!(heap.blocks(|| first.call(ok).map(drop).unwrap()) > 0, "a breaker's first call");
    // By design, and off the path of calls.
    assert!(heap.blocks(|| drop(first.snapshot())) > 0, "a snapshot");
    assert!(heap.blocks(|| first.reset()) > 0, "a reset");
    let id = first.add_listener(|_| ());
    let turn = || {
        first.trip();
        first.close();
    };
    assert!(heap.blocks(turn) > 0, "transitions that somebody listens to");
    first.remove_listener(id);
    assert_eq!(heap.blocks(turn), 0, "transitions that nobody listens to any more");
    let change = || first.reconfigure(|now| now.failure_threshold(9)).unwrap();
    assert!(heap.blocks(change) > 0, "new settings");

    for (case, settings) in cases() {
        let (breaker, clock) = breaker(settings);
        no_path_allocates(&heap, &format!("{case}, first thread"), &breaker, &clock);
        let in_another = |who: String| {
            let (heap, breaker, clock) = (Arc::clone(&heap), Arc::clone(&breaker), clock.clone());
            thread::spawn(move || no_path_allocates(&heap, &who, &breaker, &clock)).join().unwrap();
        };
        in_another(format!("{case}, second thread"));

        // While as many threads as can have counters of their own hold on to them.
        let (here, taken) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let holder = {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || {
                crowd(shards(), move || {
                    breaker.call(ok).unwrap();
                    here.send(()).unwrap();
                    // Until the sender is gone.
                    wait.lock().unwrap().recv().unwrap_err();
                });
            })
        };
        (0..shards()).for_each(|_| taken.recv().unwrap());
        in_another(format!("{case}, without counters of its own"));
        drop(go);
        holder.join().unwrap();
    }
    println!("no path of a call allocates");
}
