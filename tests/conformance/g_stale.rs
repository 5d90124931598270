//! G. Stale results and eras.

use super::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn s46_a_stale_success_feeds_no_spell() {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(2));
    let stale = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    make_due(&breaker, &clock);
    let probe = breaker.try_acquire().unwrap();
    stale.into_iter().for_each(Permit::success);
    probe.success();
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::HalfOpen, 2));
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s47_a_stale_failure_does_not_reopen() {
    let (breaker, clock) = breaker();
    let stale = breaker.try_acquire().unwrap();
    make_due(&breaker, &clock);
    let probe = breaker.try_acquire().unwrap();
    stale.failure();
    assert_eq!(breaker.state(), State::HalfOpen);
    probe.success();
    succeed(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s47_a_stale_failure_feeds_no_streak_of_a_later_closed_era() {
    let (breaker, clock) = breaker();
    let stale: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    make_due(&breaker, &clock);
    succeed(&breaker, 3);
    stale.into_iter().for_each(Permit::failure);
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 0));
}

#[test]
fn s48_stale_permits_that_come_back_add_no_probes() {
    let (breaker, clock) = breaker();
    let stale: Vec<_> = (0..200).map(|_| breaker.try_acquire_owned().unwrap()).collect();
    make_due(&breaker, &clock);
    let probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        let mut stale = stale.into_iter();
        for _ in 0..4 {
            let mine: Vec<_> = stale.by_ref().take(50).collect();
            scope.spawn(|| {
                start.wait();
                for (nth, permit) in mine.into_iter().enumerate() {
                    if nth % 2 == 0 {
                        drop(permit)
                    } else {
                        permit.ignore()
                    }
                    assert!(breaker.try_acquire().is_err(), "a place that nobody gave back");
                }
            });
        }
    });
    assert_eq!(breaker.snapshot().stale, 200);
    drop(probes);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn s48_stale_results_change_no_window() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        let mut stale: Vec<_> = (0..40).map(|_| breaker.try_acquire().unwrap()).collect();
        let mut come_back = |breaker: &CircuitBreaker| {
            let (before, window) = (breaker.snapshot().stale, held(breaker));
            for (nth, permit) in stale.drain(..10).enumerate() {
                if nth % 2 == 0 { permit.failure() } else { permit.success() }
            }
            assert_eq!((breaker.snapshot().stale, held(breaker)), (before + 10, window));
        };
        play(&breaker, &clock, "sssssfffff");
        assert_eq!(breaker.state(), State::Open);
        come_back(&breaker);
        assert_eq!(held(&breaker), (10, 5, 0));
        clock.advance(SECOND);
        play(&breaker, &clock, "ss");
        come_back(&breaker);
        assert_eq!(breaker.state(), State::HalfOpen);
        play(&breaker, &clock, "s");
        come_back(&breaker);
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (0, 0, 0)));
        // Also when this era has results of its own, and lacks one.
        play(&breaker, &clock, "fffffffff");
        come_back(&breaker);
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (9, 9, 0)));
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open);
    }
}

/// As many transitions as the low bits of an era count, by the orders that look at no window;
/// closed at the end.
fn go_round(breaker: &CircuitBreaker) {
    for _ in 1..1 << 20 {
        breaker.disable();
        breaker.force_open();
    }
    breaker.disable();
    breaker.close();
}

#[test]
fn s49_a_permit_held_across_exactly_one_wrap_of_the_era_is_stale() {
    let (breaker, _) = breaker_with(|builder| builder.failure_threshold(1));
    let held = breaker.try_acquire().unwrap();
    go_round(&breaker);
    assert_eq!((breaker.state(), breaker.era()), (State::Closed, 1 << 21));
    held.failure();
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::Closed, 1));
    let told = Arc::new(AtomicU64::new(0));
    let era = Arc::clone(&told);
    breaker.add_listener(move |event| era.store(event.era, Ordering::Relaxed));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(told.load(Ordering::Relaxed), (1 << 21) + 1, "an event has the whole era");
}

#[test]
fn s49_a_lap_of_the_era_brings_no_result_back() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        let held_back = breaker.try_acquire().unwrap();
        play(&breaker, &clock, "fffffffff");
        go_round(&breaker);
        assert_eq!((breaker.state(), breaker.era()), (State::Closed, 1 << 21));
        assert_eq!(held(&breaker), (0, 0, 0));
        held_back.failure();
        assert_eq!((held(&breaker), breaker.snapshot().stale), ((0, 0, 0), 1));
        play(&breaker, &clock, "fffffffff");
        assert_eq!((held(&breaker), breaker.state()), ((9, 9, 0), State::Closed));
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn s50_what_was_in_flight_at_an_order_is_stale_afterwards() {
    let orders: [fn(&CircuitBreaker); 5] = [
        CircuitBreaker::reset,
        CircuitBreaker::trip,
        CircuitBreaker::force_open,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ];
    for order in orders {
        let (breaker, _) = breaker_with(|builder| builder.failure_threshold(1));
        let in_flight = breaker.try_acquire().unwrap();
        order(&breaker);
        let (state, era) = (breaker.state(), breaker.era());
        in_flight.failure();
        assert_eq!((breaker.state(), breaker.era()), (state, era));
        assert_eq!(breaker.snapshot().stale, 1);
        assert_eq!(breaker.snapshot().streak, 0);
    }
}

#[test]
fn s50_what_was_in_flight_at_an_order_goes_into_no_window() {
    let orders: [fn(&CircuitBreaker); 4] = [
        CircuitBreaker::reset,
        CircuitBreaker::close,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ];
    for window in WINDOWS {
        for order in orders {
            let (breaker, clock) = rated_with(window);
            play(&breaker, &clock, "sss");
            let in_flight: Vec<_> = (0..20).map(|_| breaker.try_acquire().unwrap()).collect();
            order(&breaker);
            let (state, era, window) = (breaker.state(), breaker.era(), held(&breaker));
            assert_eq!(era, 1);
            in_flight.into_iter().for_each(Permit::failure);
            assert_eq!((breaker.state(), breaker.era(), held(&breaker)), (state, era, window));
            assert_eq!(breaker.snapshot().stale, 20);
        }
    }
}
