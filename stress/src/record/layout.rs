//! How a record is laid out: for people to look into and for programs to keep small.
//!
//! Objects take a line for each key. Arrays of numbers or words stay on their line; pairs and
//! rows, of which there are thousands, stand a few to a line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Arrays within an array, to a line.
const A_LINE: usize = 8;

/// `value` as JSON, with an end to its last line.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, Layout::default()))?;
    json.push(b'\n');
    Ok(json)
}

/// What is being written: everything that has begun and not ended.
#[derive(Default)]
struct Layout(Vec<Open>);

#[derive(Default)]
struct Open {
    array: bool,
    /// Objects or arrays in it so far, where it is an array.
    inner: usize,
    /// Whether it goes over several lines.
    broken: bool,
}

impl Layout {
    /// Begins something, on a line of its own after each `every`th like it in an array.
    fn begin(
        &mut self,
        w: &mut (impl Write + ?Sized),
        array: bool,
        every: usize,
    ) -> io::Result<()> {
        let depth = self.0.len();
        if let Some(around) = self.0.last_mut().filter(|around| around.array) {
            if around.inner.is_multiple_of(every) {
                line(w, depth)?;
                around.broken = true;
            }
            around.inner += 1;
        }
        self.0.push(Open { array, ..Open::default() });
        w.write_all(if array { b"[" } else { b"{" })
    }

    fn end(&mut self, w: &mut (impl Write + ?Sized), mark: &[u8]) -> io::Result<()> {
        if self.0.pop().is_some_and(|open| open.broken) {
            line(w, self.0.len())?;
        }
        w.write_all(mark)
    }
}

fn line(w: &mut (impl Write + ?Sized), depth: usize) -> io::Result<()> {
    w.write_all(b"\n")?;
    (0..depth).try_for_each(|_| w.write_all(b" "))
}

impl Formatter for Layout {
    fn begin_array<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        self.begin(w, true, A_LINE)
    }

    fn end_array<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        self.end(w, b"]")
    }

    fn begin_object<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        self.begin(w, false, 1)
    }

    fn end_object<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        self.end(w, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if !first {
            w.write_all(b",")?;
        }
        if let Some(object) = self.0.last_mut() {
            object.broken = true;
        }
        line(w, self.0.len())
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_laid_out_is_what_was_given_with_pairs_a_few_to_a_line() {
        let pairs: Vec<(u32, f64)> = (0..20).map(|at| (at, 0.5)).collect();
        let given = json!({
            "empty": {}, "none": [], "numbers": [1, 2.5, -3], "words": ["a, b", "[{\""],
            "pairs": pairs, "deep": [[[[1], [2]]]], "objects": [{"a": [{"b": null}]}, {}],
        });
        let text = String::from_utf8(json(&given).unwrap()).unwrap();
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, given);
        assert!(text.contains("\n \"numbers\": [1,2.5,-3],\n"), "{text}");
        assert!(text.contains("\n \"words\": [\"a, b\",\"[{\\\"\"]\n}\n"), "{text}");
        assert!(text.contains("\n \"none\": [],\n") && text.contains("\n \"empty\": {},\n"));
        let lines = text.lines().filter(|line| line.trim_start().starts_with("[")).count();
        assert!(lines >= 3 && text.contains("\n  [8,0.5],[9,0.5],"), "{text}");
        assert!(text.lines().all(|line| line.len() < 100 && !line.ends_with(' ')), "{text}");
    }
}
