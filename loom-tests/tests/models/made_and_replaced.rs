//! The edges `made -> used` and `replaced -> read`: who finds a pointer finds what
//! it points to whole. loom does not watch plain memory behind a pointer, so the
//! models put a relaxed note there, which reads 0 until its maker's write is seen.

use ampacity::State;
use loom_tests::{Reached, closed, race};

/// Settings are found whole, and one of the two.
#[test]
fn a_failure_is_judged_by_the_old_settings_or_by_the_new() {
    static OLD: Reached = Reached::new();
    static NEW: Reached = Reached::new();
    race(
        || closed(2).with_permits(1),
        |s| {
            let changed = s.breaker.reconfigure(|now| now.failure_threshold(1));
            assert!(changed.is_ok());
        },
        |s| s.take().failure(),
        |s, (), ()| {
            let now = s.at_rest();
            OLD.hit_if(now.state == State::Closed && now.streak == 1);
            NEW.hit_if(now.state == State::Open);
            assert_eq!(now.era, u64::from(now.state == State::Open));
        },
    )
    .met([&OLD, &NEW]);
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod behind_a_pointer {
    use ampacity::model::{Once, Replaceable};
    use loom_tests::{Note, Reached, race};

    /// Release and Acquire of `made -> used`.
    #[test]
    fn whoever_finds_it_made_finds_it_whole() {
        static FOUND: Reached = Reached::new();
        race(
            Once::new,
            |once| {
                once.get_or_make(|| Note::written(7));
            },
            |once| {
                if let Some(note) = once.get() {
                    FOUND.hit();
                    assert_eq!(note.read(), 7, "found before it was written");
                }
            },
            |_, (), ()| (),
        )
        .met([&FOUND]);
    }

    /// Acquire of the swap that fails.
    #[test]
    fn whoever_loses_the_race_to_make_it_finds_the_winners_whole() {
        static LOST: Reached = Reached::new();
        race(
            Once::new,
            |once| once.get_or_make(|| Note::written(7)).read(),
            |once| once.get_or_make(|| Note::written(8)).read(),
            |_, left, right| {
                LOST.hit_if(right == 7);
                assert_eq!(left, right, "found before it was written");
            },
        )
        .met([&LOST]);
    }

    /// Release and Acquire of `replaced -> read`.
    #[test]
    fn whoever_finds_it_replaced_finds_the_new_value_whole() {
        static NEW: Reached = Reached::new();
        race(
            || Replaceable::new(Note::written(1)),
            |cell| cell.replace(|| Note::written(7)),
            |cell| {
                let seen = cell.get().read();
                NEW.hit_if(seen == 7);
                assert!(seen == 1 || seen == 7, "found before it was written");
            },
            |_, (), ()| (),
        )
        .met([&NEW]);
    }
}
