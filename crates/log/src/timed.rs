//! A stretch of code that is logged once, when it ends, however it ends.

use core::fmt;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::event_type::EventType;
use crate::level::Level;
use crate::log::Log;
use crate::record::Record;

impl Log {
    /// Runs `f` and logs how long it took, with its outcome: one record of
    /// [`EventType::PerformanceMeasured`], with `operation`, `duration_ms` and a `status` of
    /// `success` or `failed`; a failed one is of [`Level::Error`] and has the error's type and
    /// text. If `f` panics, that is logged, too, and goes on.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::Log;
    ///
    /// let answer = Log::installed().time("parse", || "42".parse::<u32>())?;
    /// assert_eq!(answer, 42);
    /// # Ok::<(), std::num::ParseIntError>(())
    /// ```
    pub fn time<T, E: fmt::Display>(
        &self,
        operation: &str,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.timed(operation).settle(f())
    }

    /// As [`time`](Log::time), for a future. One that is dropped before it is ready is
    /// logged as `cancelled`.
    ///
    /// # Errors
    ///
    /// Those of the future.
    pub async fn time_async<T, E: fmt::Display>(
        &self,
        operation: &str,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let timed = self.timed(operation);
        timed.settle(future.await)
    }

    /// Begins a stretch of code that ends where it is settled or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::Log;
    ///
    /// let timed = Log::installed().timed("extract").field("pages", 12);
    /// // ...
    /// timed.success();
    /// ```
    pub fn timed<'a>(&'a self, operation: &'a str) -> Timed<'a> {
        // Of the gravest level that it may turn out to have.
        let record = self.event_at(Level::Error, EventType::PerformanceMeasured);
        Timed { record: Some(record), operation, start: Instant::now() }
    }
}

/// A stretch of code that is being timed; see [`Log::timed`].
///
/// Logs exactly once. Dropped unsettled, it is logged as `cancelled`, or while its thread
/// unwinds as `failed` with the error type `panic`.
#[must_use = "what is dropped at once times nothing"]
#[derive(Debug)]
pub struct Timed<'a> {
    /// Taken when it is logged.
    record: Option<Record<'a>>,
    operation: &'a str,
    start: Instant,
}

impl Timed<'_> {
    /// Adds a field to the record.
    pub fn field(mut self, name: &str, value: impl Serialize) -> Self {
        self.record = self.record.take().map(|record| record.field(name, value));
        self
    }

    /// It went well.
    pub fn success(mut self) {
        self.end(Level::Info, "success", |record| record);
    }

    /// It failed.
    pub fn failed<E: fmt::Display + ?Sized>(mut self, error: &E) {
        self.end(Level::Error, "failed", |record| record.failure(error));
    }

    fn settle<T, E: fmt::Display>(self, result: Result<T, E>) -> Result<T, E> {
        match &result {
            Ok(_) => self.success(),
            Err(error) => self.failed(error),
        }
        result
    }

    fn end(&mut self, level: Level, status: &str, more: impl FnOnce(Record<'_>) -> Record<'_>) {
        if let Some(record) = self.record.take() {
            let record = record.at(level).measured(self.operation, self.start.elapsed());
            more(record.field("status", status)).emit();
        }
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.end(Level::Error, "failed", |record| record.field("error_type", "panic"));
        } else {
            self.end(Level::Warning, "cancelled", |record| record);
        }
    }
}
