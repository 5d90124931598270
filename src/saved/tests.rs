use super::*;
use crate::{CircuitBreaker, ManualClock};
use core::time::Duration;
use proptest::prelude::*;

fn entry() -> impl Strategy<Value = Entry> {
    (any::<bool>(), any::<bool>()).prop_map(|(failed, slow)| Entry { failed, slow })
}

fn closed(window: Option<SavedWindow>) -> Saved {
    let parts = Parts {
        name: "db",
        state: State::Closed,
        era: 7,
        streak: 2,
        opens: 0,
        wait: None,
        window: None,
    };
    signed(Saved { window, ..Saved::new(parts) })
}

/// With the checksum that belongs to it, as somebody would who means to be believed.
fn signed(mut saved: Saved) -> Saved {
    saved.checksum = saved.summed();
    saved
}

fn count(calls: u64, results: &str) -> Saved {
    closed(Some(SavedWindow::Count { calls, results: results.to_owned() }))
}

fn time(slice_ns: u64, slices: u64, sums: Vec<(u64, u64, u64, u64)>) -> Saved {
    closed(Some(SavedWindow::Time { slice_ns, slices, sums }))
}

proptest! {
    #[test]
    fn results_written_as_runs_read_back_as_the_same(
        results in proptest::collection::vec(entry(), 0..300),
    ) {
        let text = runs(&results);
        prop_assert_eq!(results_of(&text, 300).unwrap(), results, "{}", text);
    }

    #[test]
    fn any_text_for_results_is_read_or_refused(text in "[0-9ofsb x\u{e9}]{0,40}") {
        if let Ok(results) = results_of(&text, 1_000) {
            prop_assert!(results.len() <= 1_000);
        }
    }

    #[test]
    fn what_can_be_saved_passes_and_any_other_field_changes_the_checksum(
        state in proptest::sample::select(State::ALL),
        numbers: [u64; 4],
        wait: Option<u64>,
        other: u64,
    ) {
        let [era, streak, opens, _] = numbers;
        let base = Saved { state, era, streak, opens, wait_ns: wait, ..closed(None) };
        let sum = base.summed();
        let changed = [
            Saved { era: other, ..base.clone() },
            Saved { streak: other, ..base.clone() },
            Saved { opens: other, ..base.clone() },
            Saved { wait_ns: Some(other), ..base.clone() },
            Saved { name: "dc".to_owned(), ..base.clone() },
            Saved { version: other, ..base.clone() },
            Saved { window: Some(SavedWindow::Count { calls: 0, results: String::new() }),
                ..base.clone() },
        ];
        for changed in changed {
            prop_assert!(changed == base || changed.summed() != sum, "{:?}", changed);
        }
    }
}

#[test]
fn each_value_that_cannot_be_is_refused_by_its_field_and_with_its_figures() {
    let refused = |saved: Saved| saved.check("db").unwrap_err().to_string();
    let beyond = 1 << 32;
    let saved = || closed(None);
    assert_eq!(
        refused(signed(Saved { streak: beyond, ..saved() })),
        "streak is 4294967296, can be at most 4294967295"
    );
    assert_eq!(
        refused(signed(Saved { opens: beyond, ..saved() })),
        "opens is 4294967296, can be at most 4095"
    );
    let wait_ns = Some(LONGEST_WAIT + 1);
    assert!(refused(signed(Saved { wait_ns, ..saved() })).starts_with("wait_ns is 1099511627775"));
    assert_eq!(refused(count(65_537, "")), "window.calls is 65537, can be at most 65536");
    assert_eq!(refused(count(5, "4o2f")), "window.results is 6, can be at most 5");
    let many = "99999999999999999999o";
    assert!(refused(count(5, many)).starts_with("window.results is 18446744073709551615"));
    assert_eq!(refused(count(5, "2o1")), "window.results cannot be read from byte 3 on");
    assert_eq!(refused(count(5, "2oo")), "window.results cannot be read from byte 2 on");
    assert_eq!(refused(count(5, "2x")), "window.results cannot be read from byte 1 on");
    assert!(refused(time(u64::MAX, 1, vec![])).starts_with("window.slice_ns is"));
    assert_eq!(refused(time(1, 361, vec![])), "window.slices is 361, can be at most 360");
    assert_eq!(refused(time(1, 1, vec![(0, 1, 0, 0); 2])), "window.sums is 2, can be at most 1");
    let of = |sums| refused(time(1, 4, vec![sums]));
    assert!(of((u64::MAX, 1, 0, 0)).starts_with("window.sums.age is"));
    assert!(of((0, u64::MAX, 0, 0)).starts_with("window.sums.calls is"));
    assert_eq!(of((0, 3, 4, 0)), "window.sums.failed is 4, can be at most 3");
    assert_eq!(of((0, 3, 0, 4)), "window.sums.slow is 4, can be at most 3");
}

