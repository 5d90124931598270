//! What the load is made of: breakers of several kinds, and weather that trips them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use ampacity::{CallError, CircuitBreaker};

use super::books::Book;
use crate::program::Failure;
use crate::sample::Dice;

/// How many breakers.
pub(super) const KINDS: usize = 4;

/// The breakers of a run whose weather comes round every `cycle`.
pub(super) fn breakers(cycle: Duration) -> Result<Vec<Arc<CircuitBreaker>>, Failure> {
    let wait = (cycle / 50).max(Duration::from_millis(1));
    let of = |name: &'static str| CircuitBreaker::builder(name).open_for(wait);
    let window = (cycle / 4).max(Duration::from_millis(20));
    [
        of("consecutive_failures"),
        of("failure_rate_count_100").failure_rate(0.6).count_window(100).minimum_calls(20),
        of("failure_rate_time").failure_rate(0.6).time_window(window).minimum_calls(10),
        of("slow_call_rate_time")
            .failure_rate(0.6)
            .slow_call(Duration::from_secs(3_600))
            .slow_call_rate(0.9)
            .time_window(window)
            .minimum_calls(10)
            .count_in_flight(true),
    ]
    .into_iter()
    .map(|builder| {
        builder.build().map(Arc::new).map_err(|error| Failure(format!("no breaker: {error}")))
    })
    .collect()
}

/// How the protected service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// One call in a hundred fails.
    Fair,
    /// Four in ten.
    Poor,
    /// Nineteen in twenty.
    Foul,
}

impl Weather {
    /// Three parts fair, one poor, one foul, again and again.
    pub(super) fn at(since: Duration, cycle: Duration) -> Self {
        let at = since.as_nanos() % cycle.as_nanos().max(1);
        match at * 5 / cycle.as_nanos().max(1) {
            0..=2 => Self::Fair,
            3 => Self::Poor,
            _ => Self::Foul,
        }
    }

    /// Failures in a hundred calls.
    fn failures(self) -> u64 {
        match self {
            Self::Fair => 1,
            Self::Poor => 40,
            Self::Foul => 95,
        }
    }
}

/// What a call that panics as planned carries.
struct Planned;

/// Makes one call in this weather, and books it.
pub(super) fn call(breaker: &CircuitBreaker, weather: Weather, dice: &mut Dice, book: &mut Book) {
    let fails = dice.below(100) < weather.failures();
    match dice.below(256) {
        // Given back unsettled, as by a future that nobody polls any more.
        0..4 => match breaker.try_acquire() {
            Ok(permit) => {
                drop(permit);
                book.cancelled += 1;
            }
            Err(_) => book.rejected += 1,
        },
        4..8 => match breaker.try_acquire() {
            Ok(permit) => {
                permit.ignore();
                book.ignored += 1;
            }
            Err(_) => book.rejected += 1,
        },
        8 if fails => {
            // Unwinds without a word on stderr.
            let panics = || breaker.call(|| -> Result<(), ()> { resume_unwind(Box::new(Planned)) });
            match catch_unwind(AssertUnwindSafe(panics)) {
                Ok(Err(CallError::Rejected(_))) => book.rejected += 1,
                Ok(_) => {} // it cannot come back otherwise; the books would not agree
                Err(payload) if payload.is::<Planned>() => {
                    book.failed += 1;
                    book.panicked += 1;
                }
                Err(payload) => resume_unwind(payload),
            }
        }
        _ => match breaker.call(|| if fails { Err(()) } else { Ok(()) }) {
            Ok(()) => book.succeeded += 1,
            Err(CallError::Failed(())) => book.failed += 1,
            Err(CallError::Rejected(_)) => book.rejected += 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ampacity::State;

    #[test]
    fn the_weather_comes_round() {
        let cycle = Duration::from_millis(100);
        let at = |ms| Weather::at(Duration::from_millis(ms), cycle);
        assert_eq!([at(0), at(59), at(60), at(79), at(80), at(99)], {
            use Weather::*;
            [Fair, Fair, Poor, Poor, Foul, Foul]
        });
        assert_eq!(at(1_000_000_085), Weather::Foul);
    }

    #[test]
    fn every_breaker_trips_in_foul_weather_and_its_calls_are_booked() {
        for breaker in breakers(Duration::from_secs(1_000)).unwrap() {
            let (mut book, mut dice) = (Book::default(), Dice(3));
            for _ in 0..2_000 {
                call(&breaker, Weather::Fair, &mut dice, &mut book);
            }
            assert_eq!(breaker.state(), State::Closed, "{}", breaker.name());
            for _ in 0..5_000 {
                call(&breaker, Weather::Foul, &mut dice, &mut book);
            }
            assert_eq!(breaker.state(), State::Open, "{}", breaker.name());
            assert_eq!(book.fault(&breaker.snapshot()), None);
            assert_eq!(book.calls(), 7_000);
            assert!(book.rejected > 1_000 && book.cancelled > 5 && book.ignored > 5, "{book:?}");
        }
    }

    #[test]
    fn calls_that_panic_are_booked_as_failed() {
        let breaker = CircuitBreaker::builder("p").failure_threshold(u32::MAX).build().unwrap();
        let (mut book, mut dice) = (Book::default(), Dice(3));
        for _ in 0..2_000 {
            call(&breaker, Weather::Foul, &mut dice, &mut book);
        }
        assert!(book.panicked > 0 && book.panicked < book.failed);
        assert_eq!(book.fault(&breaker.snapshot()), None);
    }
}
