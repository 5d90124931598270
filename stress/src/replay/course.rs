//! What a replay was like over time, for reports: how many requests a second came to what,
//! how long callers waited, what the server did and where the breaker stood.

use std::time::Duration;

use super::lane::Lane;
use super::pace::Pace;
use super::story::{Story, To};
use super::tally::{Fate, Request, Tally};
use super::verdict::Following;
use crate::measure::{Band, Better, Labels, Latency, Measure, Track, Unit, labels};
use crate::program::Section;
use crate::upstream::Behaviour;

/// How many stretches a run is counted in: half seconds, of the usual 42 s.
const STRETCHES: u32 = 84;

/// The lanes, as they are called everywhere.
const LANES: [&str; 3] = ["without", "with", "all_healthy"];

/// What can become of a request, as it is counted: served, wasted, rejected.
const OUTCOMES: [&str; 3] = ["served", "wasted", "rejected"];

fn outcome(fate: Fate) -> usize {
    match fate {
        Fate::Served => 0,
        Fate::Rejected => 2,
        _ => 1,
    }
}

/// Adds to `section` what the lanes were like over time, and the figures to compare by.
pub(super) fn add(
    section: &mut Section,
    pace: Pace,
    lanes: &[Lane; 3],
    story: &Story,
    following: &[Following],
) {
    for (lane, name) in lanes.iter().zip(LANES) {
        section.tracks.extend(tracks(name, pace.length, &lane.requests));
        section.measures.extend(counts(name, &lane.requests));
        section.latencies.push(waits(name, &lane.requests));
    }
    section.measures.extend(times(following));
    section.bands = vec![upstream(pace.length, &lanes[1]), states(pace.length, story)];
}

fn of_lane(lane: &str) -> Labels {
    labels([("lane", lane.to_owned())])
}

fn with_outcome(lane: &str, outcome: &str) -> Labels {
    labels([("lane", lane.to_owned()), ("outcome", outcome.to_owned())])
}

/// Requests a second by outcome, and the wait that 95 of a hundred did not exceed.
fn tracks(lane: &str, length: Duration, requests: &[Request]) -> Vec<Track> {
    let Some(until) = requests.iter().map(|request| request.at).max() else {
        return Vec::new();
    };
    let width = (length / STRETCHES).max(Duration::from_millis(1));
    let stretch = |at: Duration| (at.as_nanos() / width.as_nanos()) as usize;
    // What is sent after the last stretch of the plan is of a machine that was late.
    let last = stretch(until).min(STRETCHES as usize - 1);
    let mut counted = vec![[0_u32; 3]; last + 1];
    let mut waited = vec![Vec::new(); last + 1];
    for request in requests {
        let at = stretch(request.at).min(last);
        counted[at][outcome(request.fate)] += 1;
        waited[at].push(request.latency);
    }
    let middle = |at: usize| (at as f64 + 0.5) * width.as_secs_f64();
    let mut tracks: Vec<Track> = OUTCOMES
        .into_iter()
        .enumerate()
        .map(|(which, outcome)| Track {
            name: "requests_per_s".to_owned(),
            labels: with_outcome(lane, outcome),
            unit: Unit::CallsPerS,
            points: counted
                .iter()
                .enumerate()
                .map(|(at, counts)| (middle(at), f64::from(counts[which]) / width.as_secs_f64()))
                .collect(),
        })
        .collect();
    tracks.push(Track {
        name: "latency_p95".to_owned(),
        labels: of_lane(lane),
        unit: Unit::S,
        points: waited
            .into_iter()
            .enumerate()
            .filter_map(|(at, mut times)| {
                times.sort_unstable();
                let rank = (times.len() * 95).div_ceil(100).checked_sub(1)?;
                Some((middle(at), times.get(rank)?.as_secs_f64()))
            })
            .collect(),
    });
    tracks
}

/// What the requests came to.
fn counts(lane: &str, requests: &[Request]) -> Vec<Measure> {
    let tally = Tally::of("all", requests.iter());
    let counts = [tally.served, tally.failed, tally.rejected];
    let better = [Better::Higher, Better::Lower, Better::Neither];
    let each = OUTCOMES.into_iter().zip(counts).zip(better);
    each.map(|((outcome, count), better)| {
        let of = with_outcome(lane, outcome);
        Measure::new("requests", of, Unit::Count, better, [count as f64])
    })
    .collect()
}

