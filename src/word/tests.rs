use super::*;
use proptest::prelude::*;

fn closed(streak: u64) -> Word {
    Word(STREAK.set(0, streak))
}

fn open(deadline: Tick) -> Word {
    closed(0).open(deadline)
}

fn half_open() -> Word {
    open(Tick(10)).admit(Tick(10), 2, Spell::InTime, || 1).1.unwrap()
}

fn thresholds(streak: Option<u32>, pass: u32, fail: u32) -> Thresholds {
    Thresholds { streak, pass, fail }
}

const FINDINGS: [Finding; 5] =
    [Finding::Unasked, Finding::Below, Finding::High, Finding::Armed, Finding::Over];

/// Any word that an admission, an outcome or an order could have left behind.
fn any_word() -> impl Strategy<Value = Word> {
    let rest = prop_oneof![
        (any::<u32>(), any::<bool>()).prop_map(|(streak, armed)| {
            (State::Closed, ARMED.set(STREAK.set(0, streak.into()), armed.into()))
        }),
        (any::<u32>(), any::<bool>(), any::<bool>()).prop_map(|(streak, armed, over)| {
            let rest = ARMED.set(STREAK.set(0, streak.into()), armed.into());
            (State::MetricsOnly, OVER.set(rest, over.into()))
        }),
        (0..=DEADLINE.max()).prop_map(|tick| (State::Open, DEADLINE.set(0, tick))),
        (1..=ISSUED.max(), 0..=ISSUED.max(), 0..=ISSUED.max(), 0..=LAPSED.max(), 0..=OPENS.max())
            .prop_map(|(issued, passed, failed, lapsed, opens)| {
                let passed = passed.min(issued);
                let rest = PASSED.set(ISSUED.set(0, issued), passed);
                let rest = FAILED.set(rest, failed.min(issued - passed));
                (State::HalfOpen, OPENS.set(LAPSED.set(rest, lapsed), opens))
            }),
        prop_oneof![Just(State::ForcedOpen), Just(State::Disabled)].prop_map(|state| (state, 0)),
    ];
    (rest, 0..=ERA.max())
        .prop_map(|((state, rest), era)| Word(ERA.set(STATE.set(rest, state as u64), era)))
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::Reset),
        Just(Order::Close),
        Just(Order::Trip),
        Just(Order::ForceOpen),
        Just(Order::Disable),
        Just(Order::MetricsOnly),
    ]
}

/// Everything that one step can make of a word.
fn successors(word: Word, now: Tick, permits: u32, needed: u32, order: Order) -> Vec<Word> {
    // An outcome comes with a permit that is out.
    let out = word.state() != State::HalfOpen || word.has_probes_out();
    let judged = |judgement| match judgement {
        _ if !out => None,
        Judgement::Keep => None,
        Judgement::Count(next) | Judgement::WouldOpen(next) => Some(next),
        Judgement::Close => Some(word.close()),
        Judgement::Open => Some(word.open(Tick(77))),
    };
    let spells = [Spell::InTime, Spell::LeaseOver, Spell::Closes, Spell::Opens(Tick(88))];
    let mut next: Vec<Option<Word>> =
        spells.map(|spell| word.admit(now, permits, spell, || 7).1).into();
    for finding in FINDINGS {
        for streak in [None, Some(needed)] {
            let thresholds = thresholds(streak, needed, permits);
            next.push(judged(word.succeed(&thresholds, finding)));
            next.push(judged(word.fail(&thresholds, finding)));
            next.push(judged(word.settled_by(&thresholds, finding)));
        }
    }
    next.push(judged(word.give_back()));
    next.extend([false, true].map(|blank| word.obey(order, now, Tick(77), blank)));
    next.into_iter().flatten().collect()
}

#[test]
fn an_open_word_turns_half_open_at_its_deadline_and_not_before() {
    let word = open(Tick(10));
    assert_eq!(
        word.admit(Tick(9), 2, Spell::InTime, || 1),
        (Admission::Reject(Reason::Open), None)
    );
    let (admission, next) = word.admit(Tick(10), 2, Spell::InTime, || 1);
    assert_eq!(admission, Admission::Pass);
    assert_eq!(next.unwrap().state(), State::HalfOpen);
}

