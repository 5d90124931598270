//! How a breaker is made.

use super::CircuitBreaker;
use crate::circuit::Circuit;
use crate::clock::TimeSource;
use crate::config::{Builder, DEFAULT_SETTINGS, Settings};
use crate::error::Name;
use crate::event::desk::Desk;
use crate::metrics::Metrics;
use crate::sync::{Kept, OnceBox, const_fn};
use std::borrow::Cow;

impl CircuitBreaker {
    const_fn! {
        /// A closed breaker with the defaults: it opens at 5 failures in a row for
        /// 60 s and closes after 2 successes.
        ///
        /// Works in a `static`.
        ///
        /// ```
        /// use ampacity::CircuitBreaker;
        ///
        /// static SEARCH: CircuitBreaker = CircuitBreaker::new("search");
        /// assert!(SEARCH.would_admit());
        /// ```
        pub fn new(name: &'static str) -> Self {
            Self {
                circuit: Circuit::new(),
                settings: Kept::new(&DEFAULT_SETTINGS),
                metrics: Metrics::new(),
                clock: TimeSource::BuiltIn,
                name: Cow::Borrowed(name),
                short_name: Name::Static(name),
                desk: OnceBox::new(),
            }
        }
    }

    /// A breaker to be set up; see [`Builder`].
    ///
    /// A `&'static str` is kept as it is. Of a `String`, rejections carry the
    /// first 30 bytes.
    pub fn builder(name: impl Into<Cow<'static, str>>) -> Builder {
        Builder::new(name.into())
    }

    pub(crate) fn assemble(
        name: Cow<'static, str>,
        settings: Settings,
        clock: TimeSource,
        desk: Option<Desk>,
    ) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new("");
        breaker.short_name = match &name {
            Cow::Borrowed(name) => Name::Static(name),
            Cow::Owned(name) => Name::cut(name),
        };
        breaker.name = name;
        breaker.clock = clock;
        breaker.settings = Kept::owning(settings);
        if let Some(desk) = desk {
            breaker.desk.get_or_make(|| desk);
        }
        breaker
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
