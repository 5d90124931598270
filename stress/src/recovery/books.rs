//! What must hold in every scenario, whatever its script and however slow the machine: the
//! breaker's counts are its callers', and each decision fits the state that it was in.
//!
//! A transition is known to have happened between the time that its event names and the
//! first call that was let through after it. A call that was turned away is compared with
//! those bounds, and not with a time that a busy machine can stretch.

use std::time::Duration;

use ampacity::{Cause, Event, Reason, State};

use super::subject::{End, Entry, Subject};

/// Deadlines are whole milliseconds, rounded up.
const TICK: u64 = 1_000_000;

/// What does not add up, in words. By a clock that did not run `steady` no two times can be
/// compared, apart from a deadline and the moment at which it was found to be over.
pub(super) fn faults(subject: &Subject, steady: bool) -> Vec<String> {
    let (entries, events) = (subject.entries(), subject.breaker.history());
    let mut faults = counts(subject, &entries, &events);
    if faults.is_empty() {
        let books = Books { subject, entries: &entries, events: &events };
        faults.extend(books.chain());
        faults.extend(books.openings());
        faults.extend(books.half_open());
        let spells = if steady { books.spells() } else { Vec::new() };
        faults.extend(entries.iter().find_map(|entry| match entry.end {
            End::Rejected(..) if !steady => None,
            End::Rejected(reason, hint) => books.turned_away(entry, reason, hint, &spells),
            _ => books.let_through(entry),
        }));
    }
    let name = subject.breaker.name();
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}

fn counts(subject: &Subject, entries: &[Entry], events: &[Event]) -> Vec<String> {
    let snapshot = subject.breaker.snapshot();
    let count = |which: fn(&Entry) -> bool| entries.iter().filter(|e| which(e)).count() as u64;
    [
        ("calls let through", snapshot.lifetime.admitted, count(|e| e.end.made())),
        ("successes", snapshot.lifetime.succeeded, count(|e| e.end == End::Good)),
        ("failures", snapshot.lifetime.failed, count(|e| e.end == End::Bad)),
        ("calls ignored", snapshot.lifetime.ignored, count(|e| e.end == End::Ignored)),
        ("calls turned away", snapshot.lifetime.rejected.total(), count(|e| e.end.rejected())),
        ("calls in flight", snapshot.in_flight, 0),
        ("transitions", snapshot.transitions.total(), events.len() as u64),
    ]
    .into_iter()
    .filter(|(_, says, is)| says != is)
    .map(|(what, says, is)| format!("{what}: {says} by the breaker's count, {is} in truth"))
    .collect()
}

struct Books<'a> {
    subject: &'a Subject,
    entries: &'a [Entry],
    events: &'a [Event],
}

/// The state of a stretch of eras, with the bounds of when it can have been.
struct Spell {
    state: State,
    from: u64,
    until: u64,
}

