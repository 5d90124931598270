use super::super::lane::Errors;
use super::*;

const POLICY: Policy = Policy {
    failures: 5,
    successes: 2,
    open_for: Duration::from_millis(100),
    errors: Errors::AsMeant,
};

/// A log, written an entry at a time.
#[derive(Default)]
struct Log(Vec<Told>);

impl Log {
    fn at(mut self, ms: u64, era: u64, event: Event) -> Self {
        let at = Duration::from_millis(ms);
        self.0.push(Told { at, done: at + Duration::from_micros(1), era, event });
        self
    }

    fn admit(self, ms: u64, era: u64, probe: bool) -> Self {
        self.at(ms, era, Event::Admitted { era, probe })
    }

    fn reject(self, ms: u64, era: u64, open: bool) -> Self {
        self.at(ms, era, Event::Rejected { open })
    }

    /// A permit of era `of`, after which the breaker is in era `era`.
    fn settle(self, ms: u64, of: u64, era: u64, passed: bool) -> Self {
        self.at(ms, era, Event::Settled { era: of, passed: Some(passed), wait: None })
    }

    /// A failed permit of era `of` that says for how long to stay away.
    fn settle_for(self, ms: u64, of: u64, era: u64, wait: u64) -> Self {
        let wait = Some(Duration::from_millis(wait));
        self.at(ms, era, Event::Settled { era: of, passed: Some(false), wait })
    }

    /// `n` permits of era `era` that change nothing.
    fn settle_all(mut self, ms: u64, era: u64, n: u64, passed: Option<bool>) -> Self {
        for i in 0..n {
            self = self.at(ms + i, era, Event::Settled { era, passed, wait: None });
        }
        self
    }

    /// The only fault there is.
    fn fault(&self) -> String {
        let story = self.read();
        assert_eq!(story.faults.len(), 1, "{story:?}");
        story.faults[0].clone()
    }

    fn read(&self) -> Story {
        Story::read(&self.0, &POLICY)
    }
}

/// Opens at 10 ms, so that its deadline is at 110 ms.
fn opened() -> Log {
    Log::default().admit(0, 7, false).settle_all(6, 7, 4, Some(false)).settle(10, 7, 8, false)
}

/// The same, and a probe is let in at 120 ms.
fn probing() -> Log {
    opened().admit(120, 9, true)
}

#[test]
fn a_whole_cycle_is_followed_without_a_fault() {
    let story = opened()
        .reject(50, 8, true)
        .admit(120, 9, true)
        .admit(121, 9, true)
        .reject(122, 9, false)
        .settle(130, 9, 9, true)
        .settle(131, 9, 10, true)
        .admit(140, 10, false)
        .read();
    assert!(story.faults.is_empty() && story.kept_out.is_empty(), "{story:?}");
    let to: Vec<To> = story.changes.iter().map(|change| change.to).collect();
    assert_eq!(to, [To::Open, To::HalfOpen, To::Closed]);
    assert_eq!(story.let_in, 1);
    assert_eq!(story.state_at(Duration::from_millis(125)), To::HalfOpen);
    let closed = story.first(To::Closed, Duration::from_millis(11)).unwrap();
    assert_eq!(closed.at.as_millis(), 131);
}

#[test]
fn an_arrival_past_the_deadline_and_a_tick_must_not_be_turned_away() {
    assert!(opened().reject(110, 8, true).read().kept_out.is_empty());
    assert_eq!(opened().reject(112, 8, true).read().kept_out.len(), 1);
}

#[test]
fn a_probe_before_the_deadline_is_a_fault() {
    assert_eq!(opened().admit(100, 9, true).read().faults.len(), 1);
}

#[test]
fn the_needed_successes_close_it_no_more_and_no_fewer() {
    let probing = || probing().admit(121, 9, true);
    let early = probing().settle(130, 9, 10, true).read();
    assert!(early.faults[0].contains("closed by 1 successes"), "{early:?}");
    let late = probing().settle(130, 9, 9, true).settle(131, 9, 9, true).read();
    assert!(late.faults[0].contains("2 successes did not close it"), "{late:?}");
}

