//! Records by calls: errors, tools, how long something took.

use crate::fixture::{logged, logged_by};
use ampacity_log::{EventType, Level, Redaction, ToolStatus};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::time::Duration;

#[derive(Debug)]
struct Refused {
    because: Option<Box<Refused>>,
    depth: u32,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused at {}", self.depth)
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.because.as_ref().map(|error| &**error as &dyn Error)
    }
}

fn chain(length: u32) -> Refused {
    let deepest = Refused { because: None, depth: length };
    (0..length)
        .rev()
        .fold(deepest, |error, depth| Refused { because: Some(Box::new(error)), depth })
}

/// An error that is its own source.
#[derive(Debug)]
struct Circle;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round")
    }
}

impl Error for Circle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Circle)
    }
}

fn only(records: &[Value]) -> &Value {
    let [record] = records else { panic!("{records:?}") };
    record
}

#[test]
fn an_event_has_its_type_its_level_and_its_message() {
    let all = logged(|log| EventType::ALL.iter().for_each(|&it| log.event(it).emit()));
    for (record, event_type) in all.iter().zip(EventType::ALL) {
        assert_eq!(record["event_type"], event_type.as_str());
        assert_eq!(record["message"], format!("Event: {event_type}"));
        assert_eq!(record["level"], event_type.level().as_str());
    }
    assert_eq!(all.len(), EventType::ALL.len());
}

#[test]
fn the_predecessors_event_types_keep_their_exact_names() {
    let names = [
        "system.start",
        "system.stop",
        "component.init",
        "component.shutdown",
        "mcp.tool.invoked",
        "mcp.tool.completed",
        "mcp.tool.failed",
        "mcp.policy.evaluated",
        "mcp.compliance.checked",
        "graphrag.entity.extracted",
        "graphrag.entity.deduplicated",
        "graphrag.graph.traversed",
        "graphrag.query.executed",
        "error.occurred",
        "error.recovered",
        "circuit_breaker.opened",
        "circuit_breaker.closed",
        "custom",
        "performance.measured",
    ];
    let ours: Vec<&str> = EventType::ALL[..names.len()].iter().map(|it| it.as_str()).collect();
    assert_eq!(ours, names);
}

#[test]
fn a_type_of_ones_own_is_written_as_it_is_called() {
    let records = logged(|log| log.event(EventType::Other("a \"b\"\n")).emit());
    assert_eq!(only(&records)["event_type"], "a \"b\"\n");
    assert_eq!(only(&records)["message"], "Event: a \"b\"\n");
}

#[test]
fn an_error_is_logged_with_all_its_sources() {
    let records = logged(|log| log.error(&chain(2)).field("request_id", "r-1").emit());
    let record = only(&records);
    assert_eq!(record["level"], "ERROR");
    assert_eq!(record["event_type"], "error.occurred");
    assert!(record["error_type"].as_str().unwrap().ends_with("Refused"), "{record}");
    assert_eq!(record["error_message"], "refused at 0");
    let stack = "refused at 0\ncaused by: refused at 1\ncaused by: refused at 2";
    assert_eq!(record["error_stack"], stack);
    assert_eq!(record["request_id"], "r-1");
}

#[test]
fn an_error_behind_a_reference_to_any_error_is_logged() {
    let error: Box<dyn Error> = Box::new(chain(1));
    let records = logged(|log| log.error(error.as_ref()).emit());
    assert_eq!(only(&records)["error_message"], "refused at 0");
}

#[test]
fn an_error_that_is_its_own_source_ends() {
    let records = logged(|log| log.error(&Circle).emit());
    let stack = only(&records)["error_stack"].as_str().unwrap();
    assert!(stack.ends_with("caused by: round\ncaused by more"), "{stack}");
    assert_eq!(stack.lines().count(), 34);
}

#[test]
fn a_measurement_says_what_took_how_long() {
    let took = Duration::from_micros(12_345);
    let records = logged(|log| log.performance("extract", took).field("pages", 3).emit());
    let record = only(&records);
    assert_eq!(record["event_type"], "performance.measured");
    assert_eq!(record["message"], "Performance: extract completed in 12.35ms");
    assert_eq!(record["operation"], "extract");
    assert_eq!(record["duration_ms"], 12.345);
    assert_eq!(record["pages"], 3);
}

#[test]
fn a_tool_is_logged_by_its_status() {
    let records = logged(|log| {
        for status in [ToolStatus::Invoked, ToolStatus::Completed, ToolStatus::Failed] {
            log.tool("search", status).duration(Duration::from_millis(7)).emit();
        }
    });
    let told: Vec<_> = records.iter().map(|it| (&it["event_type"], &it["level"])).collect();
    let told = json!(told);
    let expected = json!([
        ["mcp.tool.invoked", "INFO"],
        ["mcp.tool.completed", "INFO"],
        ["mcp.tool.failed", "ERROR"],
    ]);
    assert_eq!(told, expected);
    assert_eq!(records[2]["message"], "Tool search failed");
    assert_eq!(records[2]["tool_name"], "search");
    assert_eq!(records[2]["duration_ms"], 7.0);
}

#[test]
fn of_a_tools_parameters_only_the_names_are_logged_unless_they_may_be_seen() {
    let parameters = json!({ "query": "my illness", "limit": 5 });
    let tool = |log: &ampacity_log::Log| {
        log.tool("search", ToolStatus::Invoked).parameters(&parameters).emit();
    };
    let records = logged(tool);
    assert_eq!(only(&records)["parameters"], json!(["limit", "query"]));
    assert!(!only(&records).to_string().contains("illness"));

    let shown = |builder: ampacity_log::Builder| {
        builder.redaction(Redaction::default().tool_parameters(true))
    };
    let records = logged_by(shown, tool);
    assert_eq!(only(&records)["parameters"], parameters);
}

#[test]
fn a_field_without_a_value_is_left_out_where_that_is_asked_for() {
    let records = logged(|log| {
        log.event(EventType::Custom).field_if("a", None::<u32>).field_if("b", Some(1)).emit();
    });
    assert_eq!(only(&records).get("a"), None);
    assert_eq!(only(&records)["b"], 1);
}

#[test]
fn a_level_may_be_asked_for_and_the_least_can_be_changed() {
    let records = logged(|log| {
        log.set_level(Level::Error);
        log.event_at(Level::Warning, EventType::Custom).message("lost").emit();
        log.event_at(Level::Critical, EventType::Custom).message("kept").emit();
        log.set_level(Level::Debug);
        log.event_at(Level::Trace, EventType::Custom).message("lost").emit();
        log.event_at(Level::Debug, EventType::Custom).message("kept").emit();
    });
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["message"] == "kept"));
}
