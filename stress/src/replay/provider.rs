//! A provider of models that mostly says 429 and 400, and two breakers before it.
//!
//! One counts every error as a failure. The other takes errors as they are meant: it stays
//! away for as long as a 429's Retry-After says ([`Outcome::OpenFor`]), and lets a 400 say
//! nothing of the provider ([`Outcome::Ignore`]). The same requests go without a breaker, too.
//!
//! Time is virtual: the HTTP is real, no wait is. So the comparison takes seconds, and does
//! not depend on what else the machine does.
//!
//! [`Outcome::OpenFor`]: ampacity::Outcome::OpenFor
//! [`Outcome::Ignore`]: ampacity::Outcome::Ignore

use std::time::Duration;

use ampacity_log::Log;
use serde::Serialize;
use serde_json::{Value, json};

use super::lane::{Errors, Lane, Plan, Policy};
use super::pace::Pace;
use super::script::{BAD_CLIENT, PROVIDER, Timeline};
use super::story::{Story, To};
use super::tally::{Failures, Fate, Request, Tally};
use super::verdict;
use crate::program::{Check, Table};
use crate::trace::Trace;
use crate::upstream::{Behaviour, Turn};

/// The lanes, as records and checks call them.
pub const LANES: [&str; 3] = ["without", "counting_every_error", "as_meant"];

/// Of a hundred errors in production, and how far from it a run may be to stand for that.
const LIMITED_PERCENT: f64 = 66.0;
const INVALID_PERCENT: f64 = 19.0;
const NEAR: f64 = 2.0;

/// With fewer errors, or requests that a breaker lost, there is nothing to compare.
const ENOUGH: u64 = 50;

/// What the three lanes do: no breaker, one that counts every error, one that takes them as
/// they are meant. The two have the same settings.
pub fn plans(trace: &Trace, pace: Pace) -> [Plan<'_>; 3] {
    let plan = |guard| Plan {
        arrivals: trace.arrivals(),
        pace,
        timeline: Timeline::new(PROVIDER, pace.length),
        guard,
        log: Log::off(),
    };
    let policy = |errors| Some(Policy { errors, ..Policy::waiting(pace.open_for) });
    [plan(None), plan(policy(Errors::Alike)), plan(policy(Errors::AsMeant))]
}

/// What became of the requests of one phase, or of all.
#[derive(Clone, Debug, Default, Serialize)]
struct Count {
    phase: &'static str,
    requests: u64,
    /// Answered with 200.
    useful: u64,
    /// Sent while the server asked to stay away.
    wasted: u64,
    /// Turned away, though the server would have given a useful answer.
    lost: u64,
    /// Turned away, for whatever good.
    rejected: u64,
    failures: Failures,
}

impl Count {
    fn of<'a>(
        phase: &'static str,
        requests: impl Iterator<Item = &'a Request> + Clone,
        turns: &[Turn],
    ) -> Self {
        let count = |is: &dyn Fn(&Request) -> bool| requests.clone().filter(|one| is(one)).count();
        let rejected = |one: &Request| one.fate == Fate::Rejected;
        let lost = |one: &Request| rejected(one) && one.valid && serves(turns, one.at);
        let tally = Tally::of(phase, requests.clone());
        Self {
            phase,
            requests: tally.requests,
            useful: tally.served,
            wasted: count(&|one| one.asked_away && !rejected(one)) as u64,
            lost: count(&lost) as u64,
            rejected: tally.rejected,
            failures: tally.failures,
        }
    }

    fn errors(&self) -> u64 {
        let Failures { limited, invalid, unavailable, timed_out, refused, cut, unsent } =
            self.failures;
        limited + invalid + unavailable + timed_out + refused + cut + unsent
    }

    fn percent(&self, part: u64) -> f64 {
        100.0 * part as f64 / self.errors().max(1) as f64
    }
}

/// Whether the server served at `at`.
fn serves(turns: &[Turn], at: Duration) -> bool {
    let made = turns.partition_point(|turn| turn.at <= at);
    turns[..made].last().is_none_or(|turn| turn.behaviour.serves())
}

