//! Breakers by name.

use ampacity::{
    CircuitBreaker, Clock, ConfigError, ManualClock, Outcome, Registry, RegistryError, State,
    Timing,
};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// Runs the test in a thread of its own, so that a deadlock is a failure.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running: a deadlock?"),
        _ => thread.join().unwrap(),
    }
}

fn get(registry: &Registry, name: &str) -> Arc<CircuitBreaker> {
    registry.get_or_create(name, |builder| builder).unwrap()
}

#[test]
fn a_breaker_is_made_once_and_found_again_until_it_is_removed() {
    let registry = Registry::new();
    assert!(registry.is_empty() && registry.get("db").is_none());
    let made = get(&registry, "db");
    assert_eq!(made.name(), "db");
    assert!(Arc::ptr_eq(&made, &get(&registry, "db")));
    assert!(Arc::ptr_eq(&made, &registry.get("db").unwrap()));
    assert_eq!(registry.len(), 1);
    assert!(Arc::ptr_eq(&made, &registry.remove("db").unwrap()));
    assert!(registry.remove("db").is_none() && registry.get("db").is_none());
    assert!(!Arc::ptr_eq(&made, &get(&registry, "db")));
}

#[test]
fn the_registry_of_the_process_is_one() {
    let made = get(Registry::global(), "public::registry");
    let found = thread::spawn(|| Registry::global().get("public::registry").unwrap());
    assert!(Arc::ptr_eq(&made, &found.join().unwrap()));
}

