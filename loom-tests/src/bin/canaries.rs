//! Plants each bug of `src/planted.rs` in turn and fails if a model misses it.
//!
//! Builds the models once for each tool, runs the tests of the table below
//! without a bug (they must pass), then each with its bug (it must fail, by an
//! assertion of its own).

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const LOOM: &str = "loom";
const SHUTTLE: &str = "shuttle";

/// Invariant, bug, test. Each is run under both tools, but for `SHUTTLE_ONLY`
/// and `LOOM_ONLY`.
const CANARIES: &[(u32, &str, &str)] = &[
    (1, "BlindHalfOpen", "probes::one_caller_alone_turns_a_due_breaker_half_open"),
    (2, "PermitBound", "probes::a_spell_never_has_more_probes_out_than_permits"),
    (3, "PassGivesBack", "probes::a_probe_that_passed_does_not_make_room_for_another"),
    (4, "BlindTrip", "trip::one_failure_alone_trips"),
    (5, "BlindClose", "verdict::one_success_alone_closes"),
    (6, "StaleVerdict", "verdict::a_success_and_a_failure_at_once_have_one_successor"),
    (7, "EraCheck", "stale::a_report_from_an_earlier_era_changes_nothing"),
    (8, "EraStep", "eras::two_transitions_take_two_eras"),
    (9, "FullEraCheck", "stale::a_permit_held_for_a_whole_lap_of_the_era_is_stale"),
    (10, "EraReuse", "eras::a_word_that_has_been_left_does_not_come_back"),
    (11, "GiveBack", "give_back::a_dropped_probe_gives_its_place_back"),
    (12, "GiveBackOnUnwind", "give_back::a_probe_dropped_by_an_unwind_gives_its_place_back"),
    (13, "SettleOnce", "give_back::a_settled_permit_has_one_effect"),
    (14, "GiveBackBound", "give_back::more_than_was_taken_cannot_be_given_back"),
    (15, "Saturation", "lease::the_count_of_lapsed_spells_stops_at_the_end_of_its_lane"),
    (16, "SkipHalfOpen", "verdict::calls_take_only_the_declared_edges"),
    (17, "Deadline", "deadline::whoever_knows_of_the_trip_is_turned_away_before_the_deadline"),
    (18, "DeadlineLate", "deadline::whoever_sees_open_sees_its_deadline"),
    (19, "BackwardClock", "deadline::a_clock_that_steps_back_neither_reopens_early_nor_wedges"),
    (20, "BlindManual", "by_hand::an_order_and_a_closing_probe_are_two_steps_or_one"),
    (20, "BlindReopen", "by_hand::a_reopening_probe_does_not_overrule_an_order"),
    (21, "ResetKeepsEra", "stale::a_reset_makes_every_permit_stale"),
    (21, "RestoreKeepsEra", "restore::a_restore_and_a_failure_are_two_steps_in_either_order"),
    (22, "StripeOwned", "slots::threads_that_share_a_stripe_lose_no_call"),
    (22, "PlanRaced", "slots::leased::calls_that_share_a_plan_are_each_planned_once"),
    (23, "FreeShards", "slots::leased::a_snapshot_while_a_shard_changes_hands_misses_nothing"),
    (24, "AdmittedFirst", "counting::what_its_owner_settled_is_seen_admitted"),
    (24, "TotalsFirst", "counting::whoever_sees_a_reset_sees_what_was_counted_before_it"),
    (27, "SlotKept", "slots::leased::a_thread_that_gave_its_slot_back_counts_elsewhere"),
    (27, "SlotTwice", "slots::leased::threads_that_come_and_go_never_share_a_slot"),
    (28, "LoserLeaks", "slots::leased::what_is_made_twice_is_freed_twice"),
    (30, "BlindStreak", "trip::failures_at_the_threshold_trip"),
    (31, "StaleStreak", "trip::a_failure_is_judged_by_the_streak_that_its_swap_replaces"),
    (33, "NoRetry", "retry::a_swap_that_fails_without_a_reason_is_tried_again"),
    (34, "EffectsOfLosers", "effects::a_trip_is_told_once_however_many_swaps_it_took"),
    (
        34,
        "LeaveUnasked",
        "events::at_the_desk::two_transitions_at_once_are_told_once_each_and_in_order",
    ),
    (
        34,
        "TellAtOnce",
        "events::at_the_desk::two_transitions_at_once_are_told_once_each_and_in_order",
    ),
    (
        34,
        "LateIsTold",
        "events::at_the_desk::an_era_whose_winner_is_too_late_is_dropped_once_and_not_told",
    ),
    (34, "AskedTooEarly", "events::a_first_listener_is_told_of_every_transition_after_it_came"),
    (34, "ListFirst", "events::a_newcomer_is_told_by_whoever_began_to_deliver_before_it_came"),
    (35, "PanicEscapes", "events::a_listener_that_calls_back_and_panics_leaves_the_breaker_usable"),
    (37, "Lease", "lease::a_spell_whose_probes_were_abandoned_is_followed_by_a_fresh_one"),
    (29, "TagUnread", "windows::rotation::a_newer_slice_has_its_own_results_whoever_comes_late"),
    (
        29,
        "CleanTwice",
        "windows::rotation::a_slice_that_two_begin_at_once_has_the_results_of_both_and_no_others",
    ),
    (29, "CleanLate", "windows::rotation::two_slices_later_a_late_cleaner_does_no_harm"),
    (29, "TagReadOnce", "windows::rotation::a_reader_sees_one_slice_or_the_next_and_no_mix"),
    (
        29,
        "CleanLate",
        "windows::sweeping::a_sweep_takes_nothing_from_an_owner_who_begins_at_the_same_time",
    ),
    (
        7,
        "EraUncovered",
        "windows::of_time::an_era_has_its_own_results_only_where_each_thread_has_a_place",
    ),
    (
        7,
        "EraUncovered",
        "windows::of_time::an_era_has_its_own_results_only_where_threads_share_a_place",
    ),
    (7, "TicketOfOldEra", "windows::of_calls::an_era_has_its_own_results_only"),
    (29, "CellUnread", "windows::of_calls::a_ticket_is_a_result_or_pending"),
    (29, "WriteOver", "windows::of_calls::a_result_that_is_late_by_a_window_replaces_no_newer_one"),
    (
        30,
        "EvaluateUnasked",
        "evaluation::hand_over::two_failures_at_once_that_reach_a_rate_of_calls_trip",
    ),
    (
        30,
        "EvaluateUnasked",
        "evaluation::hand_over::two_failures_at_once_that_reach_a_rate_of_time_trip",
    ),
    (
        30,
        "HintPending",
        "evaluation::hand_over::two_failures_at_once_that_reach_a_rate_of_calls_trip",
    ),
    (
        30,
        "HintKept",
        "evaluation::hints::a_hint_that_was_overtaken_spares_nobody_a_look_at_the_time",
    ),
    (
        30,
        "ArmedUnseen",
        "evaluation::armed::a_failure_that_arms_beside_a_success_that_completes_is_followed_by_a_trip",
    ),
    (
        31,
        "BelowOvertaken",
        "evaluation::armed::of_two_failures_at_once_that_arm_the_earlier_look_does_not_disarm",
    ),
    (34, "SayTwice", "evaluation::two_failures_at_once_that_would_open_are_one_crossing"),
    (34, "OpensAdded", "evaluation::openings::two_orders_to_open_are_one_opening"),
    (
        34,
        "OpensOvertaken",
        "evaluation::openings::a_spell_knows_how_often_the_breaker_opened_whoever_tried_to_meanwhile",
    ),
    (
        30,
        "HintOutlives",
        "evaluation::new_settings::a_failure_beside_new_settings_is_judged_by_them_with_the_next_at_the_latest",
    ),
    (
        29,
        "CarryNothing",
        "evaluation::new_settings::a_failure_beside_a_window_of_another_length_counts_once",
    ),
    (
        6,
        "BlindReopen",
        "evaluation::a_spell_that_its_limit_opens_beside_a_closing_probe_has_one_end",
    ),
    (
        6,
        "BlindClose",
        "evaluation::a_spell_that_its_limit_closes_beside_a_closing_probe_has_one_end",
    ),
    (29, "EndedFirst", "windows::in_flight::no_more_calls_hang_than_there_are"),
    (38, "BlindHalfOpen", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "BlindTrip", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "BlindClose", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "BlindReopen", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "BlindStreak", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "BlindManual", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "StaleVerdict", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "StaleStreak", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "EraCheck", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "DeadlineLate", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (38, "OpensAdded", "histories::every_history_of_a_small_program_is_explained_by_one_order"),
    (39, "EvictLater", "registry::a_breaker_that_a_reader_has_found_is_not_evicted"),
    (39, "CreateTwice", "registry::of_two_who_find_no_breaker_both_get_the_same"),
];

/// The modules whose models loom cannot explore; they say why.
const SHUTTLE_ONLY: [&str; 3] = ["histories::", "registry::", "windows::sweeping::"];

/// The bugs that are about what is seen late, of which shuttle knows nothing.
const LOOM_ONLY: [&str; 1] = ["EvaluateUnasked"];

/// The list of bugs itself, so that none can be planted without a model.
const PLANTED: &str = include_str!("../../../src/planted.rs");

/// Far more than any test needs; a bug that makes a model explode is not caught.
const LIMIT: Duration = Duration::from_secs(120);
/// All the tests in a row, without a bug.
const LIMIT_OF_ALL: Duration = Duration::from_secs(480);

fn main() -> ExitCode {
    let began = Instant::now();
    let mut complaints = unknown_or_forgotten();
    let mut rows = Vec::new();
    for tool in [LOOM, SHUTTLE] {
        let models = match build(tool) {
            Ok(models) => models,
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        };
        println!("{tool}: built after {:.0?}", began.elapsed());
        run_all(tool, &models, &mut rows, &mut complaints);
    }
    rows.sort();
    println!("{:<17} {:>3}  {:<8}{:<9}{:>6}  test: what it said", "canary", "inv", "tool", "", "s");
    for (invariant, bug, tool, caught, seconds, said) in &rows {
        let caught = if *caught { "caught" } else { "SURVIVED" };
        println!("{bug:<17} {invariant:>3}  {tool:<8}{caught:<9}{seconds:>6}  {said}");
    }
    for complaint in &complaints {
        println!("FAILED: {complaint}");
    }
    let canaries = CANARIES.len();
    println!("{canaries} canaries, {} runs, {:.0?}", rows.len(), began.elapsed());
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Row = (u32, &'static str, &'static str, bool, String, String);

/// Bugs without a canary, and canaries without a bug.
fn unknown_or_forgotten() -> Vec<String> {
    let planted: BTreeSet<&str> = PLANTED
        .lines()
        .skip_while(|line| !line.contains("enum Bug"))
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','))
        .collect();
    let known: BTreeSet<&str> = CANARIES.iter().map(|canary| canary.1).collect();
    let forgotten = planted.difference(&known);
    let unknown = known.difference(&planted);
    forgotten
        .map(|bug| format!("{bug} has no canary"))
        .chain(unknown.map(|bug| format!("{bug} is not planted anywhere")))
        .collect()
}

