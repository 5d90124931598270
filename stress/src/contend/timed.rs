//! How long calls take, looked at without standing in anybody's way.
//!
//! Each thread has a histogram of its own, which nobody else touches while the threads call;
//! they are merged at rest. Two reads of the processor's counter around every call would
//! dominate calls of ten nanoseconds, so only the last of each batch of calls is timed: a
//! batch is 1 call at first, and up to 1,024 once they are known to be quick. A time includes
//! about one read of the counter: see [`Recorder::cost`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ampacity::Place;
use hdrhistogram::Histogram;

use crate::measure::Latency;
use crate::pool::{Job, Seat};
use crate::workload::Scene;
use crate::workload::tally::Tally;

/// Two digits, 17 KiB a thread: with three the histogram alone would fill a near cache.
const DIGITS: u8 = 2;
/// Longer calls count as this long: a minute, in ns.
const LONGEST: u64 = 60_000_000_000;

/// One thread's; on lines of its own, as each time is counted in the histogram itself, too.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Recorder {
    times: Histogram<u64>,
    place: Option<Place>,
}

impl Recorder {
    fn new() -> Self {
        let times = Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Self { times: times.expect("constant bounds are in range"), place: None }
    }

    #[inline]
    fn time<T>(&mut self, clock: &quanta::Clock, call: impl FnOnce() -> T) -> T {
        let start = clock.raw();
        let done = call();
        let end = clock.raw();
        self.times.saturating_record(clock.delta_as_nanos(start, end));
        done
    }

    /// What timing a call adds to each time, and to the thread: nanoseconds.
    pub(super) fn cost() -> (u64, f64) {
        const CALLS: u32 = 20_000;
        let (mut recorder, clock) = (Self::new(), quanta::Clock::new());
        let start = clock.raw();
        (0..CALLS).for_each(|_| recorder.time(&clock, || std::hint::black_box(())));
        let all = clock.delta_as_nanos(start, clock.raw());
        (recorder.times.value_at_quantile(0.5), all as f64 / f64::from(CALLS))
    }
}

/// A scene, with a recorder for each thread.
pub(super) struct Timed {
    scene: Arc<dyn Scene>,
    recorders: Box<[Mutex<Recorder>]>,
    clock: quanta::Clock,
}

impl Timed {
    pub(super) fn new(scene: Arc<dyn Scene>, threads: usize) -> Self {
        let recorders = (0..threads).map(|_| Mutex::new(Recorder::new())).collect();
        Self { scene, recorders, clock: quanta::Clock::new() }
    }

    fn recorders(&self) -> impl Iterator<Item = MutexGuard<'_, Recorder>> {
        self.recorders
            .iter()
            .map(|recorder| recorder.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what was recorded of the first so many threads.
    pub(super) fn add_to(&self, times: &mut Histogram<u64>, callers: usize) {
        for recorder in self.recorders().take(callers) {
            for at in recorder.times.iter_recorded() {
                times.saturating_record_n(at.value_iterated_to(), at.count_at_value());
            }
        }
    }

    /// Where the threads counted, of those who said.
    pub(super) fn places(&self) -> Vec<Place> {
        self.recorders().filter_map(|recorder| recorder.place).collect()
    }
}

impl Job for Timed {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        let mut actor = self.scene.enter(seat.index, seat.station);
        let recorder = self.recorders.get(seat.index);
        // Its own: nobody else asks for it before all have ended.
        let mut recorder =
            recorder.map(|recorder| recorder.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(calls) = seat.next() {
            if calls > 1 {
                actor.calls(calls - 1);
            }
            match &mut recorder {
                Some(recorder) => recorder.time(&self.clock, || actor.calls(1)),
                None => actor.calls(1),
            }
        }
        if let (Some(recorder), Some(breaker)) = (&mut recorder, self.scene.breaker()) {
            recorder.place = Some(breaker.place());
        }
        actor.leave()
    }

    fn dump(&self) -> String {
        self.scene.dump()
    }
}

/// An empty histogram to add to.
pub(super) fn none() -> Histogram<u64> {
    Latency::recorder()
}

/// How many threads share their place with another: for all counts, and for the latencies of
/// calls that are sampled.
pub(super) fn collisions(places: &[Place]) -> (usize, usize) {
    let sharers = |place: &&Place, own_too: bool| {
        let same = |other: &&Place| other.stripe == place.stripe && (own_too || !other.own);
        places.iter().filter(same).count() > 1
    };
    let counts = places.iter().filter(|place| !place.own && sharers(place, false)).count();
    let sampled = places.iter().filter(|place| sharers(place, true)).count();
    (counts, sampled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Pool, STACK, Setup};
    use crate::program::Stop;
    use crate::watchdog::PATIENCE;
    use crate::workload::{Rival, Sizes, Workload};
    use std::time::Duration;

    fn played(threads: usize) -> (Timed, u64) {
        let sizes = Sizes { threads, breakers: 1 };
        let scene = Workload::Success.build(Rival::Ampacity, sizes).unwrap();
        let job = Arc::new(Timed::new(scene, threads));
        let setup = Setup { counts: vec![threads], stack: STACK, pin: false, patience: PATIENCE };
        let stop = Stop::default();
        let mut pool = Pool::start(&setup, &stop, |_| {}).unwrap();
        let one = Arc::clone(&job);
        let played = pool.play(threads, Duration::from_millis(5), one, &stop, |_| {}).unwrap();
        pool.dismiss();
        let job = Arc::into_inner(job).unwrap();
        (job, played.tally().calls)
    }

    #[test]
    fn of_each_batch_one_call_is_timed_and_threads_times_are_merged() {
        let (job, calls) = played(3);
        let mut times = none();
        job.add_to(&mut times, 3);
        // How many calls a batch has depends on how quick they are.
        assert!(times.len() >= 3 * 3 && times.len() < calls, "{} of {calls}", times.len());
        let mut of_one = none();
        job.add_to(&mut of_one, 1);
        assert!(!of_one.is_empty() && of_one.len() < times.len());
        assert_eq!(job.places().len(), 3);
    }

    #[test]
    fn no_two_recorders_share_a_line() {
        assert_eq!((align_of::<Mutex<Recorder>>(), size_of::<Mutex<Recorder>>() % 128), (128, 0));
    }

    #[test]
    fn threads_collide_that_count_in_one_place() {
        // More than have a place of their own, on any machine that this is likely to run on.
        let (job, _) = played(4);
        let places = job.places();
        let (counts, sampled) = collisions(&places);
        assert!(counts <= sampled && sampled <= 4);
        let same = vec![places[0]; 3];
        assert_eq!(collisions(&same), (if places[0].own { 0 } else { 3 }, 3));
        assert_eq!(collisions(&same[..1]), (0, 0));
    }
}
