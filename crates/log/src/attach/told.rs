//! What was logged of a breaker's counts, to log the difference.

use ampacity::Snapshot;

/// What was logged of a breaker so far.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Told {
    pub(super) open: u64,
    pub(super) half_open_full: u64,
    pub(super) forced_open: u64,
    pub(super) fallbacks: u64,
    pub(super) panics: u64,
    pub(super) dropped: u64,
}

impl Told {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let rejected = snapshot.lifetime.rejected;
        Told {
            open: rejected.open,
            half_open_full: rejected.half_open_full,
            forced_open: rejected.forced_open,
            fallbacks: snapshot.lifetime.fallbacks,
            panics: snapshot.events.panics,
            dropped: snapshot.events.dropped,
        }
    }

    /// What of `now` was not told yet; from then on it was. Counts only grow, so that of two
    /// snapshots told in the wrong order the older one has no news.
    pub(super) fn take_news(&mut self, now: Told) -> Told {
        let news = |told: &mut u64, now: u64| {
            let news = now.saturating_sub(*told);
            *told += news;
            news
        };
        Told {
            open: news(&mut self.open, now.open),
            half_open_full: news(&mut self.half_open_full, now.half_open_full),
            forced_open: news(&mut self.forced_open, now.forced_open),
            fallbacks: news(&mut self.fallbacks, now.fallbacks),
            panics: news(&mut self.panics, now.panics),
            dropped: news(&mut self.dropped, now.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_snapshots_in_the_wrong_order_nothing_is_told_twice_or_left_out() {
        let of = |open, fallbacks| Told { open, fallbacks, ..Told::default() };
        let mut told = of(1, 0);
        let later = told.take_news(of(7, 2));
        let earlier = told.take_news(of(4, 1));
        let last = told.take_news(of(8, 2));
        let seen = [later, earlier, last].map(|news| (news.open, news.fallbacks));
        assert_eq!(seen, [(6, 2), (0, 0), (1, 0)]);
    }
}
