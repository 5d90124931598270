//! A panic of the library's is a finding, and no end of the program.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `act` returns, or what it said when it panicked.
pub(crate) fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|what| said(what.as_ref()))
}

fn said(what: &(dyn Any + Send)) -> String {
    let text = what.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| what.downcast_ref::<&str>().copied());
    text.unwrap_or("something that is no text").to_owned()
}