/// For how long in all the server was limiting requests.
fn limited_for(turns: &[Turn], end: Duration) -> Duration {
    let ends = turns.iter().skip(1).map(|turn| turn.at).chain([end]);
    let limited = turns.iter().zip(ends).filter(|(turn, _)| turn.behaviour == Behaviour::Limited);
    limited.map(|(turn, end)| end.saturating_sub(turn.at)).sum()
}

/// One lane and what it came to.
struct Side<'a> {
    name: &'static str,
    lane: &'a Lane,
    phases: Vec<Count>,
    all: Count,
    /// None without a breaker.
    guarded: Option<Guarded>,
}

struct Guarded {
    policy: Policy,
    story: Story,
    open: Duration,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, plan: &Plan<'_>, lane: &'a Lane) -> Self {
        let phases = plan.timeline.phases();
        let within = |i| lane.requests.iter().filter(move |request| request.phase == i);
        let phases = phases.iter().enumerate();
        let phases = phases.map(|(i, phase)| Count::of(phase.name, within(i), &lane.turns));
        let guarded = plan.guard.map(|policy| {
            let story = Story::read(&lane.events, &policy);
            let open = story.open_time(plan.pace.length);
            Guarded { policy, story, open }
        });
        let all = Count::of("all", lane.requests.iter(), &lane.turns);
        Self { name, lane, phases: phases.collect(), all, guarded }
    }

    fn openings(&self) -> u64 {
        self.guarded.as_ref().map_or(0, |guarded| {
            guarded.story.changes.iter().filter(|change| change.to == To::Open).count() as u64
        })
    }

    fn open(&self) -> Duration {
        self.guarded.as_ref().map_or(Duration::ZERO, |guarded| guarded.open)
    }

    fn figures(&self) -> Value {
        json!({
            "all": self.all,
            "phases": self.phases,
            "openings": self.openings(),
            "open_s": self.open().as_secs_f64(),
        })
    }
}

/// What is added to a replay's section.
#[derive(Debug)]
pub struct Comparison {
    /// For the record.
    pub figures: Value,
    /// For people.
    pub tables: Vec<Table>,
    /// What had to hold.
    pub checks: Vec<Check>,
    /// Whether Ctrl-C came first.
    pub partial: bool,
}

