use serde_json::{Value, json};

use super::*;
use crate::reader::parse_time;

fn wants(filter: Filter, value: &Value) -> bool {
    filter.wants(&Record::new("", value.as_object().unwrap().clone(), 0, 0))
}

fn filter() -> Filter {
    Filter::new()
}

#[test]
fn without_conditions_everything_is_wanted() {
    assert!(wants(filter(), &json!({})));
}

#[test]
fn a_record_without_the_field_is_not_wanted() {
    let time = parse_time("2026-11-23").unwrap();
    for condition in [
        filter().level(Level::Trace),
        filter().event_type("mcp.*"),
        filter().component(""),
        filter().request_id(""),
        filter().trace_id(""),
        filter().since(time),
        filter().until(time),
    ] {
        assert!(!wants(condition.clone(), &json!({})), "{condition:?}");
        let odd = json!({"level": 1, "event_type": {}, "component": null, "request_id": [],
                         "trace_id": 5, "timestamp": "soon"});
        assert!(!wants(condition, &odd));
    }
}

#[test]
fn a_level_is_wanted_with_the_graver_ones() {
    for level in Level::ALL {
        let record = json!({"level": level.as_str()});
        assert_eq!(wants(filter().level(Level::Warning), &record), level >= Level::Warning);
    }
}

#[test]
fn a_family_of_types_ends_at_the_dot() {
    for (event_type, wanted) in [
        ("mcp.tool.failed", true),
        ("mcp.x", true),
        ("mcp", false),
        ("mcpx.tool", false),
        ("a.mcp.tool", false),
    ] {
        let record = json!({"event_type": event_type});
        assert_eq!(wants(filter().event_type("mcp.*"), &record), wanted, "{event_type}");
        assert!(wants(filter().event_type(event_type), &record));
        assert!(!wants(filter().event_type("mcp.tool"), &record));
    }
}

#[test]
fn ids_are_compared_as_text() {
    assert!(wants(filter().request_id("17"), &json!({"request_id": 17})));
    assert!(wants(filter().request_id("17"), &json!({"request_id": "17"})));
    assert!(!wants(filter().request_id("17"), &json!({"request_id": "0017"})));
    assert!(wants(filter().trace_id("0AF7"), &json!({"trace_id": "0af7"})));
    assert!(!wants(filter().trace_id("0af"), &json!({"trace_id": "0af7"})));
    assert!(wants(filter().component("c"), &json!({"component": "c"})));
    assert!(!wants(filter().component("c"), &json!({"component": "d"})));
}

#[test]
fn a_range_of_time_holds_its_start_and_not_its_end() {
    let at = |text| parse_time(text).unwrap();
    let range = filter().since(at("2026-11-23T13:00:00Z")).until(at("2026-11-23T14:00:00Z"));
    for (timestamp, wanted) in [
        ("2026-11-23T12:59:59.999999Z", false),
        ("2026-11-23T13:00:00Z", true),
        ("2026-11-23 13:59:59,999", true),
        ("2026-11-23T14:00:00Z", false),
    ] {
        let record = json!({"timestamp": timestamp, "level": "INFO"});
        assert_eq!(wants(range.clone(), &record), wanted, "{timestamp}");
        // All conditions must be met.
        assert!(!wants(range.clone().level(Level::Error), &record));
    }
}