#[test]
fn a_deadline_of_never_is_never_due() {
    let word = open(Tick::NEVER);
    for now in [Tick(0), Tick::LAST, Tick::NEVER, Tick(u64::MAX)] {
        assert_eq!(
            word.admit(now, 2, Spell::InTime, || 1),
            (Admission::Reject(Reason::Open), None)
        );
    }
    assert_ne!(open(Tick::LAST).admit(Tick(u64::MAX), 2, Spell::InTime, || 1).1, None);
}

#[test]
fn the_caller_who_begins_a_spell_holds_one_of_its_permits() {
    let spell = half_open();
    assert_eq!((ISSUED.get(spell.0), PASSED.get(spell.0)), (1, 0));
    let full = spell.admit(Tick(10), 2, Spell::InTime, || 1).1.unwrap();
    assert_eq!(
        full.admit(Tick(10), 2, Spell::InTime, || 1).0,
        Admission::Reject(Reason::HalfOpenFull)
    );
}

#[test]
fn a_spell_that_outlived_its_lease_is_followed_by_a_fresh_one() {
    let spell = half_open();
    let next = spell.admit(Tick(99), 2, Spell::LeaseOver, || 1).1.unwrap();
    assert_eq!((next.state(), next.era()), (State::HalfOpen, spell.era() + 1));
    assert_eq!((ISSUED.get(next.0), next.lapsed()), (1, 1));
}

#[test]
fn a_word_prints_its_fields() {
    assert_eq!(
        format!("{:?}", half_open()),
        "Word { state: HalfOpen, era: 2, issued: 1, passed: 0, failed: 0, lapsed: 0, opens: 1 }"
    );
    assert_eq!(
        format!("{:?}", closed(3)),
        "Word { state: Closed, era: 0, streak: 3, armed: 0, over: 0 }"
    );
    assert_eq!(format!("{:?}", open(Tick(7))), "Word { state: Open, era: 1, deadline: Tick(7) }");
    let forced = closed(3).enter(State::ForcedOpen);
    assert_eq!(format!("{forced:?}"), "Word { state: ForcedOpen, era: 1 }");
}

#[test]
fn an_era_wraps_without_touching_the_state() {
    let last = Word(ERA.set(0, ERA.max()));
    let next = last.open(Tick(5));
    assert_eq!((next.state(), next.era(), next.deadline()), (State::Open, 0, Tick(5)));
    assert_eq!(next.era_near(Era(ERA.max())), Era(ERA.max() + 1));
}

