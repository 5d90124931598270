//! Real threads, a few thousand times; and a small storm.

use histories::check::Bound;
use histories::program::{Program, Size};
use histories::report::account;
use histories::small::{Why, check_many};
use histories::storm::{Plan, storm};

#[test]
fn random_programs_of_threads_have_linearizable_histories() {
    match check_many(1 << 32, 1_500, Bound::default()) {
        Ok(tally) => {
            assert_eq!(tally.histories, 1_500);
            assert!(tally.overlapping > 0, "no two threads ever met");
        }
        Err(broken) => match &broken.why {
            Why::History(history) => {
                panic!("seed {}\n{}", broken.seed, account(&history.0, &history.1))
            }
            why => panic!("seed {}: {why:?}", broken.seed),
        },
    }
}

#[test]
fn a_storm_is_linearizable_round_by_round() {
    let tally = storm(Plan { threads: 16, operations: 5_000, seed: 3 }, Bound::default());
    let tally = tally.expect("linearizable");
    assert!(tally.operations >= 5_000);
    assert!(tally.beside > 0, "no two threads ever met");
    assert!(tally.eras > 0 && tally.stale > 0);
}

#[test]
fn a_seed_is_one_program() {
    for seed in 0..200 {
        let program = Program::of(seed, Size::SMALL);
        assert_eq!(program, Program::of(seed, Size::SMALL));
        assert!((2..=4).contains(&program.threads.len()));
        // 7 of the one who ends an era of a window.
        assert!(program.threads.iter().all(|acts| (1..=7).contains(&acts.len())));
    }
}
