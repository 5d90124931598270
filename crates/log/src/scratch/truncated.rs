//! The names of what was cut, as a record lists them.

/// Names in `truncated` take about so much at most.
const MOST_CUT: usize = 1 << 10;

/// Adds a name to those of what was cut, once, while there is room for names.
pub(super) fn note(cut: &mut Vec<u8>, name: &[u8]) {
    if !names(cut).any(|known| known == name) && cut.len() + name.len() < MOST_CUT {
        cut.push(b',');
        cut.extend_from_slice(name);
    }
}

/// Quoted names, which have a comma before each.
fn names(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let mut escaped = false;
        // One name may end in another, quotes and all: `"a\"b"` does in `"b"`.
        let end = rest.get(2..)?.iter().position(|&byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (name, others) = rest.split_at(end + 3);
        rest = others;
        Some(&name[1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_what_was_cut_is_noted_once() {
        let mut cut = Vec::new();
        let names =
            ["", "a\"", "a", "\"", ",", "\\", "\\\"", "a,", "b"].map(|name| format!("{name:?}"));
        names.iter().chain(&names).for_each(|name| note(&mut cut, name.as_bytes()));
        assert_eq!(String::from_utf8(cut).unwrap(), format!(",{}", names.join(",")));
    }
}
