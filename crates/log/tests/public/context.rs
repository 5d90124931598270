//! Contexts: what a record would have, wherever a program has gone.

mod guards;
mod tasks;
mod threads;
mod values;

use crate::fixture::{PATIENCE, assert_balanced, records};
use ampacity_log::{Context, EventType, Log, Memory, Sink, Trace};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Stands for the span, which is one more than this says.
const TRACE: &str = "trace";

/// The model of a context.
type Fields = BTreeMap<&'static str, u32>;
type Field = (&'static str, u32);

/// One field more, or another value.
fn field() -> impl Strategy<Value = Field> {
    (prop::sample::select(vec!["a", "b", "c", TRACE]), 0..100_u32)
}

fn with(model: &Fields, field: Field) -> Fields {
    model.iter().map(|(name, value)| (*name, *value)).chain([field]).collect()
}

fn context_with(context: Context, (name, value): Field) -> Context {
    match name {
        TRACE => {
            context.with_trace(Trace::new([7; 16], (u64::from(value) + 1).to_be_bytes()).unwrap())
        }
        _ => context.with(name, value),
    }
}

/// What this thread is in, without a record.
fn seen() -> Fields {
    let context = Context::current();
    NAMES.into_iter().filter_map(|name| Some((name, context.get(name)?))).collect()
}

/// What a record has of its context.
fn written(record: &Value) -> Fields {
    let number = |value: &Value| value.as_u64()?.try_into().ok();
    let fields = NAMES.into_iter().filter_map(|name| Some((name, number(record.get(name)?)?)));
    let span = record.get("span_id").and_then(Value::as_str);
    let span = span.map(|span| (TRACE, u32::from_str_radix(span, 16).unwrap() - 1));
    fields.chain(span).collect()
}

/// A log that is written to wherever a program looks: that may be in a destructor, or on
/// another thread.
struct Looks {
    log: Log,
    memory: Memory,
    /// What the model said, in the order of the records' `look`.
    models: Mutex<Vec<Fields>>,
}

impl Looks {
    fn new() -> Self {
        let memory = Memory::new();
        let sink = Sink::memory(&memory).no_fallback();
        let log = Log::builder("test").sink(sink).build().unwrap();
        Looks { log, memory, models: Mutex::default() }
    }

    fn look(&self, model: &Fields) {
        let mut models = self.models.lock().unwrap();
        let look = models.len();
        models.push(model.clone());
        drop(models);
        self.log.event(EventType::Custom).field("look", look).emit();
    }

    /// Every look was written, once, and with what the model said.
    fn check(self) -> Result<(), TestCaseError> {
        self.log.flush(PATIENCE).unwrap();
        assert_balanced(&self.log.counts()[0].1);
        let models = self.models.into_inner().unwrap();
        let mut missing = vec![true; models.len()];
        for record in records(&self.memory.bytes()) {
            let look = usize::try_from(record["look"].as_u64().unwrap()).unwrap();
            prop_assert!(missing[look], "look {} was written twice", look);
            missing[look] = false;
            prop_assert_eq!(&written(&record), &models[look], "{}", record);
        }
        prop_assert!(!missing.contains(&true), "{:?}", missing);
        Ok(())
    }
}

/// Looks when it is dropped: at the end, in an unwinding, or when a future is cancelled.
struct LookAtEnd<'a>(&'a Looks, &'a Fields);

impl Drop for LookAtEnd<'_> {
    fn drop(&mut self) {
        self.0.look(self.1);
    }
}

/// Panics without a word to the terminal.
fn fall() -> ! {
    panic::resume_unwind(Box::new("on purpose"))
}

fn caught(f: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(f));
}