#[test]
fn a_conflict_names_the_first_setting_that_differs_with_both_values_and_has_the_breaker() {
    let registry = Registry::new();
    let made = registry.get_or_create("api", |b| b.open_for(Duration::from_secs(5))).unwrap();
    type Case = (fn(ampacity::Builder) -> ampacity::Builder, &'static str);
    let cases: [Case; 8] = [
        (|b| b, "open_for of 5s, not 60s"),
        (|b| b.failure_threshold(7), "failure_threshold of 5, not 7"),
        (|b| b.open_for(Duration::MAX), "open_for of 5s, not 18446744073709551615.999999999s"),
        (
            |b| b.open_for(Duration::from_secs(5)).success_threshold(3),
            "success_threshold of 2, not 3",
        ),
        (
            |b| b.open_for(Duration::from_secs(5)).half_open_permits(4),
            "half_open_permits of 2, not 4",
        ),
        (
            |b| b.open_for(Duration::from_secs(5)).probe_lease(Duration::from_millis(1)),
            "probe_lease of 60s, not 1ms",
        ),
        (|b| b.open_for(Duration::from_secs(5)).timing(Timing::Off), "timing of Adaptive, not Off"),
        (
            |b| b.open_for(Duration::from_secs(5)).latency_error(0.1),
            "latency_error of 0.032, not 0.1",
        ),
    ];
    for (configure, says) in cases {
        let error = registry.get_or_create("api", configure).unwrap_err();
        assert_eq!(error.to_string(), format!("circuit breaker 'api' exists with a {says}"));
        let RegistryError::Conflict { existing, setting, .. } = error else { panic!("{error}") };
        assert!(Arc::ptr_eq(&existing, &made));
        assert!(says.starts_with(setting));
    }
}

#[test]
fn windows_are_compared_by_what_they_are_and_a_span_that_was_not_given_has_one() {
    let registry = Registry::new();
    let minute = Duration::from_secs(60);
    registry.get_or_create("time", |b| b.failure_rate(0.5).time_window(minute)).unwrap();
    registry.get_or_create("count", |b| b.failure_rate(0.5).count_window(50)).unwrap();
    type Case = (&'static str, fn(ampacity::Builder) -> ampacity::Builder, &'static str);
    let cases: [Case; 4] = [
        ("time", |b| b.time_window(Duration::from_secs(30)), "time_window of 60s, not 30s"),
        (
            "time",
            |b| b.time_window(Duration::from_secs(60)).time_slices(6),
            "time_slices of 10, not 6",
        ),
        ("time", |b| b.count_window(50), "count_window of none, not 50"),
        ("count", |b| b.time_window(Duration::from_secs(60)), "count_window of 50, not none"),
    ];
    for (name, configure, says) in cases {
        let error = registry.get_or_create(name, |b| configure(b.failure_rate(0.5))).unwrap_err();
        assert_eq!(error.to_string(), format!("circuit breaker '{name}' exists with a {says}"));
    }
}

#[test]
fn settings_are_compared_with_those_of_creation_and_defaults_count_as_their_values() {
    let registry = Registry::new();
    let made = get(&registry, "db");
    made.reconfigure(|now| now.failure_threshold(50)).unwrap();
    let again = registry.get_or_create("db", |b| {
        b.failure_threshold(5)
            .open_for(Duration::from_secs(60))
            .success_threshold(2)
            .half_open_permits(2)
            .probe_lease(Duration::from_secs(60))
            .clock(ManualClock::new())
    });
    assert!(Arc::ptr_eq(&made, &again.unwrap()));
    let conflict = registry.get_or_create("db", |b| b.failure_threshold(50)).unwrap_err();
    assert!(conflict.to_string().ends_with("failure_threshold of 5, not 50"), "{conflict}");
}

#[test]
fn what_cannot_be_is_refused_as_a_value_and_makes_no_breaker() {
    let zero = Registry::bounded(0).unwrap_err();
    assert!(matches!(zero, ConfigError::NumberOutOfRange { field: "capacity", value: 0, .. }));

    let registry = Registry::new();
    let bad = registry.get_or_create("db", |b| b.success_threshold(0)).unwrap_err();
    assert!(matches!(&bad, RegistryError::Config(error) if error.field() == "success_threshold"));
    assert!(std::error::Error::source(&bad).is_some());
    let far = ManualClock::new();
    far.set(Duration::from_secs(1 << 40));
    let late = registry.get_or_create("db", |b| b.clock(far)).unwrap_err();
    assert!(matches!(&late, RegistryError::Config(error) if error.field() == "clock"));
    let renamed = registry.get_or_create("db", |_| CircuitBreaker::builder("other")).unwrap_err();
    assert_eq!(renamed.to_string(), "circuit breaker 'db' cannot be configured as 'other'");
    assert!(registry.is_empty() && registry.get("db").is_none());

    get(&registry, "db");
    let still = registry.get_or_create("db", |b| b.success_threshold(0)).unwrap_err();
    assert!(matches!(still, RegistryError::Config(_)), "{still}");
}

#[test]
fn resetting_all_resets_each_of_them() {
    let registry = Registry::new();
    for name in ["closed", "open", "forced"] {
        get(&registry, name).try_acquire().unwrap().success();
    }
    get(&registry, "open").trip();
    get(&registry, "forced").force_open();
    registry.reset_all();
    let reset = |s: &ampacity::Snapshot| s.state == State::Closed && s.era > 0 && s.succeeded == 0;
    assert!(registry.snapshots().iter().all(reset));
}

#[test]
fn twenty_thousand_names_are_all_found_seen_and_snapshot() {
    const NAMES: usize = 20_000;
    let registry = Registry::new();
    thread::scope(|scope| {
        for quarter in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                for nth in (quarter..NAMES).step_by(4) {
                    get(registry, &format!("tenant-{nth}"));
                }
            });
        }
    });
    assert_eq!(registry.len(), NAMES);
    for nth in 0..NAMES {
        let name = format!("tenant-{nth}");
        assert_eq!(registry.get(&name).unwrap().name(), name);
    }
    let seen: HashSet<_> = registry.to_vec().iter().map(|b| b.name().to_owned()).collect();
    assert_eq!(seen.len(), NAMES);
    get(&registry, "tenant-7").trip();
    get(&registry, "tenant-7").try_acquire().unwrap_err();
    let snapshots = registry.snapshots();
    assert_eq!(snapshots.len(), NAMES);
    let open: Vec<_> = snapshots.iter().filter(|s| s.state == State::Open).collect();
    assert!(open.len() == 1 && open[0].name == "tenant-7" && open[0].rejected.open == 1);
    for nth in 0..NAMES {
        assert!(registry.remove(&format!("tenant-{nth}")).is_some());
    }
    assert!(registry.is_empty() && registry.to_vec().is_empty());
}

