//! Whether the swaps that callers won, by site, are the transitions that there were: the
//! breaker counts the one apart from the other.

use ampacity::{Site, Snapshot, State};

use State::{Closed, HalfOpen, Open};

/// Which swaps make which transitions. Who trips a breaker of these workloads by hand finds it
/// closed.
const TURNS: [(State, State, &[Site]); 5] = [
    (Closed, Open, &[Site::ClosedToOpen, Site::GiveWay, Site::ByHand]),
    (Open, HalfOpen, &[Site::OpenToHalfOpen]),
    (HalfOpen, HalfOpen, &[Site::HalfOpenRenewed]),
    (HalfOpen, Closed, &[Site::HalfOpenToClosed]),
    (HalfOpen, Open, &[Site::HalfOpenToOpen, Site::HalfOpenLimit]),
];

/// Transitions of which other swaps were won than there were, of a breaker at rest, in words.
pub(super) fn unlike_transitions(snapshot: &Snapshot) -> Vec<String> {
    let won = |&site: &Site| {
        let attempts = snapshot.contention.at(site);
        attempts.swaps.saturating_sub(attempts.retries)
    };
    TURNS
        .iter()
        .filter_map(|&(from, to, sites)| {
            let won: u64 = sites.iter().map(won).sum();
            let turns = snapshot.transitions.between(from, to);
            (won != turns).then(|| format!("{from} to {to}: {won} swaps won, {turns} transitions"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Rival, Sizes, Workload};

    fn flapped() -> Snapshot {
        let sizes = Sizes { threads: 1, breakers: 1 };
        let scene = Workload::Flapping.build(Rival::Ampacity, sizes).unwrap();
        let station = Default::default();
        let mut actor = scene.enter(0, &station);
        actor.calls(20_000);
        actor.leave();
        scene.breaker().unwrap().snapshot()
    }

    #[test]
    fn swaps_won_and_transitions_agree_and_each_that_does_not_is_named() {
        let mut snapshot = flapped();
        for (from, to) in [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed), (HalfOpen, Open)] {
            assert!(snapshot.transitions.between(from, to) > 0, "{from} to {to}");
        }
        assert_eq!(unlike_transitions(&snapshot), [""; 0]);
        snapshot.transitions = ampacity::CircuitBreaker::new("other").snapshot().transitions;
        let unlike = unlike_transitions(&snapshot);
        assert!(unlike.len() >= 4 && unlike[0].starts_with("closed to open: "), "{unlike:?}");
    }
}
