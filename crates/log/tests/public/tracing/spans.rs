//! What an event has of the spans around it.

use super::{traced, within};
use crate::fixture::logged;
use ampacity_log::{Context, Trace};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::thread;
use tracing::field::Empty;
use tracing::{Dispatch, Span, dispatcher, info, info_span};

#[test]
fn the_events_own_fields_go_before_inner_spans_and_those_before_outer_ones() {
    let records = traced(|| {
        let _context = Context::new().with("a", "context").with("z", "context").enter();
        let _outer = info_span!("outer", a = 1, b = 1, c = 1).entered();
        let _inner = info_span!("inner", b = 2, c = 2).entered();
        info!(c = 3, "event");
    });
    let record = &records[0];
    for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(record[name], value, "{record}");
    }
    assert_eq!((&record["z"], &record["span"]), (&"context".into(), &"inner".into()));
}

#[test]
fn a_spans_name_is_its_field_span_unless_it_has_one() {
    let records = traced(|| {
        let _outer = info_span!("outer", span = "mine", name = "n").entered();
        info!("a");
        let _inner = info_span!("inner").entered();
        info!("b");
        info!(span = "the event's", "c");
    });
    let spans: Vec<_> = records.iter().map(|record| record["span"].as_str().unwrap()).collect();
    assert_eq!(spans, ["mine", "inner", "the event's"]);
    assert!(records.iter().all(|record| record["name"] == "n"));
}

#[test]
fn no_span_overwrites_the_envelope() {
    let records = traced(|| {
        let _span =
            info_span!("span", level = "FATAL", event_type = "x", message = "y", seq = 3).entered();
        info!("text");
    });
    let record = &records[0];
    assert_eq!((&record["level"], &record["event_type"]), (&"INFO".into(), &"custom".into()));
    assert_eq!(record["message"], "text");
    let expected = json!({ "level": "FATAL", "event_type": "x", "message": "y", "seq": 3 });
    assert_eq!(record["fields"], expected);
}

#[test]
fn a_value_recorded_later_is_in_later_events() {
    let records = traced(|| {
        let span = info_span!("span", a = 1, b = Empty).entered();
        info!("before");
        span.record("b", "first");
        let _inner = info_span!("inner").entered();
        info!("after");
        span.record("b", "second").record("a", 2);
        info!("again");
    });
    let of = |name: &str| records.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("b"), [Value::Null, "first".into(), "second".into()]);
    assert_eq!(of("a"), [1, 1, 2]);
}

#[test]
fn outside_a_span_there_is_nothing_of_it() {
    let records = traced(|| {
        let span = info_span!("span", a = 1);
        info!("not yet entered");
        span.in_scope(|| info!("inside"));
        info!("left");
        drop(span);
        // A new span may have the number of the one before, and nothing else of it.
        info_span!("other").in_scope(|| info!("in another"));
        info!("none");
    });
    let of = |name: &str| records.iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    let null = Value::Null;
    assert_eq!(of("a"), [null.clone(), 1.into(), null.clone(), null.clone(), null.clone()]);
    assert_eq!(of("span"), [null.clone(), "span".into(), null.clone(), "other".into(), null]);
}

#[test]
fn an_event_is_in_the_span_that_it_names_or_in_none() {
    let records = traced(|| {
        let named = info_span!("named", a = 1);
        let _entered = info_span!("entered", b = 1).entered();
        info!(parent: &named, "in the named one");
        info!(parent: None, "in none");
    });
    assert_eq!((&records[0]["a"], records[0].get("b")), (&1.into(), None));
    assert_eq!((records[1].get("a"), records[1].get("span")), (None, None));
}

#[test]
fn spans_that_are_entered_and_recorded_on_other_threads_have_their_fields_there() {
    let records = logged(|log| {
        within(log, || {
            let dispatch = dispatcher::get_default(Dispatch::clone);
            let span = info_span!("shared", a = 1, b = Empty);
            thread::scope(|threads| {
                for n in 0..4 {
                    let (span, dispatch) = (span.clone(), dispatch.clone());
                    threads.spawn(move || {
                        dispatcher::with_default(&dispatch, || {
                            let _entered = span.enter();
                            let _own = info_span!("own", n).entered();
                            for _ in 0..100 {
                                span.record("b", n);
                                info!(own = n, "event");
                            }
                        });
                    });
                }
            });
            span.in_scope(|| info!("end"));
        });
    });
    let (end, others) = records.split_last().unwrap();
    assert_eq!(others.len(), 400);
    for record in others {
        assert_eq!((&record["a"], &record["span"]), (&1.into(), &"own".into()));
        assert_eq!(record["n"], record["own"]);
        assert!(record["b"].as_u64().unwrap() < 4);
    }
    assert!(end["b"].is_u64() && end.get("n").is_none());
}

#[test]
fn the_ids_are_those_of_the_context() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let records = traced(|| {
        let trace = Trace::parse_traceparent(trace).unwrap();
        let _span = info_span!("span", trace_id = "spoofed").entered();
        let _context = Context::new().with_trace(trace).enter();
        info!("text");
    });
    assert_eq!(records[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(records[0]["span_id"], "b7ad6b7169203331");
    assert_eq!(records[0]["fields"]["trace_id"], "spoofed");
}

#[test]
fn very_many_spans_and_fields_are_cut_where_the_record_is_full() {
    let long = "x".repeat(1_000);
    let records = traced(|| {
        let mut around = Span::none();
        for n in 0..500 {
            around = info_span!(parent: &around, "deep", n, a = long, b = long);
        }
        around.in_scope(|| info!("deep down"));
        // Of 300 names none is that of another.
        let mut context = Context::new();
        for n in 0..300 {
            context = context.with(&format!("field_{n}"), &long);
        }
        context.scope(|| around.in_scope(|| info!(own = 1, "full")));
    });
    assert_eq!((&records[0]["n"], &records[0]["a"]), (&499.into(), &long.into()));
    assert_eq!((&records[1]["n"], &records[1]["own"]), (&499.into(), &1.into()));
    assert!(records[1].to_string().len() <= 64 << 10);
    assert!(!records[1]["truncated"].as_array().unwrap().is_empty());
}

/// Fields of one span or event, some of which it has not.
type Given = [Option<u8>; 3];
const NAMES: [&str; 3] = ["a", "b", "c"];

fn given() -> impl Strategy<Value = Given> {
    prop::array::uniform3(prop::option::of(any::<u8>()))
}

proptest! {
    /// Spans within each other, each with some fields when it is opened and some later.
    #[test]
    fn each_field_is_the_innermost_that_was_given(
        spans in prop::collection::vec((given(), given()), 0..6),
        own in given(),
    ) {
        let records = traced(|| {
            let guards: Vec<_> = spans.iter().map(|([a, b, c], later)| {
                let span = info_span!("span", a, b, c);
                for (name, value) in NAMES.iter().zip(later) {
                    span.record(*name, *value);
                }
                span.entered()
            }).collect();
            let [a, b, c] = own;
            info!(a, b, c, "event");
            guards.into_iter().rev().for_each(drop);
            info!("outside");
        });
        for (at, name) in NAMES.into_iter().enumerate() {
            let of_spans = spans.iter().rev().find_map(|(first, later)| later[at].or(first[at]));
            let expected = own[at].or(of_spans).map(Value::from);
            prop_assert_eq!(records[0].get(name), expected.as_ref());
            prop_assert_eq!(records[1].get(name), None);
        }
    }
}
