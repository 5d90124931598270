//! From what two threads executed to what a call costs each of them.

use std::collections::HashSet;

use super::decode::{Batch, Line};

/// What one thread executed: a number of calls, and then twice as many.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) once: Batch,
    pub(super) twice: Batch,
}

/// What a call costs one of the threads. Exact: the difference of the two batches, so that
/// what surrounds the calls of a batch is in none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Costs {
    pub(super) instructions: f64,
    pub(super) locked: f64,
    /// Stores into lines that calls of the other thread write, too.
    pub(super) shared: f64,
    /// Stores into lines that calls of the other thread read, and do not write.
    pub(super) read_elsewhere: f64,
    /// All other stores but those to its stack.
    pub(super) private: f64,
    pub(super) syscalls: f64,
    /// Accesses whose address is not known: no count of stores is to be believed then.
    pub(super) unknown: u64,
}

impl Run {
    fn batches(&self) -> [&Batch; 2] {
        [&self.once, &self.twice]
    }

    fn written(&self) -> HashSet<Line> {
        let stores = self.batches().into_iter().flat_map(|batch| &batch.stores);
        stores.flat_map(|&(first, last)| [first, last]).collect()
    }

    fn read(&self) -> HashSet<Line> {
        self.batches().into_iter().flat_map(|batch| &batch.read).copied().collect()
    }

    /// What a call costs this thread beside the `other`, of batches of `calls` and of
    /// twice as many.
    pub(super) fn beside(&self, other: &Run, calls: u64) -> Costs {
        let (written, read) = (other.written(), other.read());
        let stores = |batch: &Batch| {
            let (mut shared, mut read_elsewhere, mut private) = (0, 0, 0);
            for (first, last) in &batch.stores {
                let is_in = |lines: &HashSet<Line>| lines.contains(first) || lines.contains(last);
                match (is_in(&written), is_in(&read)) {
                    (true, _) => shared += 1,
                    (false, true) => read_elsewhere += 1,
                    (false, false) => private += 1,
                }
            }
            [shared, read_elsewhere, private]
        };
        let a_call = |once: u64, twice: u64| (twice as f64 - once as f64) / calls.max(1) as f64;
        let (once, twice) = (stores(&self.once), stores(&self.twice));
        let of = |count: fn(&Batch) -> u64| a_call(count(&self.once), count(&self.twice));
        Costs {
            instructions: of(|batch| batch.instructions),
            locked: of(|batch| batch.locked),
            shared: a_call(once[0], twice[0]),
            read_elsewhere: a_call(once[1], twice[1]),
            private: a_call(once[2], twice[2]),
            syscalls: of(|batch| batch.syscalls),
            unknown: self.once.unknown + self.twice.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> Line {
        Line(number)
    }

    /// Calls that store once into each of `each`, in a batch that besides stores once into
    /// line 90 and once into 91.
    fn run(each: &[u64], reads: &[u64]) -> Run {
        let batch = |calls: u64| Batch {
            instructions: 100 + 20 * calls,
            locked: 5 + calls * each.len() as u64,
            syscalls: 1,
            stores: (0..calls)
                .flat_map(|_| each)
                .chain(&[90, 91])
                .map(|&at| (line(at), line(at)))
                .collect(),
            read: reads.iter().map(|&at| line(at)).collect(),
            unknown: 0,
        };
        Run { once: batch(8), twice: batch(16) }
    }

    #[test]
    fn a_store_is_shared_if_the_other_thread_writes_its_line_and_the_batch_itself_is_left_out() {
        let (one, other) = (run(&[1, 2, 3], &[]), run(&[3, 4], &[2]));
        let costs = one.beside(&other, 8);
        assert_eq!((costs.shared, costs.read_elsewhere, costs.private), (1.0, 1.0, 1.0));
        assert_eq!((costs.instructions, costs.locked, costs.syscalls), (20.0, 3.0, 0.0));
        let costs = other.beside(&one, 8);
        assert_eq!((costs.shared, costs.read_elsewhere, costs.private), (1.0, 0.0, 1.0));
    }

    #[test]
    fn a_store_across_two_lines_is_shared_if_one_of_them_is() {
        let mut one = run(&[], &[]);
        one.twice.stores.extend([(line(7), line(8)); 8]);
        assert_eq!(one.beside(&run(&[8], &[]), 8).shared, 1.0);
        assert_eq!(one.beside(&run(&[9], &[]), 8).private, 1.0);
    }
}
