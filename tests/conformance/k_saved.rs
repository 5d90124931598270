//! K. What is saved of a breaker, and restored.

use super::*;
use ampacity::{Cause, Event, RestoreError, Saved};
use std::sync::Mutex;

fn text_of(breaker: &CircuitBreaker) -> String {
    serde_json::to_string(&breaker.save()).expect("plain data")
}

fn restore(text: &str, breaker: &CircuitBreaker) {
    let saved: Saved = serde_json::from_str(text).expect("whole");
    breaker.restore(&saved).expect("as it was saved");
}

/// One more breaker with those settings and that state, whose clock shows `at`.
fn revived(
    text: &str,
    at: Duration,
    change: impl FnOnce(Builder) -> Builder,
) -> (Arc<CircuitBreaker>, ManualClock) {
    let (breaker, clock) = breaker_with(change);
    clock.advance(at);
    restore(text, &breaker);
    (breaker, clock)
}

type Told = Arc<Mutex<Vec<Event>>>;

fn listen(breaker: &CircuitBreaker) -> Told {
    let told = Told::default();
    let note = Arc::clone(&told);
    breaker.add_listener(move |event| note.lock().unwrap().push(event.clone()));
    told
}

fn by_count(builder: Builder) -> Builder {
    builder.failure_threshold(1_000).failure_rate(0.5).count_window(10)
}

fn by_time(builder: Builder) -> Builder {
    builder.failure_threshold(1_000).failure_rate(0.5).time_window(SECOND * 10).minimum_calls(10)
}

#[test]
fn s67_every_state_comes_back_by_one_transition_with_one_event() {
    for &state in State::ALL {
        for &before in State::ALL {
            let (saved, _) = bring_to(state);
            let text = text_of(&saved);
            let (breaker, _) = bring_to(before);
            let told = listen(&breaker);
            let (era, since) = (breaker.era(), breaker.snapshot().failed);
            restore(&text, &breaker);
            assert_eq!(breaker.state(), state, "from {before}");
            assert_eq!(breaker.era(), era + 1);
            let told = told.lock().unwrap();
            let [event] = &told[..] else { panic!("{told:?}") };
            assert_eq!((event.cause, event.era), (Cause::Restore, era + 1));
            assert!(!event.would_open());
            assert_eq!(breaker.snapshot().opens, saved.snapshot().opens);
            assert_eq!(breaker.snapshot().failed, since, "totals are not restored");
        }
    }
}

#[test]
fn s67_what_is_saved_reads_the_same_in_other_formats() {
    for change in [by_count, by_time] {
        let (breaker, _) = breaker_with(change);
        fail(&breaker, 2);
        succeed(&breaker, 3);
        let saved = breaker.save();
        let text = toml::to_string(&saved).unwrap();
        assert_eq!(toml::from_str::<Saved>(&text).unwrap(), saved, "{text}");
        assert_eq!((saved.name(), saved.state()), ("conformance", State::Closed));
    }
}

#[test]
fn s67_a_closed_breaker_goes_on_with_its_streak() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    let (after, _) = revived(&text_of(&breaker), Duration::ZERO, |builder| builder);
    assert_eq!((after.state(), after.snapshot().streak), (State::Closed, 2));
    fail(&after, 1);
    assert_eq!(after.state(), State::Open);
}

#[test]
fn s67_no_streak_comes_back_where_no_policy_asks_for_it() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    let after = CircuitBreaker::builder("conformance").failure_rate(0.5).build().unwrap();
    restore(&text_of(&breaker), &after);
    assert_eq!(after.snapshot().streak, 0);
}

#[test]
fn s67_a_restored_window_trips_on_the_very_next_failure_that_should() {
    for change in [by_count, by_time] {
        let (breaker, clock) = breaker_with(change);
        clock.advance(SECOND * 100);
        succeed(&breaker, 5);
        fail(&breaker, 4);
        let text = text_of(&breaker);
        for at in [Duration::ZERO, SECOND * 3_600] {
            let (after, _) = revived(&text, at, change);
            assert_eq!(after.snapshot().window, breaker.snapshot().window);
            fail(&after, 1);
            assert_eq!(after.state(), State::Open);
            // And not on one before.
            let (after, _) = revived(&text, at, change);
            succeed(&after, 1);
            assert_eq!(after.state(), State::Closed);
        }
    }
}

