//! What a breaker must not cost, and what it must save.

use std::time::Duration;

use serde::Serialize;

use super::lane::{Errors, Lane, Policy};
use super::pace::Pace;
use super::script::{Step, Timeline, is_outage};
use super::story::{Story, To};
use super::tally::{Fate, Tally};
use crate::program::Check;
use crate::upstream::Behaviour;

/// In an outage the guarded run may waste this part of what the bare one wastes.
const WASTE_PERCENT: u64 = 5;

/// In any phase the guarded run must serve this part of what the bare one serves.
const SERVED_PERCENT: u64 = 90;

/// With fewer requests than this, five in a hundred is hardly one breaker's threshold.
const ENOUGH_WASTED: u64 = 150;

/// With fewer, a tenth is a matter of luck.
const ENOUGH_SERVED: u64 = 50;

/// With fewer arrivals in a trouble or after it, a breaker has nothing to go by.
const ENOUGH_ARRIVALS: usize = 20;

const PEACE: &str = "healthy_rejects_nothing";
const WASTE: &str = "wastes_at_most_5_percent";
const SERVED: &str = "serves_nine_tenths";
const OUTAGE: &str = "nothing_is_served";
const CLOSES: &str = "closes_after_the_cure";
const IN_TIME: &str = "arrivals_left_in_time";

/// From a probe to its answer, and what comes meanwhile.
const GRACE: Duration = Duration::from_millis(25);

/// Whether the check called `name` can break because the machine stood still. The others
/// cannot, however slow it is.
pub fn needs_speed(name: &str) -> bool {
    let has = |part| name.split('/').any(|found| found == part);
    [PEACE, WASTE, SERVED, OUTAGE, CLOSES, IN_TIME].into_iter().any(has)
}

/// The requests of a run by when they are due: what can be judged depends on them alone.
#[derive(Clone, Copy, Debug)]
pub struct Due<'a> {
    /// The times, in order, from the start of the run.
    pub times: &'a [Duration],
    /// The run's pace.
    pub pace: &'a Pace,
    /// The script.
    pub timeline: &'a Timeline,
}

impl Due<'_> {
    fn phase_at(&self, at: Duration) -> &'static str {
        self.timeline.phases()[self.timeline.step_at(at).phase].name
    }

    fn between(&self, from: Duration, until: Duration) -> usize {
        let before = |moment| self.times.partition_point(|&due| due < moment);
        before(until).saturating_sub(before(from))
    }

    /// How many of an outage's requests are due before the first of them can have timed
    /// out. Until then nobody can know that a server hangs.
    fn blind(&self, phase: usize) -> u64 {
        let hangs = |step: &Step| step.phase == phase && step.behaviour == Behaviour::Hanging;
        let steps = self.timeline.steps().iter().filter(|step| hangs(step));
        let blind = steps.map(|step| {
            let first = self.times.partition_point(|&due| due < step.from);
            self.times.get(first).map_or(0, |&due| self.between(due, due + self.pace.timeout))
        });
        blind.sum::<usize>() as u64
    }

    /// How many of a phase's requests are due in the open wait that its cures may still
    /// find running.
    fn waiting(&self, phase: usize) -> u64 {
        let steps = self.timeline.steps();
        let cured = steps.windows(2).filter(|pair| {
            pair[1].phase == phase && !pair[0].behaviour.serves() && pair[1].behaviour.serves()
        });
        let waiting =
            cured.map(|pair| self.between(pair[1].from, pair[1].from + self.pace.open_for + GRACE));
        waiting.sum::<usize>() as u64
    }
}

/// A trouble that began, or one that ended, and how long the breaker took to follow.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Following {
    /// The phase.
    pub phase: &'static str,
    /// When the server changed, from the start of the run.
    pub at_s: f64,
    /// From the trouble's onset until the breaker opened; null if this is a cure, or it
    /// stayed closed.
    pub onset_to_open_ms: Option<f64>,
    /// From the cure until the breaker closed; null if this is an onset, or it never opened.
    pub cure_to_closed_ms: Option<f64>,
}

/// How the breaker followed the server's changes in `lane`.
pub fn following(due: Due<'_>, lane: &Lane, story: &Story) -> Vec<Following> {
    let ms = |to, at: Duration, until: Option<Duration>| {
        let change = story.first(to, at)?;
        let in_time = until.is_none_or(|until| change.at < until);
        in_time.then(|| (change.at - at).as_secs_f64() * 1e3)
    };
    shifts(lane)
        .into_iter()
        .map(|Shift { at, until, cure, .. }| Following {
            phase: due.phase_at(at),
            at_s: at.as_secs_f64(),
            onset_to_open_ms: if cure { None } else { ms(To::Open, at, until) },
            cure_to_closed_ms: if cure && story.state_at(at) != To::Closed {
                ms(To::Closed, at, until)
            } else {
                None
            },
        })
        .collect()
}