proptest! {
    #[test]
    fn what_is_packed_is_what_is_unpacked(
        word in any_word(), tick in 0..=DEADLINE.max(),
    ) {
        let opened = word.open(Tick(tick));
        prop_assert_eq!(opened.state(), State::Open);
        prop_assert_eq!(opened.deadline(), Tick(tick));
        prop_assert_eq!(word.bare().state(), word.state());
        prop_assert_eq!(word.bare().era(), word.era());
        prop_assert_eq!(REST.get(word.bare().0), 0);
    }

    #[test]
    fn a_step_keeps_the_era_or_is_a_declared_edge_to_the_next_one(
        word in any_word(), now in 0u64..1 << 40, permits in 1u32..=63, needed in 1u32..=63,
        order in any_order(),
    ) {
        for next in successors(word, Tick(now), permits, needed, order) {
            let by_hand = [false, true]
                .map(|blank| word.obey(order, Tick(now), Tick(77), blank))
                .contains(&Some(next));
            if next.era() == word.era() {
                prop_assert_eq!(next.state(), word.state());
                continue;
            }
            prop_assert_eq!(next.era(), (word.era() + 1) & ERA.max());
            let declared = matches!(
                (word.state(), next.state()),
                (State::Closed, State::Open)
                    | (State::Open, State::HalfOpen)
                    | (State::HalfOpen, State::Closed | State::Open | State::HalfOpen)
                    | (State::MetricsOnly, State::MetricsOnly)
            );
            prop_assert!(declared || by_hand, "{word:?} -> {next:?}");
        }
    }

    #[test]
    fn a_step_leaves_the_bits_outside_its_states_lanes_at_zero(
        word in any_word(), now in 0u64..1 << 40, permits in 1u32..=63, needed in 1u32..=63,
        order in any_order(),
    ) {
        for next in successors(word, Tick(now), permits, needed, order) {
            let used = match next.state() {
                State::Closed => ARMED.end(),
                State::MetricsOnly => OVER.end(),
                State::Open => DEADLINE.end(),
                State::HalfOpen => OPENS.end(),
                _ => ERA.end(),
            };
            prop_assert_eq!(next.0.checked_shr(used).unwrap_or(0), 0, "{:?}", next);
            prop_assert!(next.state() != State::HalfOpen
                || PASSED.get(next.0) + FAILED.get(next.0) <= ISSUED.get(next.0));
        }
    }

    #[test]
    fn a_spell_has_never_more_out_and_issues_more_than_its_permits_only_with_none_out(word in any_word(), permits in 1u32..=63) {
        if let (Admission::Pass, Some(next)) = word.admit(Tick(0), permits, Spell::InTime, || 1)
            && word.state() == State::HalfOpen
        {
            let permits = u64::from(permits);
            let settled = PASSED.get(next.0) + FAILED.get(next.0);
            prop_assert!(ISSUED.get(next.0) - settled <= permits);
            prop_assert!(ISSUED.get(next.0) <= permits || !word.has_probes_out());
        }
    }

    #[test]
    fn a_give_back_never_takes_a_place_that_is_not_out(word in any_word()) {
        match word.give_back() {
            Judgement::Count(next) => {
                prop_assert_eq!(word.state(), State::HalfOpen);
                prop_assert!(PASSED.get(next.0) + FAILED.get(next.0) <= ISSUED.get(next.0));
            }
            other => prop_assert_eq!(other, Judgement::Keep),
        }
    }

    #[test]
    fn an_order_that_changes_nothing_is_none_and_a_reset_never_is(
        word in any_word(), now in 0u64..1 << 40, order in any_order(), blank: bool,
    ) {
        match word.obey(order, Tick(now), Tick(77), blank) {
            None => prop_assert_ne!(order, Order::Reset),
            Some(next) => prop_assert_eq!(next.era(), (word.era() + 1) & ERA.max()),
        }
    }

    #[test]
    fn the_nearest_era_is_the_right_one_within_half_a_lap(
        era in 0u64..1 << 50, lag in 0u64..1 << (ERA_BITS - 1),
    ) {
        let word = Word(ERA.set(0, era & ERA.max()));
        prop_assert_eq!(word.era_near(Era(era.saturating_sub(lag))), Era(era));
        prop_assert_eq!(word.era_near(Era(era + lag - u64::from(lag > 0))), Era(era));
    }
}

#[test]
fn saturated_counts_stay_in_their_lanes() {
    let full = Word(STREAK.set(0, STREAK.max()));
    let any = thresholds(Some(u32::MAX), 63, 63);
    assert_eq!(full.fail(&any, Finding::Unasked), Judgement::Open);
    let lapsed = Word(LAPSED.set(half_open().0, LAPSED.max()));
    let next = lapsed.admit(Tick(0), 2, Spell::LeaseOver, || 1).1.unwrap();
    assert_eq!((u64::from(next.lapsed()), next.opens()), (LAPSED.max(), 1));
    let probes = Word(PASSED.set(ISSUED.set(half_open().0, 63), 62));
    assert_eq!(probes.succeed(&any, Finding::Unasked), Judgement::Close);
}

