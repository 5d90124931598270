//! What a replay's event log says of the script and of each call: what a tool server would
//! log of its own calls. Calls that the breaker turned away have no record each: they are in
//! its counts.

use std::time::Duration;

use ampacity_log::{Context, EventType, Level, Log, ToolStatus, Trace};

use super::lane::Lane;
use super::pace::Pace;
use super::tally::Fate;
use crate::eventlog::Seen;
use crate::sample::Dice;
use crate::upstream::Ask;

const TOOL: &str = "completion";
/// A part of the timeout that no server in good health takes.
const LATE: u32 = 4;

/// What takes longer is logged as slow.
pub(super) fn late(pace: Pace) -> Duration {
    pace.timeout / LATE
}

/// What all records of a request have in common; none where nobody takes them.
pub(super) fn context(log: &Log, index: usize, phase: &str) -> Option<Context> {
    if !log.enabled(Level::Error) {
        return None;
    }
    let context = Context::new()
        .with("request_id", format!("r-{index}"))
        .with("component", "client")
        .with("phase", phase);
    Some(match trace(index) {
        Some(trace) => context.with_trace(trace),
        None => context,
    })
}

/// The span of a request: another for each, the same in every run.
fn trace(index: usize) -> Option<Trace> {
    let mut dice = Dice(index as u64);
    let trace = u128::from(dice.next()) << 64 | u128::from(dice.next());
    Trace::new(trace.to_be_bytes(), dice.next().to_be_bytes()).ok()
}

/// One call, in its context: what became of it, and how long its caller waited.
pub(super) fn call(log: &Log, ask: &Ask, fate: Fate, waited: Duration, late: Duration) {
    let record = match failure(fate) {
        _ if fate == Fate::Rejected => return,
        Some(error_type) => log.tool(TOOL, ToolStatus::Failed).field("error_type", error_type),
        None if waited > late => log
            .event_at(Level::Warning, EventType::ToolCompleted)
            .message(format_args!("Tool {TOOL} completed late"))
            .field("tool_name", TOOL),
        None => log.tool(TOOL, ToolStatus::Completed),
    };
    record.duration(waited).parameters(ask).emit();
}

fn failure(fate: Fate) -> Option<&'static str> {
    match fate {
        Fate::Served | Fate::Rejected => None,
        Fate::Limited => Some("rate_limited"),
        Fate::Invalid => Some("invalid"),
        Fate::Unavailable => Some("unavailable"),
        Fate::TimedOut => Some("timed_out"),
        Fate::Refused => Some("refused"),
        Fate::Cut => Some("cut"),
        Fate::Unsent => Some("unsent"),
    }
}

/// The phases of a script, each told once, when its first request leaves.
pub(super) struct Phases<'a> {
    log: &'a Log,
    last: &'static str,
}

impl<'a> Phases<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self { log, last: "" }
    }

    pub(super) fn enter(&mut self, phase: &'static str) {
        if phase != self.last {
            self.last = phase;
            self.log
                .event(EventType::Custom)
                .message(format_args!("Phase: {phase}"))
                .field("component", "script")
                .field("phase", phase)
                .emit();
        }
    }
}

/// Adds to `seen` what the log has to tell of `lane`.
pub(super) fn add(seen: &mut Seen, lane: &Lane) {
    let called = lane.requests.iter().filter(|request| request.fate != Fate::Rejected).count();
    if let Some(calls) = &mut seen.calls {
        *calls += called as u64;
    }
    lane.snapshot.iter().for_each(|snapshot| seen.add(snapshot));
}

#[cfg(test)]
mod tests {
    use ampacity_log::{Memory, Sink};

    use super::*;

    #[test]
    fn each_call_is_one_record_by_its_fate_and_a_rejected_one_is_none() {
        let memory = Memory::new();
        let log = Log::builder("replay").sink(Sink::memory(&memory)).build().unwrap();
        let ask = Ask { context_tokens: 100, generated_tokens: 7 };
        let [soon, limit, late] = [1, 2, 3].map(Duration::from_millis);
        context(&log, 7, "hanging").unwrap().scope(|| {
            for (fate, waited) in [
                (Fate::Served, soon),
                (Fate::Served, late),
                (Fate::TimedOut, late),
                (Fate::Rejected, soon),
            ] {
                call(&log, &ask, fate, waited, limit);
            }
        });
        log.flush(Duration::from_secs(10)).unwrap();
        let lines: Vec<serde_json::Value> =
            memory.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
        assert_eq!(levels, ["INFO", "WARNING", "ERROR"]);
        assert_eq!(lines[2]["error_type"], "timed_out");
        for line in &lines {
            assert_eq!(line["request_id"], "r-7");
            assert_eq!(line["trace_id"], lines[0]["trace_id"]);
        }
    }

    #[test]
    fn no_two_requests_have_the_same_span() {
        let all: std::collections::HashSet<_> =
            (0..10_000).map(|index| trace(index).unwrap().span_id().to_string()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(context(&Log::off(), 1, "").is_none());
    }

    #[test]
    fn a_phase_is_told_when_it_begins_and_not_again() {
        let memory = Memory::new();
        let log = Log::builder("replay").sink(Sink::memory(&memory)).build().unwrap();
        let mut phases = Phases::new(&log);
        ["one", "one", "two", "one"].iter().for_each(|phase| phases.enter(phase));
        log.flush(Duration::from_secs(10)).unwrap();
        let told: Vec<_> = memory
            .text()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["phase"].clone())
            .collect();
        assert_eq!(told, ["one", "two", "one"]);
    }
}
