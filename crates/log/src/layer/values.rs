//! The fields of events and spans, each as what it is.

use core::error::Error;
use core::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};

use crate::calls::Stack;
use crate::context::Context;
use crate::json::{self, Outcome, Rules};
use crate::scratch::Scratch;
use crate::value::{bytes, debug, display};

/// Takes the fields one by one.
pub(super) trait Fields {
    /// `shown` is the value as text.
    fn add(&mut self, name: &str, value: impl Serialize, shown: &dyn fmt::Display);
}

/// Those of an event: the record's own, but for the parts of the envelope that are its to say.
pub(super) struct OfEvent<'a> {
    pub(super) scratch: &'a mut Scratch,
    pub(super) rules: &'a Rules<'a>,
    pub(super) target: &'a str,
}

impl Fields for OfEvent<'_> {
    fn add(&mut self, name: &str, value: impl Serialize, shown: &dyn fmt::Display) {
        let OfEvent { scratch, rules, target } = self;
        match name {
            "message" => scratch.message(rules, shown),
            "event_type" => scratch.event_type(rules, shown),
            // What comes from the crate `log` has its target there.
            "log.target" if *target == "log" => {
                scratch.logger.clear();
                let rules = Rules { value_bytes: json::KEY_BYTES, ..**rules };
                if json::text(&mut scratch.logger, shown, &rules, json::KEY_BYTES)
                    == Outcome::Failed
                {
                    scratch.logger.clear();
                    json::key(&mut scratch.logger, target);
                }
            }
            _ => scratch.field(rules, name, &value),
        }
    }
}

/// Those of a span: a context.
pub(super) struct OfSpan(pub(super) Context);

impl Fields for OfSpan {
    fn add(&mut self, name: &str, value: impl Serialize, _: &dyn fmt::Display) {
        self.0 = core::mem::take(&mut self.0).with(name, value);
    }
}

pub(super) struct Visitor<F>(pub(super) F);

impl<F: Fields> Visitor<F> {
    fn add(&mut self, field: &Field, value: impl Serialize, shown: &dyn fmt::Display) {
        self.0.add(field.name(), value, shown);
    }
}

impl<F: Fields> Visit for Visitor<F> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value, &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field, value, &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field, value, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value, &value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.add(field, bytes(value), &format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, display(Stack(value)), &Stack(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, debug(value), &format_args!("{value:?}"));
    }
}