#[test]
fn an_armed_word_stays_armed_until_the_window_says_otherwise() {
    let rates = thresholds(None, 1, 1);
    let armed = closed(0).arm().unwrap();
    assert!(armed.is_watched() && armed.arm().is_none());
    assert_eq!(closed(0).fail(&rates, Finding::Armed), Judgement::Count(armed));
    assert_eq!(armed.succeed(&rates, Finding::Armed), Judgement::Keep);
    assert_eq!(armed.succeed(&rates, Finding::Unasked), Judgement::Keep);
    assert_eq!(armed.succeed(&rates, Finding::Below), Judgement::Count(closed(0)));
    assert_eq!(armed.succeed(&rates, Finding::Over), Judgement::Open);
    assert!(open(Tick(3)).arm().is_none());
}

#[test]
fn without_a_policy_for_failures_in_a_row_a_failure_leaves_the_word_alone() {
    let rates = thresholds(None, 1, 1);
    assert_eq!(closed(0).fail(&rates, Finding::Unasked), Judgement::Keep);
    assert_eq!(closed(0).fail(&rates, Finding::Over), Judgement::Open);
}

#[test]
fn metrics_only_says_once_that_it_would_open_until_it_has_been_below() {
    let both = thresholds(Some(2), 1, 1);
    let metrics = closed(0).enter(State::MetricsOnly);
    let said = |judgement| match judgement {
        Judgement::WouldOpen(next) => next,
        other => panic!("{other:?}"),
    };
    let count = |judgement| match judgement {
        Judgement::Count(next) => next,
        other => panic!("{other:?}"),
    };
    // By failures in a row.
    let once = count(metrics.fail(&both, Finding::Unasked));
    let over = said(once.fail(&both, Finding::Unasked));
    assert_eq!((over.state(), over.era()), (State::MetricsOnly, metrics.era() + 1));
    assert!(over.is_watched());
    let still = count(over.fail(&both, Finding::Below));
    let below = count(still.succeed(&both, Finding::Below));
    assert_eq!(below, over.bare());
    // By a rate; one that lacks calls is not below.
    let over = said(below.fail(&both, Finding::Over));
    let lacking = count(over.succeed(&both, Finding::Armed));
    assert!(lacking.is_watched());
    let again = lacking.fail(&both, Finding::Over);
    assert!(matches!(again, Judgement::Count(_)), "said twice: {again:?}");
}

#[test]
fn probes_that_fail_are_counted_up_to_the_threshold() {
    let two = thresholds(None, 2, 2);
    let spell = half_open().admit(Tick(10), 3, Spell::InTime, || 1).1.unwrap();
    let Judgement::Count(failed) = spell.fail(&two, Finding::Unasked) else { panic!("one of two") };
    assert_eq!((failed.failed(), failed.has_probes_out()), (1, true));
    assert_eq!(failed.fail(&two, Finding::Unasked), Judgement::Open);
    assert_eq!(spell.fail(&two, Finding::Over), Judgement::Open, "by what the result says");
}

#[test]
fn a_spell_at_its_limit_ends_as_it_was_told() {
    let spell = half_open();
    let (admission, next) = spell.admit(Tick(10), 2, Spell::Closes, || 0);
    assert_eq!((admission, next), (Admission::Pass, Some(spell.close())));
    let (admission, next) = spell.admit(Tick(10), 2, Spell::Opens(Tick(50)), || 0);
    assert_eq!((admission, next), (Admission::Reject(Reason::Open), Some(spell.open(Tick(50)))));
}

