//! Floors that count, and what they count in.

use super::*;

fn read(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

fn recorded(counts: &Counts) -> u64 {
    counts.times.iter().map(read).sum()
}

/// How many calls the calling thread has counted of a floor as good, how many of them
/// are in its histogram, and how many it counted as turned away. The first is missing
/// if a slice of time began meanwhile and took the place of an old one.
fn work(work: Work, path: Path, calls: u64) -> (Option<u64>, u64, u64) {
    let floor = Floor::new(work, path);
    let counts = counts(floor.place);
    let sum = || (counts.succeeded.iter().map(read).sum::<u64>(), recorded(counts));
    let ((counted, timed), rejected) = (sum(), read(&counts.rejected));
    assert_eq!(floor.timed(path, calls), 0);
    let (now, then) = sum();
    (now.checked_sub(counted), then - timed, read(&counts.rejected) - rejected)
}

#[test]
fn each_floor_counts_every_call_and_times_those_it_is_to_time() {
    assert_eq!(work(Work::A, Path::Success, 160), (Some(160), 0, 0));
    // Slices are of real time in C, and in B while another test has a ticker.
    assert_eq!(work(Work::B, Path::Success, 160).1, 10);
    assert_eq!(work(Work::C, Path::Success, 160).1, 160);
    for floor in [Work::B, Work::C] {
        let (_, timed, rejected) = work(floor, Path::Rejected, 160);
        assert_eq!((timed, rejected), (0, 160));
    }
}

#[test]
fn buckets_follow_each_other_without_a_gap() {
    let sixteenths = (0..u64::BITS - SUB_BITS)
        .flat_map(|octave| (16..32_u64).map(move |sixteenth| sixteenth << octave));
    assert!((0..16).chain(sixteenths).map(bucket).eq(0..BUCKETS));
    assert_eq!([0, 15, 16, 31, 32, 33, 34].map(bucket), [0, 15, 16, 31, 32, 32, 33]);
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
}

#[test]
fn a_slice_that_comes_round_begins_at_nothing() {
    let counts = Counts::new();
    counts.count(3, End::Succeeded);
    counts.count(3, End::Failed);
    assert_eq!((read(&counts.succeeded[3]), read(&counts.failed[3])), (1, 1));
    counts.count(3 + SLICES as u64, End::Succeeded);
    assert_eq!((read(&counts.succeeded[3]), read(&counts.failed[3])), (1, 0));
}

#[test]
fn counts_of_a_thread_that_ended_go_to_the_next() {
    let of = || thread::spawn(|| std::ptr::from_ref(counts(0)) as usize).join().unwrap();
    // Other tests take some, too.
    let seen: Vec<usize> = (0..100).map(|_| of()).collect();
    let mut different = seen.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() < 50, "{}", different.len());
}