#[test]
fn what_is_unsigned_of_another_version_or_of_another_breaker_is_refused() {
    let torn = Saved { streak: 3, ..closed(None) };
    assert!(matches!(torn.check("db"), Err(RestoreError::Checksum { .. })));
    let later = signed(Saved { version: 2, ..closed(None) });
    assert_eq!(later.check("db").unwrap_err(), RestoreError::Version { found: 2, known: 1 });
    let foreign = closed(None).check("api").unwrap_err();
    assert_eq!(foreign.to_string(), r#"saved from the breaker "db", and this one is "api""#);
    assert!(closed(None).check("db").is_ok());
}

/// Slices that become one, of a coarser window, hold more together than can be saved of it.
#[test]
fn what_is_saved_of_the_fullest_window_can_be_restored() {
    let full = (0, MOST_CALLS, 1, 1);
    let two = signed(time(1, 2, vec![full, full]));
    let breaker = CircuitBreaker::builder("db").failure_rate(0.5).build().unwrap();
    breaker.restore(&two).unwrap();
    let again = breaker.save();
    breaker.restore(&again).unwrap();
    assert_eq!(breaker.save().window, again.window);
}

fn any_window() -> impl Strategy<Value = Option<SavedWindow>> {
    let number = || prop_oneof![0..400u64, any::<u64>()];
    let count = (number(), "([0-9]{1,2}[ofsb]){0,6}")
        .prop_map(|(calls, results)| SavedWindow::Count { calls, results });
    let sensible = (0..LONGEST_WINDOW, 0..=MOST_CALLS)
        .prop_map(|(age, calls)| (age % (1 << 34), calls, calls / 3, calls / 2));
    let sums = prop_oneof![sensible, (number(), number(), number(), number())];
    let time = (number(), number(), proptest::collection::vec(sums, 0..5))
        .prop_map(|(slice_ns, slices, sums)| SavedWindow::Time { slice_ns, slices, sums });
    proptest::option::of(prop_oneof![count, time])
}

proptest! {
    /// Signed as it should be, whatever it says.
    #[test]
    fn whatever_is_restored_or_refused_leaves_a_breaker_that_works(
        state in proptest::sample::select(State::ALL),
        era: u64,
        streak in prop_oneof![0..9u64, any::<u64>()],
        opens in prop_oneof![0..9u64, any::<u64>()],
        wait_ns in proptest::option::of(prop_oneof![0..1u64 << 61, any::<u64>()]),
        window in any_window(),
        by_count: bool,
        at in prop_oneof![Just(0), any::<u64>()],
    ) {
        let saved = signed(Saved { state, era, streak, opens, wait_ns, window, ..closed(None) });
        let clock = ManualClock::new();
        let builder = CircuitBreaker::builder("db").failure_rate(0.5).clock(clock.clone());
        let builder = if by_count { builder.count_window(9) } else { builder };
        let breaker = builder.build().unwrap();
        clock.advance(Duration::from_nanos(at));
        match breaker.restore(&saved) {
            Ok(()) => {
                prop_assert_eq!(breaker.era(), 1);
                // What is saved of it can be restored again.
                let again = breaker.save();
                breaker.restore(&again).unwrap();
                prop_assert_eq!(breaker.save().state(), again.state());
            }
            Err(_) => prop_assert_eq!((breaker.era(), breaker.state()), (0, State::Closed)),
        }
        for n in 0..40 {
            if let Ok(permit) = breaker.try_acquire() {
                if n % 2 == 0 { permit.failure() } else { permit.success() }
            }
            clock.advance(Duration::from_secs(1));
            prop_assert!(breaker.snapshot().window.failed <= breaker.snapshot().window.calls);
        }
    }
}