/// A change of the server between serving and not.
#[derive(Clone, Copy)]
struct Shift {
    at: Duration,
    since: Duration, // the shift before it

    until: Option<Duration>,
    cure: bool,
}

fn shifts(lane: &Lane) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    let mut serves = Behaviour::Healthy.serves();
    for turn in &lane.turns {
        if turn.behaviour.serves() != serves {
            serves = !serves;
            let since = shifts.last_mut().map_or(Duration::ZERO, |last| {
                last.until = Some(turn.at);
                last.at
            });
            shifts.push(Shift { at: turn.at, since, until: None, cure: serves });
        }
    }
    shifts
}

/// In each outage, the guarded run wasted little of what the bare one did.
pub fn waste(due: Due<'_>, bare: &[Tally], guarded: &[Tally]) -> Vec<Check> {
    let phases = due.timeline.phases();
    let outages = phases.iter().enumerate().filter(|(_, phase)| is_outage(phase));
    outages
        .map(|(i, phase)| {
            let name = name(WASTE, phase.name);
            let (with, without) = (guarded[i].failed, bare[i].failed);
            let (all, blind) = (bare[i].requests, due.blind(i));
            if all < ENOUGH_WASTED {
                let detail = format!("{all} requests in the phase, {ENOUGH_WASTED} needed");
                return Check::unjudged(name, detail);
            }
            if 100 * blind > (WASTE_PERCENT - 1) * all {
                let detail = format!(
                    "{with} wasted with the breaker, {without} without; but {blind} of {all} came \
                     in one timeout, before anybody could know"
                );
                return Check::unjudged(name, detail);
            }
            let percent = 100.0 * with as f64 / without as f64;
            Check::judged(
                name,
                100 * with <= WASTE_PERCENT * without,
                format!("{with} wasted with the breaker, {without} without: {percent:.1} %"),
            )
        })
        .collect()
}

/// In each phase, the guarded run served nearly what the bare one did; in an outage that is
/// nothing, for both.
pub fn served(due: Due<'_>, bare: &[Tally], guarded: &[Tally]) -> Vec<Check> {
    let phases = due.timeline.phases();
    phases
        .iter()
        .enumerate()
        .map(|(i, phase)| {
            let (with, without) = (guarded[i].served, bare[i].served);
            let detail = format!("{with} served with the breaker, {without} without");
            let (all, waiting) = (bare[i].requests, due.waiting(i));
            if is_outage(phase) {
                // Of the script, not of the breaker: with a server that serves in its outages
                // no other check means anything. A few on the edge of the phase may be
                // served, as the server changes a moment late.
                let few = 100 * with.max(without) <= WASTE_PERCENT * all;
                return Check::judged(name(OUTAGE, phase.name), few, detail);
            }
            let name = name(SERVED, phase.name);
            if all < ENOUGH_SERVED {
                Check::unjudged(name, format!("{detail}; {ENOUGH_SERVED} requests needed"))
            } else if 100 * waiting > (100 - SERVED_PERCENT) * all {
                let detail = format!("{detail}; but {waiting} of {all} came in one open wait");
                Check::unjudged(name, detail)
            } else {
                Check::judged(name, 100 * with >= SERVED_PERCENT * without, detail)
            }
        })
        .collect()
}

/// Where nothing was wrong, nothing was rejected.
pub fn peace(lane: &Lane, pace: &Pace) -> Check {
    let tally = Tally::of("all healthy", lane.requests.iter());
    let mut detail = format!("{} of {} rejected", tally.rejected, tally.requests);
    if tally.failed > 0 {
        let late = worst(lane).as_secs_f64() * 1e3;
        let timeout = pace.timeout.as_secs_f64() * 1e3;
        detail += &format!(
            "; {} failed, the program was held up for up to {late:.0} ms, the timeout is \
             {timeout:.0} ms",
            tally.failed
        );
    }
    Check::judged(PEACE, tally.rejected == 0, detail)
}

/// Every arrival past a deadline was let in, and the breaker did nothing its contract
/// does not allow.
pub fn contract(story: &Story) -> Vec<Check> {
    let past = "first_arrival_past_the_deadline_is_admitted";
    let allowed = "transitions_follow_the_contract";
    let first = |faults: &[String]| faults.first().cloned().unwrap_or_default();
    vec![
        if story.let_in == 0 && story.kept_out.is_empty() {
            Check::not_reached(past, "nothing arrived past a deadline")
        } else {
            let (out, of) = (story.kept_out.len(), story.let_in);
            let more =
                if out == 0 { String::new() } else { format!(": {}", first(&story.kept_out)) };
            Check::judged(past, out == 0, format!("{of} let in, {out} kept out{more}"))
        },
        Check::judged(
            allowed,
            story.faults.is_empty(),
            match story.faults.len() {
                0 => format!("{} transitions", story.changes.len()),
                n => format!("{n} faults, the first {}", first(&story.faults)),
            },
        ),
    ]
}

