//! Records as events of `tracing`, and events of `tracing` as records.

mod both;
mod bridge;
mod spans;
mod values;

use crate::fixture::logged;
use ampacity_log::Log;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

/// What is logged by a layer while `f` runs.
fn traced(f: impl FnOnce()) -> Vec<Value> {
    logged(|log| within(log, f))
}

/// Runs `f` under a subscriber that has nothing but the layer of `log`.
fn within<R>(log: &Log, f: impl FnOnce() -> R) -> R {
    with_default(registry().with(log.tracing_layer()), f)
}

/// A layer that keeps what it sees of events.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Sight>>>);

#[derive(Debug)]
struct Sight {
    target: String,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn take(&self) -> Vec<Sight> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Fields(BTreeMap<&'static str, String>);
        impl Visit for Fields {
            fn record_str(&mut self, field: &Field, value: &str) {
                self.0.insert(field.name(), value.to_owned());
            }
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0.insert(field.name(), format!("{value:?}"));
            }
        }
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        let metadata = event.metadata();
        let (target, level) = (metadata.target().to_owned(), *metadata.level());
        self.0.lock().unwrap().push(Sight { target, level, fields: fields.0 });
    }
}

/// Shows something, then does what it is called.
struct Errs;
struct Panics;

impl fmt::Debug for Errs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret of tenant A")?;
        Err(fmt::Error)
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret of tenant A")?;
        panic!("planned")
    }
}
