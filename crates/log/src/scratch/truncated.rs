//! The names of what was cut, as a record lists them.

/// Names in `truncated` take about so much at most.
const MOST_CUT: usize = 1 << 10;

/// What stands for the names that found no room.
const MORE: &[u8] = ",\"…\"".as_bytes();

/// Adds a quoted name to those of what was cut, once, while there is room for names; then one
/// for all others.
pub(super) fn note(cut: &mut Vec<u8>, name: &[u8]) {
    if cut.ends_with(MORE) || has(cut, name) {
        return;
    }
    if cut.len() + name.len() < MOST_CUT {
        cut.push(b',');
        cut.extend_from_slice(name);
    } else {
        cut.extend_from_slice(MORE);
    }
}

/// Each name has a comma before it, and inside a name no quote follows one: it is escaped.
fn has(cut: &[u8], name: &[u8]) -> bool {
    cut.windows(1 + name.len()).any(|seen| seen[0] == b',' && seen[1..] == *name)
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