#[test]
fn each_breaker_that_is_there_throughout_is_seen_once_while_others_come_and_go() {
    const STAY: usize = 500;
    let registry = Registry::new();
    for nth in 0..STAY {
        get(&registry, &format!("stays {nth}"));
    }
    let done = AtomicBool::new(false);
    let turned_over = AtomicUsize::new(0);
    thread::scope(|scope| {
        for mine in 0..2 {
            let (registry, done, turned_over) = (&registry, &done, &turned_over);
            scope.spawn(move || {
                // From some hundred to several thousand names and back: the table grows.
                while !done.load(Ordering::Relaxed) {
                    for nth in 0..2_000 {
                        get(registry, &format!("comes {mine} {nth}"));
                    }
                    for nth in 0..2_000 {
                        registry.remove(&format!("comes {mine} {nth}")).unwrap();
                    }
                    turned_over.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut rounds = 0;
        while rounds < 50 || turned_over.load(Ordering::Relaxed) < 4 {
            let mut stayed = 0;
            let mut seen = HashMap::new();
            registry.for_each(|breaker| {
                *seen.entry(Arc::as_ptr(breaker)).or_insert(0) += 1;
                stayed += usize::from(breaker.name().starts_with("stays"));
            });
            assert_eq!(stayed, STAY);
            let twice = seen.values().filter(|&&times| times > 1).count();
            // An address may be used again within one round, by one that came later.
            assert!(twice <= seen.len() - STAY);
            rounds += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(registry.len(), STAY);
}

#[test]
fn a_visitor_may_change_the_registry_and_sees_no_breaker_that_it_removed() {
    let registry = Registry::bounded(1_000).unwrap();
    let names: Vec<_> = (0..100).map(|nth| format!("old {nth}")).collect();
    names.iter().for_each(|name| drop(get(&registry, name)));
    let mut seen = HashSet::new();
    registry.for_each(|breaker| {
        let name = breaker.name();
        if !name.starts_with("old") {
            return; // one of those that come below
        }
        assert!(seen.insert(name.to_owned()));
        // One is gone, this or a later one, and another one comes.
        for gone in names.iter().filter(|other| *other != name).take(60) {
            registry.remove(gone);
        }
        get(&registry, &format!("new {name}"));
        assert!(registry.to_vec().len() == registry.len() && !registry.snapshots().is_empty());
    });
    assert!((1..=41).contains(&seen.len()), "{}", seen.len());
}

#[test]
fn whatever_is_a_users_own_code_may_call_the_registry() {
    /// Calls the registry when it is read and when it is dropped.
    struct Calls(Arc<Registry>, Arc<AtomicU64>);
    impl Clock for Calls {
        fn now(&self) -> u64 {
            self.0.get("other");
            self.1.fetch_add(1, Ordering::Relaxed)
        }
    }
    impl Drop for Calls {
        fn drop(&mut self) {
            self.0.get_or_create("other", |b| b).ok();
            self.0.len();
            self.1.fetch_add(1 << 32, Ordering::Relaxed);
        }
    }
    within_a_minute(|| {
        let registry = Arc::new(Registry::bounded(2).unwrap());
        let calls = Arc::new(AtomicU64::new(0));
        let clock = || Calls(Arc::clone(&registry), Arc::clone(&calls));
        let breaker = registry
            .get_or_create("one", |builder| {
                get(&registry, "other");
                registry.to_vec();
                builder.clock(clock())
            })
            .unwrap();
        // A configuration that makes the breaker it is for: the inner one stays.
        registry.remove("other");
        let outer = registry.get_or_create("other", |builder| {
            get(&registry, "other");
            builder.clock(clock())
        });
        assert!(Arc::ptr_eq(&outer.unwrap(), &registry.get("other").unwrap()));
        let classify = |_: &Result<(), ()>| {
            registry.for_each(|other| assert!(registry.get(other.name()).is_some()));
            registry.reset_all();
            Outcome::Ignore
        };
        breaker.classified(classify).call(|| Ok(())).unwrap();
        assert_eq!(breaker.snapshot().lifetime.ignored, 1);
        let listening = Arc::clone(&registry);
        let id = breaker.add_listener(move |event| {
            assert!(listening.get(&event.breaker).is_some());
            listening.for_each(|other| drop(other.snapshot()));
        });
        breaker.trip();
        breaker.reset();
        assert_eq!((breaker.snapshot().events.told, breaker.snapshot().events.panics), (2, 0));
        breaker.remove_listener(id);
        // Evicted, or refused for want of a place, with a clock that calls when dropped.
        drop(breaker);
        for name in ["two", "three", "four"] {
            let held = registry.get_or_create(name, |b| b.clock(clock())).unwrap();
            let other = registry.get_or_create("other", |b| b).unwrap();
            let full = registry.get_or_create("too many", |b| b.clock(clock()));
            assert!(matches!(full, Err(RegistryError::Full { capacity: 2 })), "{full:?}");
            drop((held, other));
        }
        let calls = calls.load(Ordering::Relaxed);
        assert!(calls >> 32 >= 5 && calls & 0xffff_ffff >= 5, "{calls:x}");
        registry.to_vec().iter().for_each(|breaker| drop(registry.remove(breaker.name())));
    });
}

#[test]
fn a_breaker_is_not_evicted_while_somebody_listens_who_came_later() {
    let registry = Registry::bounded(1).unwrap();
    let breaker = registry.get_or_create("one", |b| b.on_event(|_| ())).unwrap();
    let id = breaker.add_listener(|_| ());
    drop(breaker);
    assert!(registry.get_or_create("two", |b| b).is_err());
    registry.get("one").unwrap().remove_listener(id);
    assert!(registry.get_or_create("two", |b| b).is_ok());
}

#[test]
fn a_breaker_is_evicted_with_the_policy_that_it_was_made_with_and_not_with_another() {
    let registry = Registry::bounded(1).unwrap();
    let made = |b: ampacity::Builder| b.count_window(10).trip_when(|w| w.failed > 3);
    let breaker = registry.get_or_create("one", made).unwrap();
    breaker.reconfigure(|now| now.trip_when(|w| w.failed > 4)).unwrap();
    drop(breaker);
    assert!(registry.get_or_create("two", |b| b).is_err());
    drop(registry.remove("one"));
    let breaker = registry.get_or_create("one", made).unwrap();
    breaker.reconfigure(|now| now).unwrap();
    drop(breaker);
    assert!(registry.get_or_create("two", |b| b).is_ok());
}

#[test]
fn a_full_registry_evicts_a_sixteenth_at_a_time() {
    let registry = Registry::bounded(32).unwrap();
    (0..32).for_each(|nth| drop(registry.get_or_create(&nth.to_string(), |b| b).unwrap()));
    registry.get_or_create("one more", |b| b).unwrap();
    assert_eq!(registry.len(), 31);
}

#[test]
fn a_removed_breaker_is_dropped_with_its_last_holder() {
    let registry = Registry::new();
    for nth in 0..100 {
        let name = format!("{nth}");
        let weak = Arc::downgrade(&get(&registry, &name));
        drop(registry.remove(&name));
        assert!(weak.upgrade().is_none());
    }
}

#[test]
fn a_breaker_that_a_reader_has_just_found_is_not_evicted() {
    let registry = Registry::bounded(1).unwrap();
    let done = AtomicBool::new(false);
    let found = AtomicUsize::new(0);
    thread::scope(|scope| {
        let reader = || {
            while !done.load(Ordering::Relaxed) {
                if let Some(breaker) = registry.get("one") {
                    let again = registry.get("one").expect("held, so it stays");
                    assert!(Arc::ptr_eq(&breaker, &again));
                    found.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let threads = [scope.spawn(reader), scope.spawn(reader)];
        let (mut made, mut full) = (0, 0);
        // Evicts the one or finds it held, until both have happened often enough.
        while (made < 60_000 || full < 200) && !threads.iter().any(|t| t.is_finished()) {
            for name in ["one", "other"] {
                match registry.get_or_create(name, |b| b) {
                    Ok(_) => made += 1,
                    Err(_) => full += 1,
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(found.into_inner() > 0);
}

/// Who holds the breaker of a name just now, and which one it is.
#[derive(Default)]
struct Holders {
    address: usize,
    count: usize,
}

#[test]
fn under_contention_a_bound_holds_and_no_name_has_two_breakers_in_use() {
    const CAPACITY: usize = 8;
    const NAMES: usize = 24;
    const THREADS: usize = 6;
    let registry = Registry::bounded(CAPACITY).unwrap();
    let names: Vec<_> = (0..NAMES).map(|nth| format!("{nth}")).collect();
    let holders: Vec<Mutex<Holders>> = (0..NAMES).map(|_| Mutex::default()).collect();
    let (full, made, shared) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (registry, names, holders, start) = (&registry, &names, &holders, &start);
            let (full, made, shared) = (&full, &made, &shared);
            scope.spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread as u64 + 1);
                let mut held = Vec::new();
                start.wait();
                for step in 0..20_000 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let name = (random >> 33) as usize % NAMES;
                    let found = match step % 2 {
                        0 => registry.get(&names[name]),
                        _ => {
                            let answer = registry.get_or_create(&names[name], |b| b);
                            match &answer {
                                Ok(_) => made.fetch_add(1, Ordering::Relaxed),
                                Err(_) => full.fetch_add(1, Ordering::Relaxed),
                            };
                            answer.ok()
                        }
                    };
                    assert!(registry.len() <= CAPACITY);
                    if let Some(breaker) = found {
                        let mut now = holders[name].lock().unwrap();
                        let address = Arc::as_ptr(&breaker) as usize;
                        if now.count > 0 {
                            assert_eq!(now.address, address, "two breakers called {name}");
                            shared.fetch_add(1, Ordering::Relaxed);
                        }
                        *now = Holders { address, count: now.count + 1 };
                        drop(now);
                        // Some are held from step to step, more by all than there is room for.
                        held.push((name, breaker));
                    }
                    if held.len() > 2 {
                        let (name, breaker) = held.remove(0);
                        holders[name].lock().unwrap().count -= 1;
                        drop(breaker);
                    }
                }
                for (name, _) in &held {
                    holders[*name].lock().unwrap().count -= 1;
                }
            });
        }
    });
    // All that it is about did happen.
    for (what, count) in [("full", full), ("made", made), ("shared", shared)] {
        assert!(count.into_inner() > 0, "never {what}");
    }
    assert!(registry.len() <= CAPACITY && registry.to_vec().len() == registry.len());
}