#[test]
fn s67_a_restored_window_that_lacks_one_call_trips_on_any() {
    for change in [by_count, by_time] {
        let (breaker, _) = breaker_with(change);
        fail(&breaker, 5);
        succeed(&breaker, 4);
        let (after, _) = revived(&text_of(&breaker), SECOND, change);
        assert_eq!(after.state(), State::Closed);
        succeed(&after, 1);
        assert_eq!(after.state(), State::Open);
    }
}

#[test]
fn s67_a_restored_window_over_its_threshold_opens_with_a_failure_and_not_by_itself() {
    for change in [by_count, by_time] {
        let (breaker, _) = breaker_with(|builder| change(builder).failure_rate(1.0));
        succeed(&breaker, 1);
        fail(&breaker, 9);
        let (after, _) = revived(&text_of(&breaker), SECOND, change);
        assert_eq!(after.state(), State::Closed);
        fail(&after, 1);
        assert_eq!(after.state(), State::Open);
    }
}

#[test]
fn s67_a_restored_result_keeps_its_age() {
    let (breaker, clock) = breaker_with(by_time);
    clock.advance(SECOND * 50);
    fail(&breaker, 4);
    clock.advance(SECOND * 6);
    succeed(&breaker, 1);
    let (after, clock) = revived(&text_of(&breaker), SECOND * 7, by_time);
    let calls = || after.snapshot().window.calls;
    assert_eq!(calls(), 5);
    clock.advance(SECOND * 3);
    assert_eq!(calls(), 5);
    clock.advance(SECOND);
    assert_eq!(calls(), 1);
    clock.advance(SECOND * 6);
    assert_eq!(calls(), 0);
}

#[test]
fn s67_a_window_takes_over_the_newest_that_fit_and_nothing_between_calls_and_time() {
    let (breaker, clock) = breaker_with(by_count);
    fail(&breaker, 3);
    succeed(&breaker, 3);
    let text = text_of(&breaker);
    let shorter = |builder: Builder| by_count(builder).count_window(4).minimum_calls(1);
    let longer = |builder: Builder| by_count(builder).count_window(64);
    let calls = |after: &CircuitBreaker| {
        let window = after.snapshot().window;
        (window.calls, window.failed)
    };
    assert_eq!(calls(&revived(&text, SECOND, shorter).0), (4, 1));
    assert_eq!(calls(&revived(&text, SECOND, longer).0), (6, 3));
    assert_eq!(calls(&revived(&text, SECOND, by_time).0), (0, 0));
    assert_eq!(calls(&revived(&text, SECOND, |builder| builder).0), (0, 0));

    let (breaker, clock) = (breaker_with(by_time).0, clock);
    clock.advance(SECOND);
    fail(&breaker, 3);
    let text = text_of(&breaker);
    assert_eq!(calls(&revived(&text, SECOND, by_count).0), (0, 0));
    let coarser = |builder: Builder| by_time(builder).time_window(SECOND * 60).time_slices(2);
    assert_eq!(calls(&revived(&text, SECOND, coarser).0), (3, 3));
}

#[test]
fn s67_an_open_breaker_waits_for_what_was_left_whatever_either_clock_shows() {
    let year = SECOND * 31_557_600;
    let (breaker, clock) = breaker();
    clock.advance(year);
    fail(&breaker, 3);
    clock.advance(MS * 600);
    let text = text_of(&breaker);
    for at in [Duration::ZERO, Duration::from_nanos(1_499_999), year * 10] {
        let (after, clock) = revived(&text, at, |builder| builder);
        let left = refusal(&after).retry_after().unwrap();
        assert!((MS * 400..MS * 401).contains(&left), "{left:?}");
        clock.advance(left - Duration::from_nanos(1));
        assert_eq!(after.state(), State::Open);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(after.state(), State::HalfOpen);
    }
}