#[test]
fn a_failed_probe_reopens_and_begins_a_new_wait() {
    let story = probing().settle(130, 9, 10, false).reject(229, 10, true).read();
    assert!(story.faults.is_empty() && story.kept_out.is_empty(), "{story:?}");
    let ignored = probing().settle(130, 9, 9, false).read();
    assert!(ignored.faults[0].contains("did not reopen"), "{ignored:?}");
}

#[test]
fn a_settle_of_an_earlier_era_moves_nothing() {
    let story = probing().settle(125, 7, 9, false).settle(126, 7, 9, true).read();
    assert!(story.faults.is_empty(), "{story:?}");
    assert!(opened().settle(20, 7, 9, true).fault().contains("past era 7"));
}

#[test]
fn a_stale_failure_that_reopens_is_a_fault() {
    assert!(probing().settle(130, 7, 10, false).fault().contains("past era 7"));
}

#[test]
fn a_stale_success_that_closes_or_counts_is_a_fault() {
    let log = probing().settle(130, 9, 9, true).settle(131, 7, 10, true);
    assert!(log.fault().contains("past era 7"));
    // The move is that of a probe, but only because the stale success was counted too.
    let log = probing().settle(130, 7, 9, true).settle(131, 9, 10, true);
    assert!(log.fault().contains("closed by 1 successes"));
}

#[test]
fn a_stale_failure_that_counts_towards_the_threshold_is_a_fault() {
    let log = || probing().settle(130, 9, 9, true).settle(131, 9, 10, true);
    let counted = log().settle(140, 7, 10, false).settle_all(141, 10, 3, Some(false));
    assert!(counted.settle(150, 10, 11, false).fault().contains("opened by 4 failures"));
    let ended = log().settle_all(141, 10, 4, Some(false)).settle(145, 7, 10, true);
    assert!(ended.settle(150, 10, 10, false).fault().contains("5 failures in a row did not"));
}

#[test]
fn it_opens_by_the_fifth_failure_in_a_row_no_sooner_and_no_later() {
    let failing = |n| Log::default().admit(0, 7, false).settle_all(1, 7, n, Some(false));
    let early = failing(2).settle(10, 7, 8, false);
    assert!(early.fault().contains("opened by 3 failures in a row"));
    assert!(failing(5).fault().contains("5 failures in a row did not open it"));
    // A success ends the streak; what says nothing leaves it.
    let ended = failing(4).settle_all(10, 7, 1, Some(true)).settle(11, 7, 8, false);
    assert!(ended.fault().contains("opened by 1 failures in a row"));
    let kept = failing(4).settle_all(10, 7, 1, None).settle(11, 7, 8, false).read();
    assert!(kept.faults.is_empty(), "{kept:?}");
}

#[test]
fn a_permit_of_another_era_than_the_breakers_is_a_fault() {
    let log = Log::default().admit(0, 7, false).at(1, 7, Event::Admitted { era: 6, probe: false });
    assert!(log.fault().contains("a permit was of era 6"));
}

#[test]
fn a_call_let_through_an_open_breaker_and_a_lost_era_are_faults() {
    assert_eq!(opened().admit(50, 8, false).read().faults.len(), 1);
    assert!(!opened().reject(50, 10, true).read().faults.is_empty());
}

#[test]
fn a_wait_that_is_given_opens_at_once_and_is_the_deadline() {
    let given = || Log::default().admit(0, 7, false).settle_for(10, 7, 8, 30);
    let story = given().reject(39, 8, true).admit(41, 9, true).settle_for(45, 9, 10, 200).read();
    assert!(story.faults.is_empty() && story.kept_out.is_empty(), "{story:?}");
    assert_eq!(story.open_time(Duration::from_millis(145)).as_micros(), 130_999);
    assert_eq!(given().admit(30, 9, true).read().faults.len(), 1, "before it");
    assert_eq!(given().reject(90, 8, true).read().kept_out.len(), 1, "after it");
    let deaf = Log::default().admit(0, 7, false).settle_for(10, 7, 7, 30);
    assert!(deaf.fault().contains("a wait that was given did not open it"));
    // One that comes too late changes nothing.
    let late = given().admit(41, 9, true).settle_for(42, 7, 9, 500).read();
    assert!(late.faults.is_empty(), "{late:?}");
}
