//! What became of the requests, counted by phase.

use std::time::Duration;

use serde::Serialize;

use super::script::Phase;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered with 200.
    Served,
    /// Answered with 429.
    Limited,
    /// Answered with 400.
    Invalid,
    /// Answered with a 5xx.
    Unavailable,
    /// No answer within the client's timeout.
    TimedOut,
    /// Nobody listened.
    Refused,
    /// The connection ended before the answer did.
    Cut,
    /// This program failed to send it: it ran out of sockets, say.
    Unsent,
    /// The breaker turned it away.
    Rejected,
}

/// One request of a run.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The phase in which it was due.
    pub phase: usize,
    /// What became of it.
    pub fate: Fate,
    /// From the moment it was due until its caller knew.
    pub latency: Duration,
    /// When it was sent or turned away, from the start of the run.
    pub at: Duration,
    /// Whether a server in good health answers it with 200.
    pub valid: bool,
    /// Whether the server had asked to stay away, for longer than until then.
    pub asked_away: bool,
}

/// The requests of a phase, or of all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// The phase's name, or `all`.
    pub phase: &'static str,
    /// How many were due.
    pub requests: u64,
    /// Answered with 200.
    pub served: u64,
    /// Sent, and failed: all of these were wasted.
    pub failed: u64,
    /// Turned away by the breaker.
    pub rejected: u64,
    /// The failed ones, by kind.
    pub failures: Failures,
    /// Caller's latency of all of them, whatever their fate.
    pub caller: Percentiles,
    /// Caller's latency of those that were served.
    pub served_caller: Percentiles,
}

/// How requests failed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Failures {
    /// 429 with a Retry-After.
    pub limited: u64,
    /// 400.
    pub invalid: u64,
    /// 5xx.
    pub unavailable: u64,
    /// No answer in time.
    pub timed_out: u64,
    /// Connection refused.
    pub refused: u64,
    /// Connection lost.
    pub cut: u64,
    /// This program's own failure to send.
    pub unsent: u64,
}

/// Latencies at three ranks, in ms; null without a request.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50_ms: Option<f64>,
    /// 95 of a hundred are at most this.
    pub p95_ms: Option<f64>,
    /// 99 of a hundred are at most this.
    pub p99_ms: Option<f64>,
}

impl Percentiles {
    /// Of these times, exactly: no histogram between.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let rank = |percent: usize| {
            let nearest = (times.len() * percent).div_ceil(100);
            times.get(nearest.checked_sub(1)?).map(|time| time.as_secs_f64() * 1e3)
        };
        Self { p50_ms: rank(50), p95_ms: rank(95), p99_ms: rank(99) }
    }
}

impl Tally {
    /// Counts `requests` under the name `phase`.
    pub fn of<'a>(phase: &'static str, requests: impl Iterator<Item = &'a Request>) -> Self {
        let mut tally = Self { phase, ..Self::default() };
        let (mut all, mut served) = (Vec::new(), Vec::new());
        for request in requests {
            all.push(request.latency);
            let failures = &mut tally.failures;
            let kind = match request.fate {
                Fate::Served => {
                    served.push(request.latency);
                    tally.served += 1;
                    continue;
                }
                Fate::Rejected => {
                    tally.rejected += 1;
                    continue;
                }
                Fate::Limited => &mut failures.limited,
                Fate::Invalid => &mut failures.invalid,
                Fate::Unavailable => &mut failures.unavailable,
                Fate::TimedOut => &mut failures.timed_out,
                Fate::Refused => &mut failures.refused,
                Fate::Cut => &mut failures.cut,
                Fate::Unsent => &mut failures.unsent,
            };
            *kind += 1;
            tally.failed += 1;
        }
        tally.requests = all.len() as u64;
        tally.caller = Percentiles::of(all);
        tally.served_caller = Percentiles::of(served);
        tally
    }

    /// One for each of `phases`.
    pub fn by_phase(phases: &[Phase], requests: &[Request]) -> Vec<Self> {
        let within = |index| requests.iter().filter(move |request| request.phase == index);
        phases.iter().enumerate().map(|(i, phase)| Self::of(phase.name, within(i))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(phase: usize, fate: Fate, ms: u64) -> Request {
        let (latency, at) = (Duration::from_millis(ms), Duration::ZERO);
        Request { phase, fate, latency, at, valid: true, asked_away: false }
    }

    #[test]
    fn every_request_is_served_failed_or_rejected() {
        use Fate::*;
        let fates =
            [Served, Limited, Invalid, Unavailable, TimedOut, Refused, Cut, Unsent, Rejected];
        let requests: Vec<Request> = fates.iter().map(|&fate| request(0, fate, 1)).collect();
        let tally = Tally::of("all", requests.iter());
        assert_eq!((tally.requests, tally.served, tally.failed, tally.rejected), (9, 1, 7, 1));
    }

    #[test]
    fn percentiles_are_nearest_ranks_and_none_without_a_request() {
        let times = |n: u64| (1..=n).rev().map(Duration::from_millis).collect::<Vec<_>>();
        let of_100 = Percentiles::of(times(100));
        assert_eq!((of_100.p50_ms, of_100.p95_ms), (Some(50.0), Some(95.0)));
        assert_eq!(of_100.p99_ms, Some(99.0));
        assert_eq!(Percentiles::of(times(1)).p99_ms, Some(1.0));
        assert_eq!(Percentiles::of(times(0)).p50_ms, None);
    }

    #[test]
    fn a_phase_counts_its_own_requests() {
        let requests = [request(0, Fate::Served, 1), request(1, Fate::Cut, 2)];
        let tallies = Tally::by_phase(&crate::replay::script::TROUBLE[..2], &requests);
        assert_eq!((tallies[0].served, tallies[0].failed), (1, 0));
        assert_eq!((tallies[1].served, tallies[1].failed), (0, 1));
    }
}
