//! What one who settles a result may see of the window: for certain all results that had
//! returned before, and of those beside it any choice.
//!
//! One that was being settled beside it is in the window or not, and if it is, then its own
//! result or only its place, which counts as a call and not as a failure. All are in one
//! order, the last of which are the window, and each that is in it may push an older one out.

use super::Window;
use crate::model::View;
use crate::spec::windows::Figures;

/// What is known of one look.
pub(super) struct Look {
    /// What it sees is at the threshold.
    pub(super) may_trip: bool,
    /// Whatever it sees is at the threshold.
    pub(super) must_trip: bool,
    /// It may lack nothing but calls.
    pub(super) may_arm: bool,
    /// Whatever it sees lacks nothing but calls, or not even that.
    pub(super) must_arm: bool,
    /// Whatever is beside it: it sees no more calls than the minimum.
    pub(super) is_within_minimum: bool,
}

impl Look {
    /// Of the one whose result comes next in the order of `window`.
    pub(super) fn of(window: &Window, failed: bool, view: View<'_>) -> Look {
        let (failures, successes) = view.beside.of_era(window.model.era);
        let beside = failures + successes;
        let len = window.len();
        let minimum = window.model.rules.minimum;
        let is_older = |by: &u32| !view.beside.contains(*by);
        let older = window.by.iter().zip(&window.model.results).rev();
        let older: Vec<bool> =
            older.filter(|(by, _)| is_older(by)).map(|(_, result)| result.failed).collect();
        // How many of the newest so many have failed.
        let mut bad = vec![0; older.len() + 1];
        for (at, failed) in older.iter().enumerate() {
            bad[at + 1] = bad[at] + usize::from(*failed);
        }
        let reached = |calls: usize, failed: usize| {
            let figures = Figures { calls: calls as u64, failed: failed as u64, slow: 0 };
            window.model.share_reached(figures, minimum).is_some()
        };
        // So many have a place by the time of this look, whoever is slow to write.
        let least = len.min(window.by.len() + 1);
        let (mut may_trip, mut must_trip) = (false, true);
        // More new ones than the window holds are like one that is all new.
        for new in 1..=(1 + beside).min(len + 1) {
            let kept = older.len().min(len.saturating_sub(new));
            let calls = len.min(kept + new);
            let most = bad[kept] + usize::from(failed) + failures.min(new - 1);
            may_trip |= reached(calls, most.min(calls));
            if calls >= least {
                // Its own result is pushed out as well, if there are enough of the others.
                let fewest = bad[kept] + usize::from(failed && new <= len);
                must_trip &= reached(calls, fewest);
            }
        }
        // Until there are enough calls nothing has been pushed out.
        let enough = |failed: usize| {
            let percent = window.model.rules.failed;
            percent.is_some_and(|percent| failed as u64 * 100 >= percent * minimum)
        };
        let below = usize::try_from(minimum.saturating_sub(1)).unwrap_or(usize::MAX);
        let own = bad[older.len()] + usize::from(failed);
        Look {
            may_trip,
            must_trip,
            may_arm: older.len() < below && enough((own + failures).min(below)),
            must_arm: enough(own),
            is_within_minimum: (older.len() + beside) as u64 <= minimum.saturating_sub(1),
        }
    }
}
