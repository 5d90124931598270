//! What goes into a queue, what comes out of it, and what is said about it.

use std::time::Duration;

/// Records that wait to be written, one after the other.
#[derive(Default, Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Puts a record together.
    pub(super) fn append(&mut self, parts: Parts<'_>, seq: u64, stream: &[u8]) {
        self.bytes.extend_from_slice(parts.head);
        append_number(&mut self.bytes, seq);
        self.bytes.extend_from_slice(stream);
        self.bytes.extend_from_slice(parts.tail);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// In bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// How much may wait to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// A record but for its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// Up to where the number belongs.
    pub(crate) head: &'a [u8],
    /// From the comma after the stream's name to the end of the line.
    pub(crate) tail: &'a [u8],
}

/// What a record may ask of a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Claim {
    /// It may use the reserve, and the writer is woken at once.
    pub(crate) urgent: bool,
    /// How long its caller waits for room at most.
    pub(crate) wait: Duration,
    /// It is the writer's own: it always fits, being one or two a batch and what drops are
    /// told by, and may come while the queue is closing.
    pub(crate) in_band: bool,
}

/// What became of the records of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: u64,
    pub(crate) failed: u64,
    pub(crate) fell_back: u64,
    pub(crate) rotated: u64,
    pub(crate) not_rotated: u64,
    pub(crate) not_flushed: u64,
}

/// What a writer is to do beside writing its batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    pub(crate) reopen: bool,
    pub(crate) flush: bool,
    /// Records dropped so far, but for those that came after the queue was closed: they
    /// would give a closing writer something to tell for ever.
    pub(crate) dropped: u64,
}

/// Appends `number` in decimal.
fn append_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::append_number;

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 18_446_744_073_709_551_615, 1_000_000] {
            let mut out = Vec::new();
            append_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
