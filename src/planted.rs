//! Planted bugs, for the models only.
//!
//! Each invariant of `loom-tests` has a canary: a bug that its model must catch.
//! Most leave out the check that the invariant is about. Others do what must not
//! be done, such as to wait for somebody, or do right things in the wrong order.
//! Which bug is planted is read once from `AMPACITY_CANARY`, and only in builds
//! with a model cfg; in every other build [`planted`] is a constant `false`.

/// The bugs that a canary can be. Names in `AMPACITY_CANARY` are the variants' own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(ampacity_loom), allow(dead_code))] // some are of what only loom models
pub(crate) enum Bug {
    /// A lost swap from open to half-open is taken for won.
    BlindHalfOpen,
    /// A lost swap from closed to open is taken for won.
    BlindTrip,
    /// A lost swap from half-open to closed is taken for won.
    BlindClose,
    /// A lost swap from half-open to open is taken for won.
    BlindReopen,
    /// A lost swap of the failure streak is taken for won.
    BlindStreak,
    /// A retry keeps the verdict that was reached on an older word.
    StaleVerdict,
    /// A spell hands out one permit more than configured.
    PermitBound,
    /// A probe that passed gives its place back as well.
    PassGivesBack,
    /// A settle does not look at the era of its permit.
    EraCheck,
    /// A settle compares the low bits of the era only.
    FullEraCheck,
    /// A trip keeps the era.
    EraStep,
    /// A breaker that closes goes back to the era it was tripped in.
    EraReuse,
    /// A permit dropped unsettled keeps its place.
    GiveBack,
    /// A permit dropped by an unwind keeps its place.
    GiveBackOnUnwind,
    /// A settled permit is settled again when it is dropped.
    SettleOnce,
    /// A give-back does not look whether a place is out.
    GiveBackBound,
    /// A lane's value may be wider than the lane.
    Saturation,
    /// An open breaker that is due closes at once.
    SkipHalfOpen,
    /// An open breaker does not look at its deadline.
    Deadline,
    /// The deadline is written after the state.
    DeadlineLate,
    /// A clock that runs behind the deadline's start counts as past it.
    BackwardClock,
    /// `reset` keeps the era.
    ResetKeepsEra,
    /// A swap by hand overwrites without comparing.
    BlindManual,
    /// A failure is judged by the streak that was read first.
    StaleStreak,
    /// A spurious failure of the swap is taken for a lost one that needs no retry.
    NoRetry,
    /// Effects belong to every attempt, not to the winner.
    EffectsOfLosers,
    /// A spell without a verdict never ends.
    Lease,
    /// A breaker is asked under one lock whether it may be evicted, and taken under the next.
    EvictLater,
    /// A caller who found no breaker of a name adds its own without a second look.
    CreateTwice,
    /// A stripe is written as if one thread owned it.
    StripeOwned,
    /// A plan of timed calls that threads share is written as if one thread owned it.
    PlanRaced,
    /// A thread that gave its slot back goes on counting there.
    SlotKept,
    /// A slot that is out is leased again.
    SlotTwice,
    /// A snapshot leaves out the shards that nobody has a lease of.
    FreeShards,
    /// A snapshot reads what was admitted before what is settled.
    AdmittedFirst,
    /// A snapshot reads the totals before what a reset noted.
    TotalsFirst,
    /// Who loses the race to make a value leaves their own behind.
    LoserLeaks,
    /// Whoever delivers leaves without looking whether somebody has asked meanwhile.
    LeaveUnasked,
    /// An event is told before an earlier one that is late.
    TellAtOnce,
    /// An event is told though its era has been counted as dropped.
    LateIsTold,
    /// Whoever delivers looks who listens before taking what there is to tell.
    ListFirst,
    /// A listener asks for its first era before it can be found.
    AskedTooEarly,
    /// A listener's panic goes on.
    PanicEscapes,
    /// A count of a slice is changed without a look at whose slice it is by then.
    TagUnread,
    /// Who takes a place for a slice cleans what others have counted there for it already.
    CleanTwice,
    /// Who takes a place for a slice cleans on when it is another's by then.
    CleanLate,
    /// A reader does not look again whose counts it has read.
    TagReadOnce,
    /// A window adds up what is recent, of whatever era.
    EraUncovered,
    /// A call of an era that is over gets a ticket.
    TicketOfOldEra,
    /// What lies at the place of a ticket is taken for its result.
    CellUnread,
    /// A result is put in its place though a newer one is there.
    WriteOver,
    /// An evaluation begins with a look at the number of evaluations.
    EvaluateUnasked,
    /// A hint that was given before a later evaluation is good.
    HintKept,
    /// A hint takes no account of what was being written.
    HintPending,
    /// A hint is good under settings that it was not given for.
    HintOutlives,
    /// A window of another form begins empty.
    CarryNothing,
    /// A breaker that lacks nothing but calls does not judge successes.
    ArmedUnseen,
    /// One who finds that all is well takes back what a later look has found.
    BelowOvertaken,
    /// What would have opened the breaker is said again with each result.
    SayTwice,
    /// Whoever would open the breaker counts one more opening.
    OpensAdded,
    /// How often a breaker has opened is not known any more when somebody would open it.
    OpensOvertaken,
    /// Of the calls in flight, those that ended are read first.
    EndedFirst,
    /// A restore keeps the era.
    RestoreKeepsEra,
    /// A replaced value is freed while readers may have it.
    FreedAtOnce,
    /// A replaced value is never freed.
    NeverFreed,
    /// What was made on first use outlives its cell.
    CellLeaks,
    /// What a thread counts after it gave its slot back is counted nowhere.
    GoneUncounted,
    /// A call looks its slot up under a lock.
    SlotUnderLock,
    /// A window that somebody adds up is left to them.
    EvaluatorWaitedFor,
    /// Who finds somebody delivering waits for them.
    DeliveryAwaited,
    /// A swap is given up when it has been lost too often.
    GivesUp,
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) fn planted(bug: Bug) -> bool {
    static CANARY: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let canary = CANARY.get_or_init(|| std::env::var("AMPACITY_CANARY").ok());
    canary.as_deref().is_some_and(|name| name == format!("{bug:?}"))
}
