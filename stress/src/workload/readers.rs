//! Readers without end, and a few writers: no reader may see anything go back, and no
//! writer's call may be lost for all the looking.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::yield_now;

use ampacity::CircuitBreaker;

use super::steady::{Mixed, totals};
use super::tally::Tally;
use super::view::View;
use super::{Actor, Scene, hand};
use crate::program::{Check, Failure};
use crate::watchdog::Station;

/// The fewest readers.
pub(crate) const LEAST: usize = 150;
/// The most writers: the readers are the storm.
const MOST_WRITERS: usize = 16;

struct Readers {
    breaker: Arc<CircuitBreaker>,
    writers: usize,
    seen: Mutex<View>,
}

/// How many of so many threads write.
pub(crate) fn writers(threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(MOST_WRITERS).min(threads / 2).max(1)
}

pub(super) fn build(threads: usize) -> Result<Arc<dyn Scene>, Failure> {
    let breaker = CircuitBreaker::builder("readers")
        .failure_threshold(u32::MAX)
        .build()
        .map_err(|error| Failure(format!("readers: {error}")))?;
    let (breaker, seen) = (Arc::new(breaker), Mutex::default());
    Ok(Arc::new(Readers { breaker, writers: writers(threads), seen }))
}

impl Scene for Readers {
    fn enter<'a>(&'a self, index: usize, _station: &'a Station) -> Box<dyn Actor + 'a> {
        if index < self.writers {
            return Box::new(Mixed::new(&self.breaker, 100, index));
        }
        Box::new(Reader { scene: self, view: View::default() })
    }

    fn callers(&self, _threads: usize) -> usize {
        self.writers
    }

    fn judge(&self, tally: &Tally) -> Vec<Check> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.breaker.snapshot();
        let looks = |name, faults: &super::chain::Faults| match seen.taken {
            0 => Check::not_reached(name, "no snapshot was taken"),
            taken => Check::judged(
                name,
                faults.count == 0,
                match faults.count {
                    0 => format!("{taken} snapshots"),
                    _ => faults.text(),
                },
            ),
        };
        vec![
            totals(tally.miscounts(&snapshot)),
            looks("no_reader_sees_anything_go_back", &seen.fell),
            looks("no_reader_sees_a_part_above_its_whole", &seen.parts),
            looks("every_reader_sees_eras_in_order", &seen.order),
        ]
    }

    fn dump(&self) -> String {
        format!("{:?}", self.breaker)
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        Some(&self.breaker)
    }
}

/// One who looks: once, however many calls it is asked for, and none of them is in the
/// books. Then others have their turn, or the writers would get none among thousands.
struct Reader<'a> {
    scene: &'a Readers,
    view: View,
}

impl Actor for Reader<'_> {
    fn calls(&mut self, _calls: u64) {
        if let Some((era, state)) = hand::steady(&self.scene.breaker) {
            self.view.place(era, state);
        }
        self.view.add(self.scene.breaker.snapshot());
        yield_now();
    }

    fn leave(self: Box<Self>) -> Tally {
        self.scene.seen.lock().unwrap_or_else(PoisonError::into_inner).join(self.view);
        Tally::default()
    }
}