/// Compares the three lanes.
pub fn compare(pace: Pace, plans: &[Plan<'_>; 3], lanes: &[Lane; 3]) -> Comparison {
    let side = |i: usize| Side::new(LANES[i], &plans[i], &lanes[i]);
    let sides = [side(0), side(1), side(2)];
    let complete = lanes.iter().all(|lane| lane.launched.complete);
    let gave_up = lanes.iter().any(|lane| lane.launched.gave_up);
    let limited = limited_for(&lanes[0].turns, pace.length);
    let mut figures: serde_json::Map<String, Value> =
        sides.iter().map(|side| (side.name.to_owned(), side.figures())).collect();
    figures.insert("limited_s".to_owned(), limited.as_secs_f64().into());
    Comparison {
        figures: figures.into(),
        tables: vec![table(&sides), summary(&sides, limited, pace)],
        checks: if complete { checks(&sides, pace) } else { Vec::new() },
        partial: !complete && !gave_up,
    }
}

fn checks([bare, counting, meant]: &[Side<'_>; 3], pace: Pace) -> Vec<Check> {
    let mut checks = vec![errors_are_those_of_production(&bare.all)];
    checks.extend(better(&bare.all, &counting.all, &meant.all));
    checks.push(bad_requests_open_nothing(counting, meant));
    for side in [counting, meant] {
        let Some(guarded) = &side.guarded else { continue };
        let contract = verdict::contract(&guarded.story);
        let totals = verdict::totals(side.lane, &guarded.policy);
        checks.extend(contract.into_iter().chain(totals).map(|mut check| {
            check.name = format!("{}/{}", side.name, check.name);
            check
        }));
    }
    for side in [bare, counting, meant] {
        checks.extend(verdict::load(side.name, side.lane, &pace));
    }
    for check in &mut checks {
        check.name.insert_str(0, "provider/");
    }
    checks
}

/// Of the script and the trace, not of the breaker: whether this is what the design speaks of.
fn errors_are_those_of_production(bare: &Count) -> Check {
    let name = "errors_are_those_of_production";
    let limited = bare.percent(bare.failures.limited);
    let invalid = bare.percent(bare.failures.invalid);
    let detail = format!("{limited:.1} % are 429s, {invalid:.1} % are 400s, of {}", bare.errors());
    let near = |had: f64, wanted: f64| (had - wanted).abs() <= NEAR;
    if near(limited, LIMITED_PERCENT) && near(invalid, INVALID_PERCENT) {
        Check::judged(name, true, detail)
    } else {
        Check::unjudged(name, format!("{detail}; with this trace"))
    }
}

/// The breaker that takes errors as they are meant does better by each measure.
fn better(bare: &Count, counting: &Count, meant: &Count) -> [Check; 3] {
    let both = |figure: fn(&Count) -> u64| {
        format!(
            "{} as meant, {} counting every error, {} without",
            figure(meant),
            figure(counting),
            figure(bare)
        )
    };
    let check = |name: &str, enough: bool, held: bool, detail: String| {
        if enough {
            Check::judged(name, held, detail)
        } else {
            Check::unjudged(name, format!("{detail}; too few to compare"))
        }
    };
    [
        check(
            "never_sends_while_asked_to_stay_away",
            bare.wasted >= ENOUGH,
            meant.wasted == 0,
            both(|count| count.wasted),
        ),
        check(
            "loses_less_than_half_of_what_counting_every_error_loses",
            counting.lost >= ENOUGH,
            2 * meant.lost < counting.lost,
            both(|count| count.lost),
        ),
        check(
            "more_useful_answers_than_counting_every_error",
            counting.lost >= ENOUGH,
            meant.useful > counting.useful,
            both(|count| count.useful),
        ),
    ]
}

/// In the phase in which only clients were wrong nobody was turned away.
fn bad_requests_open_nothing(counting: &Side<'_>, meant: &Side<'_>) -> Check {
    let name = "a_400_opens_nothing";
    let of = |side: &Side<'_>| {
        let phase = side.phases.iter().find(|phase| phase.phase == BAD_CLIENT);
        phase.cloned().unwrap_or_default()
    };
    let (counting, meant) = (of(counting), of(meant));
    let detail = format!(
        "{} rejected with {} 400s; counting every error {} were",
        meant.rejected, meant.failures.invalid, counting.rejected
    );
    if meant.failures.invalid < ENOUGH {
        return Check::unjudged(name, format!("{detail}; too few 400s"));
    }
    match counting.rejected {
        0 => Check::not_reached(name, detail),
        _ => Check::judged(name, meant.rejected == 0, detail),
    }
}

const BAR: &str = "│";

fn table(sides: &[Side<'_>; 3]) -> Table {
    let [bare, counting, meant] = sides;
    let row = |((bare, counting), meant): ((&Count, &Count), &Count)| {
        let texts = |figures: &[u64]| figures.iter().map(u64::to_string).collect::<Vec<_>>();
        let bar = || vec![BAR.to_owned()];
        let guarded = |count: &Count| texts(&[count.useful, count.wasted, count.lost]);
        [
            vec![bare.phase.to_owned(), bare.requests.to_string()],
            bar(),
            texts(&[bare.useful, bare.wasted]),
            bar(),
            guarded(counting),
            bar(),
            guarded(meant),
        ]
        .concat()
    };
    let phases = bare.phases.iter().zip(&counting.phases).zip(&meant.phases);
    let all = ((&bare.all, &counting.all), &meant.all);
    Table {
        title: format!(
            "a provider that says 429 and 400: no breaker {BAR} every error counts {BAR} as meant"
        ),
        head: [
            "phase", "requests", BAR, "useful", "wasted", BAR, "useful", "wasted", "lost", BAR,
            "useful", "wasted", "lost",
        ]
        .map(str::to_owned)
        .into(),
        rows: phases.chain([all]).filter(|one| one.0.0.requests > 0).map(row).collect(),
        notes: vec![
            "wasted: sent while the provider asked to stay away; lost: turned away though it would"
                .to_owned(),
            "have answered; as meant: opens for a 429's Retry-After, ignores 400s; virtual time"
                .to_owned(),
        ],
    }
}

fn summary(sides: &[Side<'_>; 3], limited: Duration, pace: Pace) -> Table {
    let titles = ["no breaker", "every error counts", "as meant"];
    let row = |(title, side): (&str, &Side<'_>)| {
        let failures = &side.all.failures;
        let others = side.all.errors() - failures.limited - failures.invalid;
        let open = if side.guarded.is_some() {
            [format!("{:.2}", side.open().as_secs_f64()), side.openings().to_string()]
        } else {
            ["-", "-"].map(str::to_owned)
        };
        let counts = [failures.limited, failures.invalid, others, side.all.rejected];
        std::iter::once(title.to_owned())
            .chain(counts.map(|count| count.to_string()))
            .chain(open)
            .collect()
    };
    let bare = &sides[0].all;
    Table {
        title: "the same: errors that callers saw, and how long the breaker was open".to_owned(),
        head: ["", "429", "400", "500 or hung", "rejected", "open, s", "openings"]
            .map(str::to_owned)
            .into(),
        rows: titles.into_iter().zip(sides).map(row).collect(),
        notes: vec![format!(
            "the provider limited requests for {:.2} s of {:.2} s; of its errors {:.0} % are 429s \
             and {:.0} % 400s",
            limited.as_secs_f64(),
            pace.length.as_secs_f64(),
            bare.percent(bare.failures.limited),
            bare.percent(bare.failures.invalid),
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    const TURNS: [Turn; 3] = [
        Turn { at: Duration::from_millis(0), behaviour: Behaviour::Healthy },
        Turn { at: Duration::from_millis(10), behaviour: Behaviour::Limited },
        Turn { at: Duration::from_millis(30), behaviour: Behaviour::Healthy },
    ];

    fn request(ms: u64, fate: Fate) -> Request {
        let at = Duration::from_millis(ms);
        Request { phase: 0, fate, latency: Duration::ZERO, at, valid: true, asked_away: false }
    }

    #[test]
    fn only_a_request_that_would_have_been_served_is_lost() {
        let rejected = |ms| request(ms, Fate::Rejected);
        let too_long = Request { valid: false, ..rejected(5) };
        let requests = [rejected(5), rejected(10), rejected(29), rejected(30), too_long];
        let count = Count::of("all", requests.iter(), &TURNS);
        assert_eq!((count.rejected, count.lost, count.wasted), (5, 2, 0));
        assert_eq!(limited_for(&TURNS, Duration::from_secs(1)), Duration::from_millis(20));
    }

    #[test]
    fn only_a_request_that_was_sent_in_spite_of_it_is_wasted() {
        let asked = |fate| Request { asked_away: true, ..request(20, fate) };
        let requests = [request(10, Fate::Limited), asked(Fate::Limited), asked(Fate::Rejected)];
        assert_eq!(Count::of("all", requests.iter(), &TURNS).wasted, 1);
    }

    #[test]
    fn a_trace_with_few_errors_is_not_judged() {
        let none = Count::default();
        assert_eq!(errors_are_those_of_production(&none).verdict, Verdict::Unjudged);
        for check in better(&none, &none, &none) {
            assert_eq!(check.verdict, Verdict::Unjudged, "{check:?}");
        }
    }

    #[test]
    fn a_breaker_that_is_no_better_breaks_the_checks() {
        let one = Count { wasted: 60, lost: 60, useful: 7, ..Count::default() };
        for check in better(&one, &one, &one) {
            assert_eq!(check.verdict, Verdict::Broken, "{check:?}");
        }
    }
}
