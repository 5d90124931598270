use super::*;
use std::sync::Arc;
use std::thread;

const LONG: Duration = Duration::from_secs(60);
const NOW: Claim = Claim { urgent: false, wait: Duration::ZERO, in_band: false };
const URGENT: Claim = Claim { urgent: true, ..NOW };

fn queue(records: usize, bytes: usize) -> Queue {
    Queue::new(Bounds { records, bytes }, 0xfeed)
}

fn parts(head: &str) -> Parts<'_> {
    Parts { head: head.as_bytes(), tail: b"}\n" }
}

fn lines(batch: &Batch) -> Vec<String> {
    batch.lines().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
}

/// All that waits; the writer's part without a writer.
fn taken(queue: &Queue) -> Vec<String> {
    let mut batch = Batch::default();
    queue.next(&mut batch, Tally::default()).unwrap();
    lines(&batch)
}

#[test]
fn a_record_is_head_number_stream_and_tail() {
    let queue = queue(8, 1 << 10);
    queue.push(parts("{\"seq\":"), NOW);
    queue.push(parts("{\"seq\":"), NOW);
    let stream = ",\"stream\":\"000000000000feed\"}\n";
    assert_eq!(taken(&queue), [format!("{{\"seq\":0{stream}"), format!("{{\"seq\":1{stream}")]);
}

#[test]
fn a_full_queue_keeps_its_reserve_for_what_is_urgent() {
    let queue = queue(16, 1 << 20);
    for _ in 0..20 {
        queue.push(parts("a"), NOW);
    }
    for _ in 0..20 {
        queue.push(parts("b"), URGENT);
    }
    let lines = taken(&queue);
    assert_eq!(lines.iter().filter(|line| line.starts_with('a')).count(), 14);
    assert_eq!(lines.iter().filter(|line| line.starts_with('b')).count(), 2);
    assert_eq!(queue.counts().dropped, 24);
}

#[test]
fn a_queue_is_full_by_bytes_too() {
    let queue = queue(1_000, 1_000);
    let long = "x".repeat(300);
    for _ in 0..5 {
        queue.push(parts(&long), NOW);
    }
    assert_eq!(taken(&queue).len(), 2);
    assert_eq!(queue.counts().dropped, 3);
}

#[test]
fn a_record_larger_than_the_queue_fits_when_the_queue_is_empty() {
    let queue = queue(2, 10);
    let long = "x".repeat(300);
    queue.push(parts(&long), NOW);
    queue.push(parts("y"), URGENT);
    assert_eq!(taken(&queue).len(), 1);
}

#[test]
fn a_dropped_record_uses_up_its_number() {
    let queue = queue(1, 1 << 10);
    for _ in 0..3 {
        queue.push(parts(""), NOW);
    }
    assert!(taken(&queue)[0].starts_with('0'));
    queue.push(parts(""), NOW);
    assert!(taken(&queue)[0].starts_with('3'));
}

#[test]
fn a_caller_who_may_wait_gets_the_room_that_the_writer_makes() {
    let queue = Arc::new(queue(1, 1 << 10));
    queue.push(parts(""), NOW);
    let waiter = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.push(parts(""), Claim { wait: LONG, ..NOW })
    });
    while queue.lock().waiting == 0 {
        thread::yield_now();
    }
    assert_eq!(taken(&queue).len(), 1);
    waiter.join().unwrap();
    assert_eq!(taken(&queue).len(), 1);
    assert_eq!(queue.counts().dropped, 0);
}

#[test]
fn a_caller_waits_no_longer_than_it_may() {
    let queue = queue(1, 1 << 10);
    queue.push(parts(""), NOW);
    queue.push(parts(""), Claim { wait: Duration::from_millis(1), ..NOW });
    assert_eq!(queue.counts().dropped, 1);
}

#[test]
fn a_closing_queue_drops_what_callers_bring_and_takes_what_its_writer_says() {
    let queue = queue(8, 1 << 10);
    queue.push(parts("before"), NOW);
    assert_eq!(queue.close(Duration::ZERO), Err(1));
    queue.push(parts("after"), NOW);
    queue.push(parts("in-band"), Claim { in_band: true, ..NOW });
    let lines = taken(&queue);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("before") && lines[1].starts_with("in-band"));
    assert!(queue.next(&mut Batch::default(), Tally { written: 2, ..Tally::default() }).is_none());
    queue.gone(Tally::default());
    assert_eq!(queue.close(Duration::ZERO), Ok(()));
    assert_eq!(queue.counts(), Counts { emitted: 3, written: 2, dropped: 1, ..Counts::default() });
}

