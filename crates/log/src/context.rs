//! What the records of one request, job or task have in common, said once.
//!
//! A [`Context`] is a value: some fields, perhaps a [`Trace`], and cheap to clone. A thread
//! is in one context at a time, at first in an empty one, and each record takes up the one
//! that its thread is in. There are three ways in, and each has its way out:
//!
//! * a closure: [`Context::scope`];
//! * a guard, for the rest of a block: [`scoped`] and [`Context::enter`];
//! * a future: [`Context::wrap`], which is in its context while it is polled, and out of it
//!   while other futures are.
//!
//! There is no fourth: nothing sets a field for the rest of a thread, because the thread's
//! next request would have it too. What all records of a program share belongs to the log.
//!
//! Nothing is inherited behind one's back. A new thread and a spawned future begin empty,
//! unless the context is handed over:
//!
//! ```
//! use ampacity_log::context::{self, Context};
//!
//! let _in_request = context::scoped("request_id", "r-17");
//!
//! let context = Context::current();
//! let worker = std::thread::spawn(move || {
//!     assert_eq!(Context::current().get::<String>("request_id"), None);
//!     context.scope(|| Context::current().get::<String>("request_id"))
//! });
//! assert_eq!(worker.join().unwrap().as_deref(), Some("r-17"));
//! ```
//!
//! # Guards and futures
//!
//! A guard cannot leave its thread. Yet a future that holds one across an `.await` may run
//! on one thread with others, and would leave its fields to them. Wrapped, it does not:
//! what it has entered sleeps when it sleeps. Futures under `join!` or `select!` are to be
//! wrapped one by one.
//!
//! ```
//! use ampacity_log::context::{self, Context};
//!
//! async fn handle(request_id: u64) {
//!     Context::current()
//!         .with("request_id", request_id)
//!         .wrap(async {
//!             let _in_step = context::scoped("step", "fetch");
//!             tokio::task::yield_now().await;
//!             assert_eq!(Context::current().get("request_id"), Some(request_id));
//!         })
//!         .await
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! tokio::join!(handle(1), handle(2));
//! # assert_eq!(Context::current().get::<u64>("request_id"), None);
//! # });
//! ```

mod entered;
mod future;
mod stack;

pub use entered::Entered;
pub(crate) use entered::current;
pub use future::InContext;

use crate::json::{self, Outcome};
use crate::limits::Limits;
use crate::redact::Redaction;
use crate::trace::Trace;
use core::fmt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, LazyLock};

/// Fields, and perhaps a span, for all records of a request, a job or a task.
///
/// Cloning counts a reference up. Values are encoded when they are given, under the caps and
/// the redaction that a log has by default: a context belongs to no log in particular. A log
/// that hides more hides it in contexts too; one that hides less cannot show it.
///
/// # Examples
///
/// ```
/// use ampacity_log::Context;
///
/// let request = Context::new().with("request_id", "r-17").with("attempt", 1);
/// let retry = request.clone().with("attempt", 2);
///
/// assert_eq!(retry.scope(|| Context::current().get("attempt")), Some(2));
/// assert_eq!(request.get("attempt"), Some(1));
/// ```
#[derive(Clone, Default)]
pub struct Context {
    inner: Option<Arc<Inner>>,
}

#[derive(Clone, Default)]
struct Inner {
    /// The last one given last; no name twice.
    fields: Vec<Arc<Field>>,
    trace: Option<Trace>,
}

struct Field {
    name: Box<str>,
    /// Its value.
    json: Box<[u8]>,
    /// Whether the value was too long or too deep to be whole.
    cut: bool,
}

impl Context {
    /// A context without anything.
    pub const fn new() -> Self {
        Context { inner: None }
    }

    /// The context that this thread is in, to build on or to hand over.
    ///
    /// Empty in a new thread, and while a thread's own variables are dropped at its end.
    pub fn current() -> Self {
        entered::current(Context::clone)
    }

