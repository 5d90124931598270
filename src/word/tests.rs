use super::*;
use proptest::prelude::*;

fn closed(streak: u64) -> Word {
    Word(STREAK.set(0, streak))
}

fn open(deadline: Tick) -> Word {
    closed(0).open(deadline)
}

fn half_open() -> Word {
    open(Tick(10)).admit(Tick(10), 2, false).1.unwrap()
}

/// Any word that an admission, an outcome or an order could have left behind.
fn any_word() -> impl Strategy<Value = Word> {
    let rest = prop_oneof![
        any::<u32>().prop_map(|streak| (State::Closed, STREAK.set(0, streak.into()))),
        (0..=DEADLINE.max()).prop_map(|tick| (State::Open, DEADLINE.set(0, tick))),
        (1..=ISSUED.max(), 0..=ISSUED.max(), 0..=LAPSED.max()).prop_map(
            |(issued, passed, lapsed)| {
                let rest = PASSED.set(ISSUED.set(0, issued), passed.min(issued));
                (State::HalfOpen, LAPSED.set(rest, lapsed))
            }
        ),
        prop_oneof![Just(State::ForcedOpen), Just(State::Disabled), Just(State::MetricsOnly)]
            .prop_map(|state| (state, 0)),
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
    let out = word.state() != State::HalfOpen || PASSED.get(word.0) < ISSUED.get(word.0);
    let judged = |judgement| match judgement {
        _ if !out => None,
        Judgement::Keep => None,
        Judgement::Count(next) => Some(next),
        Judgement::Close => Some(word.close()),
        Judgement::Open => Some(word.open(Tick(77))),
    };
    [
        word.admit(now, permits, false).1,
        word.admit(now, permits, true).1,
        judged(word.succeed(needed)),
        judged(word.fail(needed)),
        judged(word.give_back()),
        word.obey(order, now, Tick(77)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn an_open_word_turns_half_open_at_its_deadline_and_not_before() {
    let word = open(Tick(10));
    assert_eq!(word.admit(Tick(9), 2, false), (Admission::Reject(Reason::Open), None));
    let (admission, next) = word.admit(Tick(10), 2, false);
    assert_eq!(admission, Admission::Pass);
    assert_eq!(next.unwrap().state(), State::HalfOpen);
}

#[test]
fn a_deadline_of_never_is_never_due() {
    let word = open(Tick::NEVER);
    for now in [Tick(0), Tick::LAST, Tick::NEVER, Tick(u64::MAX)] {
        assert_eq!(word.admit(now, 2, false), (Admission::Reject(Reason::Open), None));
    }
    assert_ne!(open(Tick::LAST).admit(Tick(u64::MAX), 2, false).1, None);
}

#[test]
fn the_caller_who_begins_a_spell_holds_one_of_its_permits() {
    let spell = half_open();
    assert_eq!((ISSUED.get(spell.0), PASSED.get(spell.0)), (1, 0));
    let full = spell.admit(Tick(10), 2, false).1.unwrap();
    assert_eq!(full.admit(Tick(10), 2, false).0, Admission::Reject(Reason::HalfOpenFull));
}

#[test]
fn a_spell_that_outlived_its_lease_is_followed_by_a_fresh_one() {
    let spell = half_open();
    let next = spell.admit(Tick(99), 2, true).1.unwrap();
    assert_eq!((next.state(), next.era()), (State::HalfOpen, spell.era() + 1));
    assert_eq!((ISSUED.get(next.0), next.lapsed()), (1, 1));
}

#[test]
fn a_word_prints_its_fields() {
    assert_eq!(
        format!("{:?}", half_open()),
        "Word { state: HalfOpen, era: 2, issued: 1, passed: 0, lapsed: 0 }"
    );
    assert_eq!(format!("{:?}", closed(3)), "Word { state: Closed, era: 0, streak: 3 }");
    assert_eq!(format!("{:?}", open(Tick(7))), "Word { state: Open, era: 1, deadline: Tick(7) }");
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
            let by_hand = word.obey(order, Tick(now), Tick(77)) == Some(next);
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
                State::Closed => STREAK.end(),
                State::Open => DEADLINE.end(),
                State::HalfOpen => LAPSED.end(),
                _ => ERA.end(),
            };
            prop_assert_eq!(next.0.checked_shr(used).unwrap_or(0), 0, "{:?}", next);
            prop_assert!(next.state() != State::HalfOpen
                || PASSED.get(next.0) <= ISSUED.get(next.0));
        }
    }

    #[test]
    fn a_spell_has_never_more_out_and_issues_more_than_its_permits_only_with_none_out(word in any_word(), permits in 1u32..=63) {
        if let (Admission::Pass, Some(next)) = word.admit(Tick(0), permits, false)
            && word.state() == State::HalfOpen
        {
            let permits = u64::from(permits);
            prop_assert!(ISSUED.get(next.0) - PASSED.get(next.0) <= permits);
            prop_assert!(ISSUED.get(next.0) <= permits || !word.has_probes_out());
        }
    }

    #[test]
    fn a_give_back_never_takes_a_place_that_is_not_out(word in any_word()) {
        match word.give_back() {
            Judgement::Count(next) => {
                prop_assert_eq!(word.state(), State::HalfOpen);
                prop_assert!(PASSED.get(next.0) <= ISSUED.get(next.0));
            }
            other => prop_assert_eq!(other, Judgement::Keep),
        }
    }

    #[test]
    fn an_order_that_changes_nothing_is_none_and_a_reset_never_is(
        word in any_word(), now in 0u64..1 << 40, order in any_order(),
    ) {
        match word.obey(order, Tick(now), Tick(77)) {
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
    assert_eq!(full.fail(u32::MAX), Judgement::Open);
    let lapsed = Word(LAPSED.set(half_open().0, LAPSED.max()));
    let next = lapsed.admit(Tick(0), 2, true).1.unwrap();
    assert_eq!((next.lapsed() as u64, next.0 >> LAPSED.end()), (LAPSED.max(), 0));
    let probes = Word(PASSED.set(ISSUED.set(half_open().0, 63), 62));
    assert_eq!(probes.succeed(63), Judgement::Close);
}