/// Builds the models with one tool and says where they are.
fn build(tool: &str) -> Result<String, String> {
    let mut flags = format!("--cfg ampacity_{tool}");
    if tool == LOOM {
        flags += " --cfg crossbeam_loom"; // as the gate does, which builds the same files
    }
    let output = Command::new(env!("CARGO"))
        .args(["test", "--profile", "model", "-p", "loom-tests", "--test", "models"])
        .args(["--no-run", "--locked", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", format!("../target-{tool}"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout);
    // One message a line. This program is built along with the tests and must not
    // be taken for them: it would start itself.
    let models = told
        .lines()
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
        .map(|(path, _)| path)
        .find(|path| path.contains("models-"));
    match models {
        Some(path) if output.status.success() => Ok(path.to_owned()),
        _ => Err(format!("the models do not build for {tool}")),
    }
}

fn run_all(tool: &'static str, models: &str, rows: &mut Vec<Row>, complaints: &mut Vec<String>) {
    let explores = |bug: &str, test: &str| match tool {
        SHUTTLE => !LOOM_ONLY.contains(&bug),
        _ => !SHUTTLE_ONLY.iter().any(|module| test.starts_with(module)),
    };
    let mut canaries: Vec<_> =
        CANARIES.iter().filter(|(_, bug, test)| explores(bug, test)).collect();
    let tests: BTreeSet<&str> = canaries.iter().map(|canary| canary.2).collect();
    let sound = run(models, &tests.into_iter().collect::<Vec<_>>(), None);
    match sound {
        Some(output) if output.status.success() => {}
        Some(output) => complaints.push(format!("{tool}, no bug planted: {}", said(&output))),
        None => complaints.push(format!("{tool}, no bug planted: not done in {LIMIT_OF_ALL:?}")),
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let todo = Mutex::new(&mut canaries);
    let done = Mutex::new((rows, complaints));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().expect("nobody panics").pop();
                    let Some(&(invariant, bug, test)) = next else {
                        return;
                    };
                    let began = Instant::now();
                    let (caught, said) = judge(run(models, &[test], Some(bug)));
                    let seconds = format!("{:.1}", began.elapsed().as_secs_f64());
                    let (rows, complaints) = &mut *done.lock().expect("nobody panics");
                    if !caught {
                        complaints.push(format!("{bug} survives {test} under {tool}: {said}"));
                    }
                    rows.push((invariant, bug, tool, caught, seconds, format!("{test}: {said}")));
                }
            });
        }
    });
}

