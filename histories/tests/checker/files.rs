//! Histories written, read, made small and told.

use crate::{Story, admitted, order, probe, refused, rules, settled};
use ampacity::{Reason, State};
use histories::check::{Bound, Verdict, check};
use histories::history::{Call, Garbage, History, Rest};
use histories::minimise::minimise;
use histories::model::Model;
use histories::program::{Program, Size};
use histories::report::account;
use histories::run::run;
use histories::spec::consecutive::{End, Order, Rules};
use histories::spec::windows;
use proptest::prelude::*;

/// A long history with one fault: the era goes back.
fn faulty() -> History {
    let begun = Story::of(rules()).then([order(Order::Reset), admitted(1), admitted(1)]);
    let busy = begun.beside([settled(1, End::Success), Call::WouldAdmit(true), admitted(1)]);
    let seen = busy.beside([order(Order::Trip), Call::Era(2), Call::Era(1)]);
    let back = seen.then([refused(Reason::Open, 100), Call::Era(1), Call::Era(2)]);
    back.then([Call::Clock(100), probe(3), order(Order::Close)]).told()
}

#[test]
fn a_history_is_read_as_it_was_written() {
    for seed in 0..40 {
        let history = run(&Program::of(seed, Size::SMALL)).unwrap();
        let text = history.to_text().unwrap();
        assert_eq!(History::from_text(&text).unwrap(), history);
    }
}

#[test]
fn what_is_left_of_a_fault_still_fails_and_has_nothing_to_spare() {
    let least = minimise(&faulty(), Bound::default());
    let verdict = check(&least, Bound::default());
    assert!(matches!(verdict, Verdict::NotLinearizable(_)), "{verdict:?}");
    let calls: Vec<Call> = least.operations.iter().map(|operation| operation.call).collect();
    assert_eq!(calls, [Call::Era(1)], "what leads to era 2 is in the start");
    assert_eq!(least.start.era(), 2);
}

/// A spell that its limit closes is closed by the one whom that admits.
#[test]
fn what_begins_an_era_is_not_left_out_and_then_missed() {
    let limited = Rules { limit: Some((40, State::Closed)), ..rules() };
    let spell = Story::of(limited).then([order(Order::Trip), Call::Clock(100), probe(2)]);
    let over = spell.then([Call::Clock(140), admitted(3)]);
    let late = over.beside([Call::Era(2), settled(3, End::Success)]).told();
    let least = minimise(&late, Bound::default());
    let mut without = least.clone();
    without.operations.retain(|operation| operation.call != Call::Era(2));
    let verdict = check(&without, Bound::default());
    assert!(verdict.is_linearizable(), "another fault: {}", account(&without, &verdict));
}

#[test]
fn a_history_that_is_linearizable_is_not_made_smaller() {
    let good = Story::of(rules()).then([admitted(0), settled(0, End::Success)]).told();
    assert_eq!(minimise(&good, Bound::default()), good);
}

#[test]
fn the_account_names_the_operation_that_none_explains() {
    let least = minimise(&faulty(), Bound::default());
    let account = account(&least, &check(&least, Bound::default()));
    assert!(account.contains("NOT LINEARIZABLE"), "{account}");
    assert!(account.contains("era -> 1; the model says era 2"), "{account}");
}

#[test]
fn the_account_of_a_failing_storm_round_names_every_thread() {
    let account = account(&faulty(), &check(&faulty(), Bound::default()));
    for thread in 0..=3 {
        assert!(account.contains(&format!("thread {thread}\n")), "{account}");
    }
}

#[test]
fn a_file_that_is_no_history_says_why() {
    let text = faulty().to_text().unwrap();
    assert!(matches!(History::from_text(""), Err(Garbage::Empty)));
    assert!(matches!(History::from_text("{}"), Err(Garbage::Line(1, _))));
    let other = text.replace("ampacity history 1", "ampacity history 9");
    assert!(matches!(History::from_text(&other), Err(Garbage::Format(_))));
    let cut = &text[..text.len() - 5];
    let last = text.lines().count();
    assert!(matches!(History::from_text(cut), Err(Garbage::Line(line, _)) if line == last));
    let state = text.replace("ms", "µs").replace("\"disable", "\"enable");
    assert!(History::from_text(&state).is_ok(), "{state}");
}

#[test]
fn a_number_that_the_model_cannot_count_with_is_out_of_bounds() {
    let text = faulty().to_text().unwrap();
    for (good, bad) in [
        ("\"failure_threshold\":2", "\"failure_threshold\":0"),
        ("\"open_for\":100", "\"open_for\":18446744073709551615"),
        ("\"permits\":2", "\"permits\":0"),
        ("\"Successes\":2", "\"Successes\":3"),
        ("\"lease\":300", "\"lease\":18446744073709551615"),
        ("\"clock\":100", "\"clock\":18446744073709551615"),
        ("\"admitted\":0", "\"admitted\":1"),
    ] {
        assert!(text.contains(good), "{good} in {text}");
        let read = History::from_text(&text.replacen(good, bad, 1));
        assert!(matches!(read, Err(Garbage::TooLarge { .. })), "{bad}: {read:?}");
    }
}

/// Text in which single bytes, digits and lines of a real file have been changed.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let window = windows::Rules {
        shape: windows::Shape::Last(3),
        failed: Some(50),
        slow: None,
        minimum: 1,
        streak: None,
    };
    let of_window = Story::from(Model::by_window(window, 0)).then([admitted(0)]);
    let of_window = of_window.then([settled(0, End::Failure)]).told();
    let rest = Rest { state: ampacity::State::Open, era: 1, streak: 0, opens: 1, stale: 0 };
    let tripped = Story::of(rules()).then([order(Order::Trip), Call::Rest(rest)]).told();
    let texts = [faulty(), of_window, tripped].map(|history| history.to_text().unwrap());
    let change = (any::<prop::sample::Index>(), prop::sample::select(b"0129-e\"{}[],:\n".to_vec()));
    (prop::sample::select(texts.to_vec()), prop::collection::vec(change, 0..4)).prop_map(
        |(text, changes)| {
            let mut bytes = text.into_bytes();
            for (at, to) in changes {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            String::from_utf8_lossy(&bytes).into_owned()
        },
    )
}

/// Beside each other, of a window that holds as many: more ways than anybody can go.
#[test]
fn a_file_of_many_results_at_once_is_decided_or_given_up() {
    let half = |len: usize| windows::Rules {
        shape: windows::Shape::Last(len),
        failed: Some(50),
        slow: None,
        minimum: len as u64,
        streak: None,
    };
    for (len, results) in [(16, 200), (600, 600)] {
        let begun = Story::from(Model::by_window(half(len), 0)).then([admitted(0)]);
        let ends = (0..results).map(|nth| if nth % 3 == 0 { End::Failure } else { End::Success });
        let history = begun.beside(ends.map(|end| settled(0, end))).then([Call::Era(7)]).told();
        let verdict = check(&history, Bound(2_000));
        assert!(matches!(verdict, Verdict::GaveUp { .. }), "{len}");
        let mut good = history;
        good.operations.pop();
        assert!(check(&good, Bound(1_000_000)).is_linearizable(), "{len}");
    }
}

/// Reading, checking, making small and telling: none of them panics or hangs.
fn survives(text: &str) {
    let bound = Bound(2_000);
    if let Ok(history) = History::from_text(text) {
        let verdict = check(&history, bound);
        account(&history, &verdict);
        let least = minimise(&history, bound);
        account(&least, &check(&least, bound));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_file_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_file_that_is_nearly_a_history_makes_the_checker_panic(text in nearly_a_file()) {
        survives(&text);
    }
}