#[test]
fn what_the_writer_says_fits_into_a_full_queue() {
    let queue = queue(1, 1 << 10);
    queue.push(parts(""), URGENT);
    queue.push(parts(""), URGENT);
    queue.push(parts("in-band"), Claim { in_band: true, ..URGENT });
    let lines = taken(&queue);
    assert!(lines.len() == 2 && lines[1].starts_with("in-band"), "{lines:?}");
}

#[test]
fn a_writer_is_told_of_what_was_dropped_before_the_queue_was_closed() {
    let queue = queue(1, 1 << 10);
    queue.push(parts(""), NOW);
    queue.push(parts(""), NOW);
    assert_eq!(queue.close(Duration::ZERO), Err(1));
    queue.push(parts(""), NOW);
    let orders = queue.next(&mut Batch::default(), Tally::default()).unwrap();
    assert_eq!((orders.dropped, queue.counts().dropped), (1, 2));
}

#[test]
fn a_waiting_caller_is_let_go_when_the_queue_closes() {
    let queue = Arc::new(queue(1, 1 << 10));
    queue.push(parts(""), NOW);
    let waiter = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.push(parts(""), Claim { wait: LONG, ..NOW })
    });
    while queue.lock().waiting == 0 {
        thread::yield_now();
    }
    assert_eq!(queue.close(Duration::ZERO), Err(2), "one waits to be written, one for room");
    waiter.join().unwrap();
    assert_eq!(queue.counts().dropped, 1);
}

#[test]
fn a_flush_is_over_when_what_came_before_it_is_written_and_not_before() {
    let queue = Arc::new(queue(8, 1 << 10));
    queue.push(parts(""), NOW);
    assert_eq!(queue.flush(Duration::ZERO), Err(1), "nobody writes");
    let flush = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.flush(LONG)
    });
    while queue.lock().flushes.asked < 2 {
        thread::yield_now();
    }
    let mut batch = Batch::default();
    assert!(queue.next(&mut batch, Tally::default()).unwrap().flush);
    assert!(!flush.is_finished(), "taken, not written");
    queue.push(parts(""), NOW);
    queue.next(&mut batch, Tally { written: 1, ..Tally::default() }).unwrap();
    assert_eq!(flush.join().unwrap(), Ok(()));
}

#[test]
fn a_flush_waits_for_what_the_writer_said_of_the_batch_and_not_for_what_it_said_of_that() {
    let queue = Arc::new(queue(8, 1 << 10));
    let flush = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.flush(LONG)
    });
    while queue.lock().flushes.asked == 0 {
        thread::yield_now();
    }
    let in_band = || queue.push(parts(""), Claim { in_band: true, ..NOW });
    let next = || queue.next(&mut Batch::default(), Tally::default()).unwrap();
    assert!(next().flush);
    in_band();
    assert!(next().flush, "what it said is flushed, too");
    assert_eq!(queue.lock().flushes, Flushes { asked: 1, taken: 1, done: 0 });
    in_band();
    assert!(!next().flush);
    assert_eq!(flush.join().unwrap(), Ok(()));
}

#[test]
fn what_a_writer_leaves_behind_has_failed() {
    let queue = queue(8, 1 << 10);
    for _ in 0..3 {
        queue.push(parts(""), NOW);
    }
    queue.gone(Tally::default());
    queue.push(parts(""), NOW);
    let counts = queue.counts();
    assert_eq!(counts, Counts { emitted: 4, failed: 3, dropped: 1, ..Counts::default() });
    assert_eq!(queue.flush(LONG), Ok(()), "nobody will ever do more");
}

#[test]
fn counts_balance_in_every_reading_while_threads_hand_records_in() {
    let queue = Arc::new(queue(64, 1 << 14));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || (0..2_000).for_each(|_| queue.push(parts("{"), NOW)))
        })
        .collect();
    let writer = thread::spawn({
        let queue = Arc::clone(&queue);
        move || {
            let (mut batch, mut done, mut numbers) = (Batch::default(), Tally::default(), vec![]);
            while queue.next(&mut batch, done).is_some() {
                done = Tally { written: batch.len() as u64, ..Tally::default() };
                numbers.extend(
                    lines(&batch)
                        .iter()
                        .map(|line| line[1..line.find(',').unwrap()].parse::<u64>().unwrap()),
                );
                let Counts { emitted, written, dropped, failed, .. } = queue.counts();
                assert!(written + dropped + failed <= emitted);
            }
            queue.gone(Tally::default());
            numbers
        }
    });
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    queue.close(LONG).unwrap();
    let numbers = writer.join().unwrap();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let counts = queue.counts();
    assert_eq!(counts.emitted, 16_000);
    assert_eq!((counts.written, counts.queued()), (numbers.len() as u64, 0));
    assert!(counts.written > 0);
}
