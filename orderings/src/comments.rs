//! The comments beside an ordering, which a parser leaves out: what edge they name.

use crate::sites::Half;

/// Lines of comment without another line between them.
#[derive(Debug)]
pub struct Comment {
    /// The number of the last line, counted from 1.
    pub last: usize,
    /// The first.
    pub first: usize,
    /// What it says, in one line.
    pub text: String,
}

/// All comments of a source that begin a line, documentation among them.
pub fn of(source: &str) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    for (line, text) in source.lines().enumerate() {
        let Some(text) = text.trim_start().strip_prefix("//") else { continue };
        let text = text.trim_start_matches(['/', '!']).trim();
        let line = line + 1;
        match comments.last_mut() {
            Some(comment) if comment.last + 1 == line => {
                comment.last = line;
                comment.text = format!("{} {text}", comment.text);
            }
            _ => comments.push(Comment { first: line, last: line, text: text.to_owned() }),
        }
    }
    comments
}

/// The edge that half an ordering on `line` is for, by the nearest comment above it within
/// its function (which begins on line `from`) that speaks of that half.
pub fn edge(comments: &[Comment], half: Half, from: usize, line: usize) -> Option<String> {
    let within = comments.iter().rev().filter(|at| at.first > from && at.last < line);
    within.filter(|at| speaks_of(&at.text, half)).map(|at| edge_in(&at.text, half)).next()?
}

/// The edge that a comment names for a half: of several, the one whose sentence begins with
/// that half.
fn edge_in(comment: &str, half: Half) -> Option<String> {
    let named = named(comment);
    let of_half = named.iter().find(|(lead, _)| speaks_of(lead, half));
    let is_alone = named.iter().all(|(_, name)| *name == named[0].1);
    let (_, name) = of_half.or(named.first().filter(|_| is_alone))?;
    Some(name.to_string())
}

/// The edges that a comment names, each after the part of its sentence before it.
pub fn named(comment: &str) -> Vec<(&str, &str)> {
    let mut named = Vec::new();
    let mut rest = comment;
    while let Some((before, after)) = rest.split_once("edge `")
        && let Some((name, after)) = after.split_once('`')
    {
        named.push((before.rsplit_once(". ").map_or(before, |(_, lead)| lead), name));
        rest = after;
    }
    named
}

fn speaks_of(text: &str, half: Half) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| word == "AcqRel" || word == half.name())
}

/// Whether a comment argues a relaxed access on `line` of the function that begins on line
/// `from`: one within the function, or one above it that is about all that follow.
pub fn argues_relaxed(comments: &[Comment], from: usize, line: usize) -> bool {
    const OF_ALL: [&str; 4] =
        ["Relaxed, all", "Relaxed, each", "Relaxed, everywhere", "Relaxed, here and below"];
    comments.iter().filter(|at| at.last < line).any(|at| {
        let is_within = at.last + 1 >= from;
        (is_within && at.text.contains("Relaxed")) || OF_ALL.iter().any(|of| at.text.contains(of))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_found_across_lines_and_in_the_nearest_comment_of_its_half() {
        let source = "fn f() {\n\
            // Release, edge `far ->\n// away`: no.\n\
            a();\n\
            // Acquire, edge `near -> by`: pairs\n\
            // with the Release there.\n\
            b();\n\
            // Nothing about it.\n\
            c();\n}";
        let comments = of(source);
        assert_eq!(comments.len(), 3);
        assert_eq!(edge(&comments, Half::Acquire, 1, 9).as_deref(), Some("near -> by"));
        assert_eq!(edge(&comments, Half::Release, 1, 4).as_deref(), Some("far -> away"));
        assert_eq!(edge(&comments, Half::Acquire, 6, 9), None, "above the function");
        assert_eq!(edge(&comments, Half::Acquire, 1, 4), None, "of the other half");
    }

    #[test]
    fn of_two_edges_each_half_has_its_own_and_one_edge_is_for_both() {
        let two = "Acquire, edge `in -> out`: of `x.y`. What is. Release, edge `up -> down`: z.";
        assert_eq!(edge_in(two, Half::Acquire).as_deref(), Some("in -> out"));
        assert_eq!(edge_in(two, Half::Release).as_deref(), Some("up -> down"));
        let one = "Release, edge `up -> down`: pairs. Acquire on failure: the same edge.";
        assert_eq!(edge_in(one, Half::Acquire).as_deref(), Some("up -> down"));
        assert_eq!(
            edge_in("AcqRel, edge `a -> b`: itself.", Half::Release).as_deref(),
            Some("a -> b")
        );
        assert_eq!(edge_in("Release: as above.", Half::Release), None);
    }

    #[test]
    fn a_relaxed_access_is_argued_in_its_function_or_for_all_that_follow() {
        let comments = of("// Relaxed: here.\nfn f() {\n\
            a();\n}\nfn g() {\nb();\n}\n// Relaxed, all: statistics.\nfn h() {\n\
            c();\n}");
        assert!(argues_relaxed(&comments, 2, 3));
        assert!(!argues_relaxed(&comments, 5, 6));
        assert!(argues_relaxed(&comments, 9, 10));
    }
}
