//! What every breaker does, whatever its settings: by the contract, in one thread.

use std::time::Duration;

use ampacity::{CircuitBreaker, ManualClock, Permit, Reason, State};
use toml::Table;

use super::bounds::Said;

const MS: Duration = Duration::from_millis(1);
const YEAR: Duration = Duration::from_secs(31_557_600);
/// Deadlines are held in 40 bits of ms, all ones being never: 34 years.
const LAST: Duration = Duration::from_millis((1 << 40) - 2);
/// No threshold above this is gone up to, call by call.
const FEW: i64 = 300;

/// Brings `breaker`, which is new, from closed to open and back, and then wherever
/// `choices` lead; in the end it admits calls again.
pub(super) fn hold(breaker: &CircuitBreaker, clock: &ManualClock, said: &Table, choices: &[u8]) {
    let said = Said(said);
    opens(breaker, said);
    let open_for = said.span("open_for").unwrap_or(Duration::from_secs(60));
    let jitter = said.share("jitter").unwrap_or(0.0);
    let wait = refused(breaker, Reason::Open);
    if open_for == Duration::MAX {
        assert_eq!(wait, Duration::MAX);
        clock.advance(YEAR * 16);
        assert_eq!(refused(breaker, Reason::Open), Duration::MAX);
    } else {
        let longest = open_for.mul_f64(1.0 + jitter) + MS * 2;
        assert!(wait >= open_for && wait <= longest, "{wait:?} after {open_for:?}");
        clock.advance(wait - Duration::from_nanos(1));
        assert_eq!(breaker.state(), State::Open);
        clock.advance(Duration::from_nanos(1));
        closes_again(breaker, said);
        assert_eq!((breaker.state(), breaker.era()), (State::Closed, 3));
    }

    let mut held = Vec::new();
    for &choice in choices.iter().take(200) {
        step(breaker, clock, choice, &mut held);
        held.truncate(100);
    }
    recovers(breaker, clock);
    drop(held);
    let said = breaker.snapshot();
    assert_eq!(said.in_flight, 0);
    assert_eq!(said.admitted, said.succeeded + said.failed + said.ignored + said.cancelled);
    assert!(said.window.failed <= said.window.calls && said.window.slow <= said.window.calls);
}

/// By so many failures in a row where that alone decides, or else by hand.
fn opens(breaker: &CircuitBreaker, said: Said<'_>) {
    let judged = said.share("failure_rate").or(said.share("slow_call_rate")).is_some();
    let threshold = said.number("failure_threshold").unwrap_or(5);
    if judged || threshold > FEW {
        breaker.trip();
    } else {
        for _ in 1..threshold {
            breaker.try_acquire().expect("below the threshold").failure();
        }
        assert_eq!(breaker.state(), State::Closed);
        breaker.try_acquire().expect("below the threshold").failure();
    }
    assert_eq!((breaker.state(), breaker.era()), (State::Open, 1));
}

/// By as many probes as there may be, of which all succeed.
fn closes_again(breaker: &CircuitBreaker, said: Said<'_>) {
    let passes = said.number("success_threshold").unwrap_or(2);
    let by_share = said.share("half_open_failure_rate").is_some();
    let probes = said.number("half_open_permits").unwrap_or(if by_share { 10 } else { passes });
    for _ in 0..2 {
        let held: Vec<Permit<'_>> =
            (0..probes).map(|_| breaker.try_acquire().expect("a probe")).collect();
        assert!(held.iter().all(Permit::is_probe));
        refused(breaker, Reason::HalfOpenFull);
        // Unsettled, they give their places back.
    }
    for _ in 0..probes {
        if breaker.state() == State::HalfOpen {
            breaker.try_acquire().expect("a probe").success();
        }
    }
}

fn refused(breaker: &CircuitBreaker, reason: Reason) -> Duration {
    assert!(!breaker.would_admit());
    let refusal = breaker.try_acquire().map(drop).expect_err("it turns calls away");
    assert_eq!(refusal.reason(), reason);
    refusal.retry_after().expect("a wait")
}

fn step<'a>(
    breaker: &'a CircuitBreaker,
    clock: &ManualClock,
    choice: u8,
    held: &mut Vec<Permit<'a>>,
) {
    let more = u64::from(choice >> 4);
    match choice & 15 {
        0..=2 => held.extend(breaker.try_acquire()),
        3 => drop(breaker.try_acquire().map(Permit::success)),
        4 | 5 => drop(breaker.try_acquire().map(Permit::failure)),
        6 => drop(held.pop().map(Permit::success)),
        7 => drop(held.pop().map(Permit::failure)),
        8 => drop(held.pop().map(Permit::ignore)),
        9 => drop(held.pop().map(|permit| permit.open_for(MS * 3u32.pow(more as u32)))),
        10 => clock.advance(Duration::from_micros(7 << (2 * more))),
        11 => {
            let refusal = breaker.try_acquire().map(drop).err();
            clock.advance(refusal.and_then(|no| no.retry_after()).unwrap_or(MS).min(YEAR));
        }
        12 => clock.set(Duration::from_secs(more * more)),
        13 => drop(breaker.snapshot()),
        14 => breaker.restore(&breaker.save()).expect("as it was saved"),
        _ => match more {
            0 => breaker.reset(),
            1 => breaker.close(),
            2 => breaker.trip(),
            3 => breaker.force_open(),
            4 => breaker.disable(),
            5 => breaker.metrics_only(),
            6 => breaker.reconfigure(|now| now.failure_threshold(3)).unwrap_or(()),
            _ => drop(breaker.call(|| Ok::<_, ()>(()))),
        },
    }
}

/// Whoever waits as long as he is told, and asks again, is admitted sooner or later, though
/// no probe that is out is ever settled; but for the states that last.
fn recovers(breaker: &CircuitBreaker, clock: &ManualClock) {
    clock.set(LAST - YEAR);
    for _ in 0..8 {
        match breaker.try_acquire() {
            Ok(permit) => return permit.ignore(),
            Err(no) => match no.retry_after() {
                None => return assert_eq!(breaker.state(), State::ForcedOpen),
                Some(Duration::MAX) => return assert_eq!(breaker.state(), State::Open),
                Some(wait) => clock.advance(wait.min(YEAR * 20)),
            },
        }
    }
    panic!("it turns calls away for ever: {breaker:?}");
}
