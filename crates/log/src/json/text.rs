//! Strings in a given room.

use core::fmt;

/// Stands where a string was cut.
const ELLIPSIS: &str = "…";

/// Appends `text` as a JSON string of at most `room` bytes (at least 8); whether it was cut.
///
/// `more`: there was more of it, which the caller left out.
pub(super) fn string(out: &mut Vec<u8>, text: &str, room: usize, more: bool) -> bool {
    // No byte takes more than six, so most strings need not be measured.
    let whole = !more && text.len().saturating_mul(6) <= room - 2;
    let fits = if whole { text.len() } else { fitting(text, room - 2, more) };
    quoted(out, &text[..fits]);
    if fits == text.len() && !more {
        return false;
    }
    out.pop();
    out.extend_from_slice(ELLIPSIS.as_bytes());
    out.push(b'"');
    true
}

/// Appends `text` as a JSON string.
fn quoted(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// How many bytes of `text` fit `room`, escaped, and followed by an ellipsis if that is not all.
fn fitting(text: &str, room: usize, more: bool) -> usize {
    let (mut used, mut kept) = (0, 0);
    for (at, char) in text.char_indices() {
        if used + ELLIPSIS.len() <= room {
            kept = at;
        }
        used += escaped_len(char);
        if used > room {
            return kept;
        }
    }
    if more && used + ELLIPSIS.len() > room { kept } else { text.len() }
}

fn escaped_len(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => char.len_utf8(),
    }
}

/// The longest beginning of `text` of at most `bytes`.
pub(super) fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Makes the JSON from `start` on the text of one JSON string, unless it is a string already.
///
/// JSON of ours has nothing to be escaped but quotes and backslashes, so it is done in place.
pub(super) fn stringify(out: &mut Vec<u8>, start: usize) {
    if out.get(start) == Some(&b'"') {
        return;
    }
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    let end = out.len();
    let escapes = out[start..].iter().filter(|byte| is_escaped(byte)).count();
    out.resize(end + escapes + 2, b'"');
    let mut to = out.len() - 1;
    for from in (start..end).rev() {
        let byte = out[from];
        to -= 1;
        out[to] = byte;
        if is_escaped(&byte) {
            to -= 1;
            out[to] = b'\\';
        }
    }
    out[start] = b'"';
}

/// Takes text up to a number of bytes, then errs.
pub(super) struct Capped<'a> {
    pub(super) text: &'a mut String,
    pub(super) bytes: usize,
    pub(super) full: bool,
}

impl fmt::Write for Capped<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.full {
            return Err(fmt::Error);
        }
        let fits = prefix(piece, self.bytes - self.text.len());
        self.text.push_str(fits);
        self.full = fits.len() < piece.len();
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}
