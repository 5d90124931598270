//! Many breakers, each called by all threads in turn.
//!
//! They time no call: the histograms of ten thousand breakers would need gigabytes.

use std::sync::Arc;

use ampacity::{CircuitBreaker, State, Timing};

use super::steady::{Mixed, totals};
use super::tally::{self, Tally};
use super::{Actor, Scene};
use crate::program::{Check, Failure};
use crate::watchdog::Station;

/// How many threads call them.
pub(crate) const THREADS: usize = 64;

/// Calls of each before the threads'.
const FIRST: u64 = 1;

struct Many {
    breakers: Box<[CircuitBreaker]>,
    threads: usize,
}

pub(super) fn build(breakers: usize, threads: usize) -> Result<Arc<dyn Scene>, Failure> {
    let one = |_| {
        let breaker = CircuitBreaker::builder("one of many")
            .failure_threshold(u32::MAX)
            .timing(Timing::Off)
            .build()
            .map_err(|error| Failure(format!("many_breakers: {error}")))?;
        // Its first call makes the place where calls are counted, and would be most of what a
        // short point measures. If it is turned away, the books will not agree.
        if let Ok(permit) = breaker.try_acquire() {
            permit.success();
        }
        Ok(breaker)
    };
    let breakers = (0..breakers.max(1)).map(one).collect::<Result<_, _>>()?;
    Ok(Arc::new(Many { breakers, threads }))
}

impl Scene for Many {
    fn enter<'a>(&'a self, index: usize, _station: &'a Station) -> Box<dyn Actor + 'a> {
        let first = index * self.breakers.len() / self.threads.max(1);
        let inner = Mixed::new(&self.breakers[first % self.breakers.len()], 100, index);
        Box::new(Caller { breakers: &self.breakers, next: first, inner })
    }

    fn judge(&self, tally: &Tally) -> Vec<Check> {
        let [mut calls, mut admitted, mut succeeded, mut failed, mut in_flight] = [0; 5];
        let (mut called, mut moved) = (0, 0);
        for breaker in &self.breakers {
            let one = breaker.snapshot();
            calls += one.admitted + one.rejected.total();
            admitted += one.admitted;
            succeeded += one.succeeded;
            failed += one.failed;
            in_flight += one.in_flight;
            called += u64::from(one.admitted > FIRST);
            moved += u64::from(one.state != State::Closed || one.era != 0);
        }
        let all = self.breakers.len() as u64;
        let reached = format!("{called} of {all}");
        vec![
            totals(tally::differing([
                ("calls", calls, tally.calls + FIRST * all),
                ("admitted", admitted, tally.admitted + FIRST * all),
                ("succeeded", succeeded, tally.succeeded + FIRST * all),
                ("failed", failed, tally.failed),
                ("in_flight", in_flight, 0),
            ])),
            Check::judged("stays_closed", moved == 0, format!("{moved} of {all} moved")),
            match called == all {
                true => Check::judged("every_breaker_is_called", true, reached),
                false => Check::not_reached("every_breaker_is_called", reached),
            },
        ]
    }

    fn dump(&self) -> String {
        let odd = self.breakers.iter().filter(|breaker| breaker.state() != State::Closed);
        let first = self.breakers.iter().find(|breaker| breaker.state() != State::Closed);
        let shown = first.or(self.breakers.first());
        format!("{} breakers, {} not closed: {shown:?}", self.breakers.len(), odd.count())
    }
}

/// One thread, which goes from breaker to breaker.
struct Caller<'a> {
    breakers: &'a [CircuitBreaker],
    next: usize,
    inner: Mixed<'a>,
}

impl Actor for Caller<'_> {
    fn calls(&mut self, calls: u64) {
        for _ in 0..calls {
            self.inner.goes_to(&self.breakers[self.next % self.breakers.len()]);
            self.next += 1;
            self.inner.calls(1);
        }
    }

    fn leave(self: Box<Self>) -> Tally {
        Box::new(self.inner).leave()
    }
}
