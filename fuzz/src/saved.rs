//! Any bytes, as a saved breaker: as text, and as draws of what its fields say.

mod bounds;
mod drawn;

use std::time::Duration;

use ampacity::{CircuitBreaker, ManualClock, Reason, RestoreError, Saved, State};
use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

use drawn::Draft;

/// Deadlines are held in 40 bits of ms, all ones being never: 34 years.
const LAST: Duration = Duration::from_millis((1 << 40) - 2);
const TICK: Duration = Duration::from_millis(1);
const NAME: &str = "db";

/// Restores `data` into a breaker: nothing panics, what cannot be is refused by its field
/// and changes nothing, and of the rest comes the state that was saved, with a wait that is
/// as long and no longer; what is saved of that is the same again.
pub fn saved(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let Ok(first) = Subject::draw(&mut choices) else { return };
    if let Ok(drawn) = Draft::draw(&mut choices) {
        let document = drawn.document();
        let saved = Saved::deserialize(&document).expect("every field is of its form");
        restore(&first, &saved, &document);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(saved) = toml::from_str::<Saved>(text) {
        restore(&first, &saved, &json!(saved));
    }
    if let Ok(saved) = serde_json::from_str::<Saved>(text) {
        restore(&first, &saved, &json!(saved));
    }
}

use serde_core::Deserialize;

/// What somebody restores into.
struct Subject {
    kind: u8,
    at: Duration,
    state: u8,
}

impl Subject {
    fn draw(choices: &mut Unstructured<'_>) -> Result<Subject> {
        let at = Duration::from_nanos(choices.arbitrary::<u64>()? >> choices.int_in_range(5..=63)?);
        Ok(Subject { kind: choices.arbitrary()?, at, state: choices.arbitrary()? })
    }

    fn make(&self) -> (CircuitBreaker, ManualClock) {
        let clock = ManualClock::new();
        let builder = CircuitBreaker::builder(NAME).clock(clock.clone());
        let second = Duration::from_secs(1);
        let builder = match self.kind % 6 {
            0 => builder,
            1 => builder.failure_rate(0.5).count_window(9),
            2 => builder.failure_rate(0.25).slow_call(second).slow_call_rate(0.5),
            3 => builder.failure_rate(1.0).time_window(second * 60).time_slices(7),
            4 => builder.backoff(3.0, second * 600).jitter(0.5).jitter_seed(1),
            _ => builder.half_open_limit(second * 5, State::Closed).open_for(Duration::MAX),
        };
        let breaker = builder.build().expect("sound settings");
        clock.advance(self.at);
        match self.state % 5 {
            0 => {}
            1 => drop(breaker.try_acquire().map(|permit| permit.failure())),
            2 => breaker.trip(),
            3 => breaker.force_open(),
            _ => breaker.metrics_only(),
        }
        (breaker, clock)
    }
}

/// Restores what was read, and what somebody makes of it who signs it.
fn restore(subject: &Subject, saved: &Saved, document: &Value) {
    let (breaker, clock) = subject.make();
    let before = (breaker.era(), breaker.snapshot());
    let refused = match breaker.restore(saved) {
        Ok(()) => return revived(subject, &breaker, &clock, document, before.0),
        Err(refused) => refused,
    };
    assert_eq!((breaker.era(), breaker.snapshot()), before, "{refused}");
    assert!(!refused.to_string().contains('\n'), "{refused}");
    let mut signed = document.clone();
    match &refused {
        RestoreError::Version { found, .. } => assert_ne!(*found, 1),
        RestoreError::Checksum { computed, .. } => signed["checksum"] = computed.as_str().into(),
        RestoreError::Name { found, .. } => {
            assert_eq!(*found, document["name"]);
            signed["name"] = NAME.into();
        }
        RestoreError::Impossible { field, .. } | RestoreError::Unreadable { field, .. } => {
            let amiss = bounds::amiss(document);
            assert!(amiss.contains(field), "{refused}: {document}");
        }
        other => panic!("{other} is new"),
    }
    if signed != *document {
        let saved = Saved::deserialize(&signed).expect("it was, but for a text");
        restore(subject, &saved, &signed);
    }
}

/// The contract of what was restored.
fn revived(
    subject: &Subject,
    breaker: &CircuitBreaker,
    clock: &ManualClock,
    document: &Value,
    era: u64,
) {
    assert_eq!(bounds::amiss(document), [""; 0], "{document} was taken");
    assert_eq!(breaker.era(), era + 1);
    let wait = document.get("wait_ns").and_then(Value::as_u64).map(Duration::from_nanos);
    let word = document["state"].as_str().expect("a state");
    let due = word == "half_open" || word == "open" && wait == Some(Duration::ZERO);
    assert_eq!(breaker.state().as_str(), if due { "half_open" } else { word }, "{document}");
    let said = breaker.snapshot();
    let streak = document["streak"].as_u64().expect("a streak");
    let keeps = matches!(word, "closed" | "metrics_only");
    assert!(said.streak <= if keeps { streak } else { 0 }, "{said:?} of {document}");
    if matches!(word, "open" | "half_open") {
        assert_eq!(u64::from(said.opens), document["opens"].as_u64().expect("opens"));
    }
    assert!(said.window.failed <= said.window.calls && said.window.slow <= said.window.calls);
    is_saved_again(subject, breaker, document);

    if let Err(refusal) = breaker.try_acquire().map(drop) {
        match (refusal.reason(), wait) {
            (Reason::Open, Some(wait)) => {
                let left = refusal.retry_after().expect("an open breaker has a wait");
                assert!(left >= wait.min(LAST.saturating_sub(subject.at)), "{left:?}: {document}");
                assert!(left < wait + TICK, "{left:?}: {document}");
                clock.advance(left);
            }
            (Reason::Open, None) => return assert_eq!(refusal.retry_after(), Some(Duration::MAX)),
            (Reason::ForcedOpen, _) => return assert_eq!(word, "forced_open"),
            (reason, _) => panic!("{reason:?} of {document}"),
        }
    }
    breaker.try_acquire().expect("its wait is over").failure();
    breaker.reset();
    breaker.try_acquire().expect("after a reset").success();
}

/// What is saved of it says the same, and of a breaker that is made of that, too.
fn is_saved_again(subject: &Subject, breaker: &CircuitBreaker, document: &Value) {
    let saved = breaker.save();
    let (other, _) = subject.make();
    other.restore(&saved).expect("as it was saved");
    let [mut once, mut twice] = [json!(saved), json!(other.save())];
    let lasting = if once["state"] == "half_open" { "open" } else { "" };
    for again in [&mut once, &mut twice] {
        // Eras go on, and the checksum with them; half-open comes back as open and due.
        for changes in ["era", "checksum"] {
            again[changes] = Value::Null;
        }
        if lasting == "open" {
            again["state"] = "open".into();
            again["wait_ns"] = 0.into();
        }
    }
    assert_eq!(once, twice, "{document}");
}