/// How long callers waited, from when their requests were due.
///
/// To one in a hundred: the times of a whole replay lie over six decades, and all three
/// digits of so many would make the greater part of a record.
fn waits(lane: &str, requests: &[Request]) -> Latency {
    let mut recorded = Latency::recorder();
    for request in requests {
        let ns = u64::try_from(request.latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        recorded.saturating_record(ns & coarse(ns));
    }
    Latency::new("wait", of_lane(lane), &recorded)
}

/// Keeps the seven highest bits of `ns`.
fn coarse(ns: u64) -> u64 {
    u64::MAX << (u64::BITS - ns.leading_zeros()).saturating_sub(7)
}

/// How fast the breaker followed each trouble; a phase that comes twice is two samples.
fn times(following: &[Following]) -> Vec<Measure> {
    let measure = |name: &str, of: fn(&Following) -> Option<f64>| {
        let samples = following.iter().filter_map(of).map(|ms| ms / 1e3);
        Measure::new(name, Labels::new(), Unit::S, Better::Lower, samples)
    };
    vec![
        measure("onset_to_open", |following| following.onset_to_open_ms),
        measure("cure_to_closed", |following| following.cure_to_closed_ms),
    ]
}

/// What the server did, from change to change.
fn upstream(length: Duration, lane: &Lane) -> Band {
    let turns = lane.turns.iter().map(|turn| (turn.at, named(turn.behaviour)));
    Band { name: "upstream".to_owned(), labels: Labels::new(), spans: spans(turns, length) }
}

fn named(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Healthy => "healthy",
        Behaviour::Slow => "slow",
        Behaviour::Limited => "429",
        Behaviour::Hanging => "hanging",
        Behaviour::Refused => "refused",
        Behaviour::Unavailable => "503",
        Behaviour::Failing => "500",
    }
}

/// Where the breaker stood, from change to change.
fn states(length: Duration, story: &Story) -> Band {
    let changes = story.changes.iter().map(|change| {
        let name = match change.to {
            To::Closed => "closed",
            To::Open => "open",
            To::HalfOpen => "half_open",
        };
        (change.at, name)
    });
    let changes = std::iter::once((Duration::ZERO, "closed")).chain(changes);
    Band {
        name: "breaker_state".to_owned(),
        labels: of_lane("with"),
        spans: spans(changes, length),
    }
}

/// From each change to the next one, the last until `end`.
fn spans(
    changes: impl Iterator<Item = (Duration, &'static str)>,
    end: Duration,
) -> Vec<(f64, f64, String)> {
    let changes: Vec<_> = changes.collect();
    let ends = changes.iter().skip(1).map(|next| next.0).chain([end]);
    changes
        .iter()
        .zip(ends)
        .filter(|((from, _), to)| to > from)
        .map(|((from, what), to)| (from.as_secs_f64(), to.as_secs_f64(), (*what).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(42);

    fn request(at_ms: u64, fate: Fate, ms: u64) -> Request {
        let [at, latency] = [at_ms, ms].map(Duration::from_millis);
        Request { phase: 0, fate, latency, at, valid: true, asked_away: false }
    }

    #[test]
    fn a_track_holds_every_request_once_at_its_stretch() {
        let requests = [
            request(0, Fate::Served, 7),
            request(499, Fate::Cut, 9),
            request(500, Fate::Rejected, 1),
            request(99_000, Fate::Unsent, 1),
        ];
        let tracks = tracks("with", LENGTH, &requests);
        assert_eq!(tracks.len(), 4);
        for (track, counts) in tracks.iter().zip([[1, 0, 0], [1, 0, 1], [0, 1, 0]]) {
            assert_eq!(track.points.len(), STRETCHES as usize);
            let at = |point: (f64, f64)| (point.1 * 0.5) as u32;
            let found = [track.points[0], track.points[1], track.points[83]].map(at);
            assert_eq!(found, counts, "{:?}", track.labels);
            assert_eq!(
                track.points.iter().map(|&point| at(point)).sum::<u32>(),
                counts.iter().sum::<u32>()
            );
        }
        // A stretch without a request has no wait, and not one of zero.
        assert_eq!(tracks[3].points, [(0.25, 0.009), (0.75, 0.001), (41.75, 0.001)]);
        assert!(super::tracks("with", LENGTH, &[]).is_empty());
    }

    #[test]
    fn waits_are_true_to_one_in_a_hundred() {
        let requests: Vec<Request> = (1..2_000).map(|ms| request(0, Fate::Served, ms)).collect();
        let latency = waits("with", &requests);
        assert!(latency.counts.len() < 1_000, "{}", latency.counts.len());
        let histogram = latency.histogram();
        assert_eq!(histogram.len(), 1_999);
        for (q, ms) in [(0.5, 1_000.0), (0.99, 1_980.0), (1.0, 1_999.0)] {
            let ns = histogram.value_at_quantile(q) as f64;
            assert!((ns / (ms * 1e6) - 1.0).abs() < 0.02, "{q}: {ns}");
        }
        assert_eq!((coarse(1), coarse(127), coarse(255) & 255), (u64::MAX, u64::MAX, 254));
    }

    #[test]
    fn spans_go_from_change_to_change_and_to_the_end() {
        let s = Duration::from_secs;
        let changes = [(s(0), "closed"), (s(3), "open"), (s(3), "half_open"), (s(5), "closed")];
        let found = spans(changes.into_iter(), s(9));
        let expected = [(0.0, 3.0, "closed"), (3.0, 5.0, "half_open"), (5.0, 9.0, "closed")];
        assert_eq!(found, expected.map(|(from, to, what)| (from, to, what.to_owned())));
        assert!(spans([].into_iter(), s(9)).is_empty());
    }
}
