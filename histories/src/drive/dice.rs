//! Choices by bytes.

use crate::spec::{Judge, Policy, Rules, Shape, TICK, Verdict};
use ampacity::State;

/// Chooses by one byte after the other, and the first of all when there are none left: so
/// what comes first should be what is simplest.
pub(super) struct Dice<'a>(std::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Dice(bytes.iter())
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// A number below `of`.
    pub(super) fn pick(&mut self, of: u8) -> u8 {
        self.byte() % of
    }

    pub(super) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// Settings that can be. Short windows, low thresholds and short waits: so that what is
    /// seldom comes often.
    pub(super) fn rules(&mut self) -> Rules {
        let judge = match self.pick(8) {
            0..3 => None,
            _ => Some(self.judge()),
        };
        let streak = match self.pick(8) {
            0..4 if judge.is_some() => None,
            n => Some(1 + u64::from(n % 5)),
        };
        let ms = |ms: u64| ms * TICK;
        let open_for = match self.pick(16) {
            15 => None,
            n => Some([ms(50), ms(1), ms(100), ms(10) + 1][usize::from(n % 4)]),
        };
        let backoff = open_for.filter(|_| self.pick(2) == 1).map(|first| {
            let (factor, times) = self.one_of(&[(1, 1), (2, 8), (3, 5), (2, 3)]);
            (factor, first * times)
        });
        let longest_given = ms(self.one_of(&[100, 1, 500]));
        let (verdict, permits) = match self.pick(8) {
            n @ 0..5 => (Verdict::Successes(1 + u64::from(n % 3)), 1 + u64::from(n)),
            _ => (Verdict::Share(self.one_of(&[50, 1, 30, 33, 67, 100])), self.one_of(&[3, 1, 10])),
        };
        let lease = self.one_of(&[ms(100), ms(1), ms(20) + 1, ms(3_000_000)]);
        let limit = match self.pick(4) {
            0 => Some((self.one_of(&[ms(150), ms(1), ms(30) + 1]), State::Open)),
            1 => Some((self.one_of(&[ms(150), ms(1), ms(30) + 1]), State::Closed)),
            _ => None,
        };
        let timed = self.pick(2) == 0;
        Rules {
            streak,
            judge,
            open_for,
            backoff,
            longest_given,
            verdict,
            permits,
            lease,
            limit,
            timed,
        }
    }

    fn judge(&mut self) -> Judge {
        let shape = match self.pick(2) {
            0 => Shape::Last(1 + usize::from(self.pick(12))),
            _ => Shape::Slices {
                width: TICK * self.one_of(&[20, 1, 50, 100]),
                number: 1 + u64::from(self.pick(6)),
            },
        };
        let share = |dice: &mut Self| dice.one_of(&[50, 10, 25, 33, 60, 75, 99, 100]);
        let kinds = self.pick(8);
        let failed = (kinds < 5).then(|| share(self));
        let slow = (kinds >= 3).then(|| share(self));
        let (is_asked, bad) = (self.pick(4) == 3, 1 + u64::from(self.pick(6)));
        let policy = is_asked.then_some(Policy { bad, panics: bad >= 4 });
        let most = match shape {
            Shape::Last(len) => len as u64,
            Shape::Slices { .. } => 12,
        };
        let minimum = (1 + u64::from(self.pick(12))).min(most);
        let asks_for_slow = slow.is_some() || policy.is_some();
        let in_flight = asks_for_slow && self.pick(3) == 2;
        Judge { shape, failed, slow, policy, minimum, in_flight }
    }
}