/// Runs some tests; `None` if they take too long.
fn run(models: &str, tests: &[&str], bug: Option<&str>) -> Option<Output> {
    let mut command = Command::new(models);
    command.arg("--exact").args(tests);
    command.env_remove("AMPACITY_CANARY").env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(bug) = bug {
        command.env("AMPACITY_CANARY", bug);
    }
    let mut child = command.spawn().expect("the models were just built");
    let limit = if bug.is_some() { LIMIT } else { LIMIT_OF_ALL };
    let began = Instant::now();
    // What a few tests say fits the pipe.
    while child.try_wait().expect("the child is ours").is_none() {
        if began.elapsed() > limit {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().ok()
}

/// Whether a model with a bug in it said what was violated.
fn judge(output: Option<Output>) -> (bool, String) {
    let Some(output) = output else {
        return (false, format!("not done in {LIMIT:?}"));
    };
    let said = said(&output);
    // An assertion of ours, and neither a model that gave up nor a case not met.
    let ours = said.contains("loom-tests/") && !said.contains("never met its case");
    (!output.status.success() && ours, said)
}

/// The first panic's place and words.
fn said(output: &Output) -> String {
    let all = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let mut lines = all.lines().skip_while(|line| !line.contains("panicked at"));
    let Some((_, place)) = lines.next().and_then(|line| line.split_once("panicked at ")) else {
        return "no panic".to_owned();
    };
    let words: Vec<&str> = lines
        .take_while(|line| !line.starts_with("note:") && !line.is_empty())
        .take(3)
        .map(str::trim)
        .collect();
    format!("{place} {}", words.join(", "))
}
