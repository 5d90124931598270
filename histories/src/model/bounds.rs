//! Which models can be counted with: those of a breaker's own settings, and no number from a
//! file that would overflow or go round for ever.

use super::{Model, Streak, Window};
use crate::history::{small, within};
use crate::spec::consecutive::{self, Phase, Spell, Verdict};
use crate::spec::windows::Shape;

/// What is out of bounds, and how large it is.
type Bounds = Result<(), (&'static str, u64)>;

impl Model {
    /// Whether nothing is out of bounds.
    pub(crate) fn countable(&self) -> Bounds {
        match self {
            Model::Streak(streak) => self::streak(streak),
            Model::Window(window) => self::window(window),
        }
    }
}

fn streak(Streak { model, stale }: &Streak) -> Bounds {
    small("number of late permits", *stale)?;
    rules(&model.rules)?;
    small("time", model.now)?;
    small("era", model.era)?;
    let totals = [model.admitted, model.succeeded, model.failed, model.neutral, model.stale];
    for total in totals.into_iter().chain([model.rejected]) {
        within("total", total, 0)?;
    }
    match model.phase {
        Phase::Closed { streak } | Phase::MetricsOnly { streak, .. } => small("streak", streak),
        Phase::Open { deadline, opens } => {
            within("number of openings", opens.into(), 4_096)?;
            small("deadline", deadline)
        }
        Phase::HalfOpen(Spell { issued, passed, failed, began, lapsed, opens }) => {
            within("number of openings", opens.into(), 4_096)?;
            within("number of lapsed spells", lapsed.into(), 4_096)?;
            within("time that a spell began", began, model.now)?;
            within("number of probes", issued, 63)?;
            within("number of passed probes", passed, issued)?;
            within("number of failed probes", failed, issued - passed)
        }
        Phase::ByHand(_) => Ok(()),
    }
}

fn rules(rules: &consecutive::Rules) -> Bounds {
    let least = |what, is: u64| if is == 0 { Err((what, 0)) } else { Ok(()) };
    least("failure threshold", rules.failure_threshold)?;
    within("failure threshold", rules.failure_threshold, 1 << 32)?;
    small("open wait", rules.open_for)?;
    within("factor of the back-off", rules.backoff.0, 1 << 16)?;
    small("cap of the back-off", rules.backoff.1)?;
    small("longest given wait", rules.longest_given)?;
    least("number of permits", rules.permits)?;
    within("number of permits", rules.permits, 63)?;
    within("lease", rules.lease, 1 << 30)?;
    match rules.verdict {
        Verdict::Successes(needed) => {
            least("success threshold", needed)?;
            within("success threshold", needed, rules.permits)?;
        }
        Verdict::Share(percent) => {
            least("share of failed probes", percent)?;
            within("share of failed probes", percent, 100)?;
        }
    }
    rules.limit.map_or(Ok(()), |(ms, _)| small("limit", ms))
}

fn window(window: &Window) -> Bounds {
    let model = &window.model;
    small("number of late permits", window.stale)?;
    small("time", model.now)?;
    small("era", model.era)?;
    small("streak", model.streak)?;
    let len = match model.rules.shape {
        Shape::Last(len) => len as u64,
        Shape::Slices { number, .. } => return Err(("number of slices", number)),
    };
    within("window", len, 65_536)?;
    within("streak that opens", model.rules.streak.unwrap_or(0), 0)?;
    within("share of slow calls", model.rules.slow.unwrap_or(0), 0)?;
    small("minimum", model.rules.minimum)?;
    within("share of failures", model.rules.failed.unwrap_or(0), 100)?;
    within("number of results", model.results.len() as u64, len)?;
    small("latest slice", model.latest)?;
    within("number of results' callers", window.by.len() as u64, len)
}
