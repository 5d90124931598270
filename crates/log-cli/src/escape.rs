//! Text that cannot steer a terminal, nor pass for what it is not.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that move the cursor, change colours, end a line or turn the order of letters.
///
/// The controls, from Unicode's two blocks, and those that set the direction of writing, by
/// which a line can be shown to say what it does not.
fn steers(character: char) -> bool {
    let turns = matches!(character,
        '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    turns || character.is_control()
}

/// `text` with such characters written as Rust writes them: `\n`, `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |to, character| to.extend(character.escape_default()))
}

/// A line of JSON with such characters written as JSON writes them: `\u009b`.
///
/// The same record: in its strings that is what they are, and between its values there can be
/// none but white space.
pub(crate) fn visible_json(line: &str) -> Cow<'_, str> {
    escaped(line, |to, character| match character {
        '\t' | '\r' | '\n' => to.push(' '),
        // A `String` takes whatever it is given.
        other => _ = write!(to, "\\u{:04x}", u32::from(other)),
    })
}

fn escaped(text: &str, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if steers(character) {
            write(&mut escaped, character);
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        for code in (0..0x20).chain(0x7f..0xa0).chain([0x200e, 0x2028, 0x202e, 0x2069, 0x61c]) {
            let text = format!("a{}b", char::from_u32(code).unwrap());
            for shown in [visible(&text), visible_json(&text)] {
                assert!(!shown.contains(steers), "{code:x}: {shown:?}");
                assert!(shown.starts_with('a') && shown.ends_with('b'), "{shown}");
                assert!(shown.contains(['\\', ' ']), "{shown}");
            }
        }
        assert_eq!(visible("\u{1b}[31m\n"), "\\u{1b}[31m\\n");
    }

    #[test]
    fn text_in_any_script_is_left_alone() {
        let text = "Größe नमस्ते e\u{301} 漢字 👩‍👩‍👧 \\ \" '";
        assert_eq!(visible(text), text);
        assert_eq!(visible_json(text), text);
    }

    #[test]
    fn escaped_json_is_the_same_record() {
        let line = "{\t\"a\":\r\"\u{9b}31m\u{7f}\u{202e}\"}";
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&visible_json(line)), parse(line));
    }
}