/// After every cure the breaker closed before the next trouble.
pub fn cures(due: Due<'_>, lane: &Lane, story: &Story, policy: &Policy) -> Vec<Check> {
    let cures = shifts(lane).into_iter().filter(|shift| shift.cure);
    cures
        .map(|Shift { at, since: onset, until, .. }| {
            let name = name(CLOSES, due.phase_at(at));
            let end = until.unwrap_or(due.pace.length);
            let in_trouble = due.between(onset, at.saturating_sub(due.pace.timeout));
            let in_health = due.between(at + policy.open_for + GRACE, end);
            if in_trouble.min(in_health) < ENOUGH_ARRIVALS {
                let detail = format!(
                    "{in_trouble} requests in the trouble and {in_health} after it, \
                     {ENOUGH_ARRIVALS} needed"
                );
                return Check::unjudged(name, detail);
            }
            if story.state_at(at) == To::Closed {
                return Check::not_reached(name, "it had not opened");
            }
            let since = |moment: Duration| moment.saturating_sub(at).as_secs_f64() * 1e3;
            let closed = story.first(To::Closed, at);
            let held = closed.is_some_and(|closed| until.is_none_or(|until| closed.at < until));
            let spells = story.changes.iter().filter(|change| {
                change.to == To::HalfOpen
                    && change.at >= at
                    && closed.is_none_or(|closed| change.at < closed.at)
            });
            let spells: Vec<f64> = spells.map(|change| since(change.at)).collect();
            let detail = match (closed, spells.first()) {
                (Some(closed), Some(first)) if held => format!(
                    "first probe {first:.1} ms after the cure, closed by {} successes at {:.1} ms",
                    policy.successes,
                    since(closed.at)
                ),
                (Some(closed), None) if held => {
                    format!("probes were out; closed {:.1} ms after the cure", since(closed.at))
                }
                _ => format!("not closed before the next trouble, after {} spells", spells.len()),
            };
            Check::judged(name, held, detail)
        })
        .collect()
}

/// What the breaker counted is what its callers saw.
pub fn totals(lane: &Lane, policy: &Policy) -> Option<Check> {
    let snapshot = lane.snapshot.as_ref()?;
    let count = |wanted: fn(Fate) -> bool| {
        lane.requests.iter().filter(|request| wanted(request.fate)).count() as u64
    };
    let served = count(|fate| fate == Fate::Served);
    let rejected = count(|fate| fate == Fate::Rejected);
    let unsent = count(|fate| fate == Fate::Unsent);
    let invalid = count(|fate| fate == Fate::Invalid);
    let ignored = unsent + if policy.errors == Errors::AsMeant { invalid } else { 0 };
    let failed = lane.requests.len() as u64 - served - rejected - ignored;
    let callers = [served, failed, ignored, 0, rejected, 0];
    let breaker = [
        snapshot.succeeded,
        snapshot.failed,
        snapshot.ignored,
        snapshot.cancelled,
        snapshot.rejected.total(),
        snapshot.in_flight,
    ];
    Some(Check::judged(
        "totals_are_the_callers",
        callers == breaker && snapshot.admitted == served + failed + ignored,
        format!(
            "succeeded, failed, ignored, cancelled, rejected, in flight: breaker {breaker:?}, \
             callers {callers:?}"
        ),
    ))
}

/// The load was what the script says, and no request was lost to this program's own limits.
pub fn load(name: &str, lane: &Lane, pace: &Pace) -> Vec<Check> {
    let unsent = lane.requests.iter().filter(|request| request.fate == Fate::Unsent).count();
    let mut late = lane.launched.late.clone();
    late.sort_unstable();
    // Nine of ten: a machine that stalls now and then is no wrong load, one that cannot
    // keep up is.
    let p90 = late.get(late.len() * 9 / 10).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let gave_up = if lane.launched.gave_up {
        format!("given up after {} arrivals: ", late.len())
    } else {
        String::new()
    };
    vec![
        Check::judged(
            format!("{name}/every_request_was_sent"),
            unsent == 0,
            format!("{unsent} of {} failed in this program", lane.requests.len()),
        ),
        Check::judged(
            format!("{name}/{IN_TIME}"),
            p90 <= pace.timeout / 2 && !lane.launched.gave_up,
            format!(
                "{gave_up}9 of 10 within {:.1} ms, the last within {:.1} ms; half the timeout is {:.1} ms",
                ms(p90),
                ms(worst(lane)),
                ms(pace.timeout / 2)
            ),
        ),
    ]
}

/// The longest that this program kept an arrival waiting.
pub fn worst(lane: &Lane) -> Duration {
    lane.launched.late.iter().copied().max().unwrap_or_default()
}

fn name(check: &str, phase: &str) -> String {
    format!("{check}/{}", phase.replace(' ', "_"))
}