#[test]
fn each_state_and_reason_is_called_what_logs_call_it() {
    let names = State::ALL.iter().map(|state| state.to_string());
    let expected = ["closed", "open", "half_open", "forced_open", "disabled", "metrics_only"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let reasons = [Reason::Open, Reason::HalfOpenFull, Reason::ForcedOpen];
    assert_eq!(reasons.map(Reason::as_str), ["open", "half_open_full", "forced_open"]);
}

#[test]
fn a_state_is_found_again_and_calls_pass_unasked_in_three_of_them() {
    for state in State::ALL.iter().copied() {
        let word = closed(0).enter(state);
        assert_eq!(word.state(), state);
        let passes = matches!(state, State::Closed | State::Disabled | State::MetricsOnly);
        assert_eq!(word.admits_all(), passes, "{state}");
    }
}

#[test]
fn a_spell_knows_how_often_it_was_opened_and_what_became_of_its_probes() {
    let three = thresholds(None, 3, 3);
    let count = |judgement| match judgement {
        Judgement::Count(next) => next,
        other => panic!("{other:?}"),
    };
    let mut spell = open(Tick(10)).admit(Tick(10), 9, Spell::InTime, || 7).1.unwrap();
    for _ in 0..4 {
        spell = spell.admit(Tick(10), 9, Spell::InTime, || 1).1.unwrap();
    }
    for _ in 0..2 {
        spell = count(spell.succeed(&three, Finding::Unasked));
        spell = count(spell.fail(&three, Finding::Unasked));
    }
    assert_eq!((spell.opens(), spell.passed(), spell.failed()), (7, 2, 2));
    assert!(spell.has_probes_out());
    assert!(!count(spell.give_back()).has_probes_out());
}

#[test]
fn results_of_any_kind_are_watched_where_a_word_is_armed_and_nowhere_else() {
    assert!(!closed(5).is_watched());
    assert!(!closed(5).enter(State::MetricsOnly).is_watched());
    assert!(closed(5).arm().unwrap().is_watched());
    // Where a closed word has its flags, these have numbers.
    assert!(!open(Tick::NEVER).is_watched());
    let spell = Word(OPENS.set(LAPSED.set(half_open().0, LAPSED.max()), OPENS.max()));
    assert!(!spell.is_watched());
}

#[test]
fn a_lease_that_is_over_ends_no_spell_that_waits_for_nobody() {
    let two = thresholds(None, 2, 1);
    let Judgement::Count(passed) = half_open().succeed(&two, Finding::Unasked) else {
        panic!("one of two")
    };
    let (admission, next) = passed.admit(Tick(99), 2, Spell::LeaseOver, || 1);
    let next = next.unwrap();
    assert_eq!(admission, Admission::Pass);
    assert_eq!((next.era(), next.passed(), next.lapsed()), (passed.era(), 1, 0));
}

#[test]
fn a_threshold_lowered_to_the_failures_that_there_are_waits_for_the_next_one() {
    let two = thresholds(Some(2), 1, 1);
    let three = closed(3);
    assert_eq!(three.settled_by(&two, Finding::High), Judgement::Keep);
    assert_eq!(three.settled_by(&two, Finding::Armed), Judgement::Count(three.arm().unwrap()));
    assert_eq!(three.settled_by(&two, Finding::Over), Judgement::Open, "by the window itself");
    assert_eq!(three.fail(&two, Finding::Below), Judgement::Open);
    // One that was reported is still reached.
    let metrics = Word(STREAK.set(closed(0).enter(State::MetricsOnly).0, 1));
    let Judgement::WouldOpen(over) = metrics.fail(&two, Finding::Below) else { panic!("not said") };
    assert_eq!(over.settled_by(&two, Finding::Below), Judgement::Keep);
}

#[test]
fn an_order_that_finds_everything_so_changes_nothing_and_any_other_does() {
    let obey = |word: Word, order, now| word.obey(order, Tick(now), Tick(77), true);
    assert_eq!(obey(closed(0), Order::Close, 0), None);
    assert_eq!(closed(0).obey(Order::Close, Tick(0), Tick(77), false), Some(closed(0).close()));
    for word in [closed(1), open(Tick(10)), half_open()] {
        assert_eq!(obey(word, Order::Close, 0), Some(word.close()));
    }
    let open = open(Tick(10));
    assert_eq!(obey(open, Order::Trip, 9), None);
    for (word, now) in [(open, 10), (half_open(), 10), (closed(0), 10)] {
        assert_eq!(obey(word, Order::Trip, now), Some(word.open(Tick(77))));
    }
    let orders = [Order::ForceOpen, Order::Disable, Order::MetricsOnly];
    let states = [State::ForcedOpen, State::Disabled, State::MetricsOnly];
    for (order, state) in orders.into_iter().zip(states) {
        let there = closed(0).enter(state);
        assert_eq!(obey(closed(0), order, 0), Some(there));
        assert_eq!(obey(there, order, 0), None);
    }
}