#[test]
fn s67_an_open_breaker_whose_wait_was_over_is_due_and_one_that_never_ends_does_not() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    let (after, _) = revived(&text_of(&breaker), MS / 2, |builder| builder);
    assert_eq!(after.state(), State::HalfOpen);
    succeed(&after, 3);
    assert_eq!(after.state(), State::Closed);

    let never = |builder: Builder| builder.open_for(Duration::MAX);
    let (breaker, _) = breaker_with(never);
    fail(&breaker, 3);
    let (after, clock) = revived(&text_of(&breaker), SECOND, |builder| builder);
    clock.advance(SECOND * 31_557_600);
    assert_eq!(refusal(&after).retry_after(), Some(Duration::MAX));
}

#[test]
fn s67_a_half_open_breaker_comes_back_due_with_all_its_probes_and_no_passes() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 1);
    let out = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    let (after, _) = revived(&text_of(&breaker), Duration::ZERO, |builder| builder);
    out.into_iter().for_each(Permit::success);
    assert_eq!((after.state(), after.snapshot().in_flight), (State::HalfOpen, 0));
    let probes: Vec<_> = (0..3).map(|_| after.try_acquire().unwrap()).collect();
    assert!(after.try_acquire().is_err());
    probes.into_iter().for_each(Permit::success);
    assert_eq!(after.state(), State::Closed);
}

#[test]
fn s67_the_next_wait_goes_on_with_the_back_off() {
    let doubled = |builder: Builder| builder.backoff(2.0, SECOND * 100);
    let (breaker, clock) = breaker_with(doubled);
    make_due(&breaker, &clock);
    fail(&breaker, 1); // opens for the second time, for 2 s
    let open = text_of(&breaker);
    clock.advance(SECOND * 2);
    let out = breaker.try_acquire().unwrap();
    let half_open = text_of(&breaker);
    out.ignore();
    for text in [open, half_open] {
        let (after, clock) = revived(&text, SECOND * 9, doubled);
        assert_eq!(after.snapshot().opens, 2);
        clock.advance(SECOND * 2);
        fail(&after, 1);
        assert_eq!(refusal(&after).retry_after(), Some(SECOND * 4));
        assert_eq!(after.snapshot().opens, 3);
    }
}

#[test]
fn s67_what_only_watches_keeps_its_window() {
    let (breaker, _) = breaker_with(by_count);
    breaker.metrics_only();
    succeed(&breaker, 5);
    fail(&breaker, 4);
    let (after, _) = revived(&text_of(&breaker), SECOND, by_count);
    assert_eq!((after.state(), after.snapshot().window.calls), (State::MetricsOnly, 9));
    let told = listen(&after);
    fail(&after, 1);
    assert!(told.lock().unwrap()[0].would_open());
    assert_eq!(after.state(), State::MetricsOnly);
}

#[test]
fn s67_what_was_in_flight_is_stale_after_a_restore() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    let saved = breaker.save();
    let out = breaker.try_acquire().unwrap();
    breaker.restore(&saved).unwrap();
    out.failure();
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::Closed, 1));
    assert_eq!(breaker.snapshot().streak, 2);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

/// A breaker that must stay as it is, and what was told of it.
fn untouched() -> (Arc<CircuitBreaker>, Told) {
    let (breaker, _) = breaker();
    fail(&breaker, 1);
    let told = listen(&breaker);
    (breaker, told)
}

#[test]
fn s67_what_is_torn_is_refused_at_every_length() {
    let (saved, _) = breaker_with(by_count);
    fail(&saved, 2);
    let text = text_of(&saved);
    let (breaker, told) = untouched();
    for end in 0..text.len() {
        if let Ok(torn) = serde_json::from_str::<Saved>(&text[..end]) {
            breaker.restore(&torn).expect_err(&text[..end]);
        }
    }
    assert_eq!((breaker.era(), breaker.snapshot().streak), (0, 1));
    assert!(told.lock().unwrap().is_empty());
}

