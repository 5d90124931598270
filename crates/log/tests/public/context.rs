//! Contexts: what a record would have, wherever a program has gone.

mod guards;
mod tasks;
mod threads;

use ampacity_log::Context;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// The model of a context.
type Fields = BTreeMap<&'static str, u32>;

/// What is seen of the context, now and here.
fn seen() -> Fields {
    let context = Context::current();
    NAMES.into_iter().filter_map(|name| Some((name, context.get(name)?))).collect()
}

/// One field more, or another value.
fn field() -> impl Strategy<Value = (&'static str, u32)> {
    (prop::sample::select(&NAMES[..]), 0..100_u32)
}

/// Notes where something else was seen than the model says: a look may be in a destructor,
/// or on another thread.
#[derive(Default)]
struct Looks {
    wrong: Mutex<Vec<String>>,
}

impl Looks {
    fn look(&self, model: &Fields) {
        let seen = seen();
        if seen != *model {
            let wrong = format!("in {model:?}, {seen:?} was seen");
            self.wrong.lock().unwrap().push(wrong);
        }
    }

    fn check(self) -> Result<(), TestCaseError> {
        let wrong = self.wrong.into_inner().unwrap();
        prop_assert!(wrong.is_empty(), "{:#?}", wrong);
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