    /// With a field more, or with another value in the place of a field of that name.
    ///
    /// Takes what a record's own field takes, and never fails: a value that panics or errs
    /// while it is encoded becomes `{"$error":"format_failed"}`.
    #[must_use = "the context is returned, not changed"]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        let field = Field::encode(name, &value);
        let fields = &mut self.own().fields;
        fields.retain(|other| other.name != field.name);
        fields.push(Arc::new(field));
        self
    }

    /// With the fields of `other`, in the place of those of their names.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn and(mut self, other: &Context) -> Self {
        let added = other.inner.as_ref().map_or(&[][..], |inner| &inner.fields);
        let fields = &mut self.own().fields;
        fields.retain(|field| added.iter().all(|other| other.name != field.name));
        fields.extend(added.iter().cloned());
        self
    }

    /// With this span, in the place of another.
    #[must_use = "the context is returned, not changed"]
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.own().trace = Some(trace);
        self
    }

    /// Its contents to change: shared with nobody else.
    fn own(&mut self) -> &mut Inner {
        Arc::make_mut(self.inner.get_or_insert_default())
    }

    /// The value of a field as records have it, to pass it on to another service, say.
    ///
    /// `None` if there is no such field, or if its value is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let field = self.fields().find(|field| *field.name == *name)?;
        serde_json::from_slice(&field.json).ok()
    }

    /// The span.
    pub fn trace(&self) -> Option<Trace> {
        self.inner.as_ref()?.trace
    }

    /// Enters the context until the guard is dropped, also by a panic; the thread is then in
    /// the context that it was in before.
    ///
    /// Guards nest. One that is dropped too early takes along what was entered inside it,
    /// whose guards then do nothing: a thread never stays in a context whose guard is gone.
    pub fn enter(&self) -> Entered {
        Entered::new(self.clone())
    }

    /// Calls `f` in the context. Afterwards, also after a panic, the thread is in the context
    /// that it was in before, whatever `f` did with guards.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let mut stack = stack::Stack::new(self.clone());
        let _inside = entered::Inside::new(&mut stack);
        f()
    }

    /// A future that is in the context whenever it is polled, and when it is dropped.
    pub fn wrap<F>(&self, future: F) -> InContext<F> {
        InContext::new(self.clone(), future)
    }

    /// Hands `read` each field: its name, its value as JSON, and whether that was cut. The
    /// innermost first, and no name twice.
    pub(crate) fn each(&self, mut read: impl FnMut(&str, &[u8], bool)) {
        self.fields().for_each(|field| read(&field.name, &field.json, field.cut));
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let fields = self.inner.as_ref().map_or(&[][..], |inner| &inner.fields);
        fields.iter().rev().map(|field| &**field)
    }
}

impl Field {
    fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Self {
        static REDACTION: LazyLock<Redaction> = LazyLock::new(Redaction::default);
        // A context belongs to no log in particular.
        let rules = Limits::DEFAULT.rules(&REDACTION);

        let mut json = Vec::new();
        let cut = if rules.redaction.hides(name) {
            json::redacted(&mut json);
            false
        } else {
            json::encode(&mut json, value, &rules, rules.value_bytes) == Outcome::Cut
        };
        Field { name: name.into(), json: json.into(), cut }
    }
}

/// The fields as JSON, the innermost first, and the span.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for field in self.fields() {
            map.entry(&field.name, &format_args!("{}", String::from_utf8_lossy(&field.json)));
        }
        if let Some(trace) = self.trace() {
            map.entry(&format_args!("trace"), &trace);
        }
        map.finish()
    }
}

/// Enters the current context with one field more, until the guard is dropped: see
/// [`Context::enter`].
///
/// # Examples
///
/// ```
/// use ampacity_log::context::{self, Context};
///
/// fn fetch(url: &str) {
///     let _in_fetch = context::scoped("url", url);
///     // Every record from here to the end of `fetch` has `url`.
/// }
/// ```
pub fn scoped(name: &str, value: impl Serialize) -> Entered {
    Entered::new(Context::current().with(name, value))
}

#[cfg(test)]
mod tests;