impl Books<'_> {
    /// Each transition begins where the one before it ended, on an edge that exists.
    fn chain(&self) -> Option<String> {
        let mut state = State::Closed;
        for (event, era) in self.events.iter().zip(1..) {
            let by_hand = matches!(event.cause, Cause::Reset | Cause::Close | Cause::Trip);
            let legal = matches!(
                (event.from, event.to),
                (State::Closed | State::HalfOpen, State::Open)
                    | (State::Open, State::HalfOpen)
                    | (State::HalfOpen, State::Closed)
            ) || event.cause == Cause::LeaseOver;
            if event.era != era || event.from != state || !(legal || by_hand) {
                return Some(format!("transition {era} after {state} is \"{event}\""));
            }
            state = event.to;
        }
        None
    }

    /// It opened because of as many failures as it was told, and half-opened no earlier
    /// than its wait was over.
    fn openings(&self) -> Option<String> {
        let (rules, mut opens, mut opened) = (&self.subject.rules, 0, None);
        for event in self.events {
            match (event.to, event.cause) {
                (State::Open, cause) => {
                    if let (Cause::ConsecutiveFailures { failures, .. }, Some(wanted)) =
                        (cause, rules.failures)
                        && failures != wanted
                    {
                        return Some(format!("opened at {failures} failures, not at {wanted}"));
                    }
                    opens += 1;
                    opened = Some(event.at);
                }
                (State::HalfOpen, _) => {
                    let wait = rules.wait_of(opens);
                    let waited = opened.map(|opened| event.at.saturating_sub(opened));
                    if waited.is_none_or(|waited| waited < wait) {
                        return Some(format!(
                            "let a probe through after {waited:.3?} of a wait of {wait:.3?}"
                        ));
                    }
                }
                _ => opens = 0,
            }
        }
        None
    }

    /// No more probes at a time than it was told, and as many successes as it was told
    /// before it closed. Probes are not given back here, so a spell has no more than that.
    fn half_open(&self) -> Option<String> {
        let rules = &self.subject.rules;
        for event in self.events {
            if event.to == State::HalfOpen {
                let probes = self.entries.iter().filter(|e| e.era == Some(event.era)).count();
                if probes as u64 > u64::from(rules.permits) {
                    return Some(format!("{probes} probes at a time, not {}", rules.permits));
                }
            }
            if let Cause::ProbesSucceeded { successes, .. } = event.cause
                && successes != rules.successes
            {
                return Some(format!("closed after {successes} probes, not {}", rules.successes));
            }
        }
        None
    }

    /// A call that was turned away although the state cannot have been one that does.
    fn turned_away(
        &self,
        entry: &Entry,
        reason: Reason,
        hint: Option<Duration>,
        spells: &[Spell],
    ) -> Option<String> {
        let state = match reason {
            Reason::Open => State::Open,
            Reason::HalfOpenFull => State::HalfOpen,
            _ => return Some(format!("a call was turned away because of {reason:?}")),
        };
        let fits = |spell: &Spell| {
            spell.state == state && spell.from <= entry.decided && entry.began <= spell.until
        };
        if !spells.iter().any(fits) {
            return Some(format!("a call was turned away as {state} when it was not"));
        }
        let longest = self.subject.rules.wait_of(u32::MAX) + Duration::from_nanos(TICK);
        match (reason, hint) {
            (Reason::Open, None) => Some("no hint when to come back".to_owned()),
            (Reason::Open, Some(hint)) if hint > longest => {
                Some(format!("said to come back in {hint:.3?}, at most {longest:.3?}"))
            }
            _ => None,
        }
    }

    /// A call that was let through in an era that lets none through.
    fn let_through(&self, entry: &Entry) -> Option<String> {
        let state = self.state_in(entry.era?);
        let expected = if entry.probe { State::HalfOpen } else { State::Closed };
        (state != expected).then(|| format!("a call was let through when it was {state}"))
    }

    fn state_in(&self, era: u64) -> State {
        let made = self.events.iter().find(|event| event.era == era);
        made.map_or(State::Closed, |event| event.to)
    }

    /// All states that it was in, and when it can have been.
    fn spells(&self) -> Vec<Spell> {
        let mut opens = 0;
        let mut spells = Vec::with_capacity(self.events.len());
        for event in self.events {
            let from = nanos(event.at);
            // The next transition had happened when the first call of a later era was
            // let through. A clock that steps back bounds nothing.
            let later = self.entries.iter().filter(|e| e.era.is_some_and(|era| era > event.era));
            let until = later.map(|e| e.decided).min().filter(|&until| until >= from);
            let until = until.unwrap_or(u64::MAX);
            match event.to {
                State::Open => {
                    opens += 1;
                    let wait = nanos(self.subject.rules.wait_of(opens));
                    // A deadline is read from the clock at each call, late as it may come.
                    let due = from.saturating_add(wait).saturating_add(TICK);
                    spells.push(Spell { state: State::Open, from, until: until.min(due) });
                }
                state => {
                    if state == State::Closed {
                        opens = 0;
                    }
                    spells.push(Spell { state, from, until });
                }
            }
        }
        spells
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::subject::Rules;
    use super::super::time::{How, Time};
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    /// A breaker that opened, and what a caller claims to have seen of it later.
    fn claim(after: Duration, took: Duration, change: impl FnOnce(&mut Entry)) -> Vec<String> {
        let time = Time::new(How::Manual);
        let rules = Rules { failures: Some(1), ..Rules::waiting(WAIT) };
        let subject = Subject::new("x", rules, &time, |b| b, None).unwrap();
        let _ = subject.call(ampacity::classify::plain, || Err("bad"));
        let _ = subject.call(ampacity::classify::plain, || Ok::<(), &str>(()));
        // The breaker's count of it is right; what is told of it is not.
        let mut entry = subject.take_last();
        entry.began += nanos(after);
        entry.decided = entry.began + nanos(took);
        entry.ended = entry.decided;
        change(&mut entry);
        subject.note(entry);
        faults(&subject, true)
    }

    #[test]
    fn who_was_turned_away_while_it_was_open_has_no_complaint_and_later_has() {
        let none: Vec<String> = Vec::new();
        assert_eq!(claim(Duration::ZERO, Duration::ZERO, |_| ()), none);
        assert_eq!(claim(WAIT, Duration::ZERO, |_| ()), none);
        // It began before the end and was held up.
        assert_eq!(claim(WAIT / 2, WAIT, |_| ()), none);
        let late = claim(WAIT + Duration::from_millis(2), Duration::ZERO, |_| ());
        assert!(late[0].contains("turned away as open"), "{late:?}");
    }

    #[test]
    fn a_reason_that_does_not_fit_and_a_hint_that_is_too_long_are_found() {
        let full = claim(Duration::ZERO, Duration::ZERO, |entry| {
            entry.end = End::Rejected(Reason::HalfOpenFull, None);
        });
        assert!(full[0].contains("as half_open"), "{full:?}");
        let long = claim(Duration::ZERO, Duration::ZERO, |entry| {
            entry.end = End::Rejected(Reason::Open, Some(2 * WAIT));
        });
        assert!(long[0].contains("come back"), "{long:?}");
        let hint = claim(Duration::ZERO, Duration::ZERO, |entry| {
            entry.end = End::Rejected(Reason::Open, None);
        });
        assert!(hint[0].contains("no hint"), "{hint:?}");
    }

    #[test]
    fn a_call_that_the_breaker_counts_otherwise_is_found() {
        let counted = claim(Duration::ZERO, Duration::ZERO, |entry| entry.end = End::Good);
        assert!(counted.iter().any(|fault| fault.contains("calls turned away")), "{counted:?}");
    }

    #[test]
    fn a_probe_too_early_and_one_too_many_are_found() {
        let time = Time::new(How::Manual);
        let told = Rules { failures: Some(1), permits: 2, ..Rules::waiting(WAIT) };
        let play = |set: fn(ampacity::Builder) -> ampacity::Builder| {
            let subject = Subject::new("x", told, &time, |b| b, Some(set)).unwrap();
            let good = || Ok::<(), &str>(());
            let _ = subject.call(ampacity::classify::plain, || Err("bad"));
            time.pass(WAIT - Duration::from_millis(1));
            let _ = subject.call(ampacity::classify::plain, good);
            time.pass(Duration::from_millis(1));
            for _ in 0..3 {
                let _ = subject.call(ampacity::classify::plain, good);
            }
            faults(&subject, true)
        };
        assert_eq!(play(|b| b), Vec::<String>::new());
        assert!(play(|b| b.open_for(WAIT / 2))[0].contains("of a wait of"));
        let many = play(|b| b.half_open_permits(3).success_threshold(3));
        assert!(many[0].contains("3 probes at a time"), "{many:?}");
    }
}