/// By each byte that could stand there instead.
#[test]
fn s67_of_what_is_edited_anything_is_refused_that_would_change_something() {
    let texts = [by_count, by_time].map(|change| {
        let (saved, _) = breaker_with(change);
        fail(&saved, 2);
        succeed(&saved, 1);
        text_of(&saved)
    });
    let open = text_of(&bring_to(State::Open).0);
    for text in texts.iter().chain([&open]) {
        let (breaker, told) = untouched();
        let mut edited = text.clone().into_bytes();
        let same: Saved = serde_json::from_str(text).unwrap();
        for at in 0..edited.len() {
            let right = edited[at];
            for wrong in (0x20..0x7f).filter(|wrong| *wrong != right) {
                edited[at] = wrong;
                let Ok(saved) = serde_json::from_slice::<Saved>(&edited) else { continue };
                if saved != same {
                    let edited = String::from_utf8_lossy(&edited);
                    breaker.restore(&saved).expect_err(&edited);
                }
            }
            edited[at] = right;
        }
        assert_eq!((breaker.era(), breaker.snapshot().streak), (0, 1));
        assert!(told.lock().unwrap().is_empty());
    }
}

#[test]
fn s67_a_later_version_is_refused_by_its_number_whatever_else_it_says() {
    let (breaker, told) = untouched();
    for text in [
        r#"{"version": 2}"#,
        r#"{"version": 2, "state": {"phase": "ajar"}, "streak": "many", "window": [1]}"#,
        r#"{"name": 7, "new": null, "checksum": 7, "version": 2}"#,
    ] {
        let saved: Saved = serde_json::from_str(text).unwrap();
        let refused = breaker.restore(&saved).unwrap_err();
        assert!(matches!(refused, RestoreError::Version { found: 2, known: 1, .. }));
        assert_eq!(refused.to_string(), "saved in version 2, and this crate reads version 1");
    }
    let unfit = serde_json::from_str::<Saved>(r#"{"version": 1, "name": "db"}"#).unwrap_err();
    assert!(unfit.to_string().starts_with("state of a saved breaker is missing"), "{unfit}");
    let none = serde_json::from_str::<Saved>("{}").unwrap_err();
    assert!(none.to_string().starts_with("missing field `version`"), "{none}");
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn s67_another_breakers_is_refused_by_its_name() {
    let (breaker, told) = untouched();
    let foreign = CircuitBreaker::builder("other").build().unwrap();
    foreign.force_open();
    let refused = breaker.restore(&foreign.save()).unwrap_err();
    assert!(matches!(&refused, RestoreError::Name { found, .. } if found == "other"));
    assert_eq!((breaker.era(), breaker.state()), (0, State::Closed));
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn s67_a_restore_beside_calls_leaves_a_whole_breaker() {
    let (saved, _) = breaker_with(by_time);
    succeed(&saved, 5);
    fail(&saved, 4);
    let saved = saved.save();
    for (change, held) in [(by_count as fn(Builder) -> Builder, 0), (by_time, 9)] {
        let (breaker, _) = breaker_with(change);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..5_000 {
                        match breaker.try_acquire() {
                            Ok(permit) if n % 16 == 0 => permit.failure(),
                            Ok(permit) => permit.success(),
                            Err(_) => breaker.close(),
                        }
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..200 {
                    breaker.restore(&saved).unwrap();
                    breaker.restore(&breaker.save()).unwrap();
                }
            });
        });
        let snapshot = breaker.snapshot();
        assert!(snapshot.in_flight == 0 && snapshot.era >= 400);
        // At rest it is exact again.
        breaker.restore(&saved).unwrap();
        assert_eq!(breaker.snapshot().window.calls, held);
        succeed(&breaker, 10);
        assert_eq!(breaker.state(), State::Closed);
    }
}
