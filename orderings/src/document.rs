//! `docs/orderings.md`: its tables are written here, all else by hand.

use crate::argued::ENDLESS;
use crate::mutants::Weaker;
use crate::sites::Found;
use std::collections::BTreeSet;

/// The document, from the root on.
pub const PATH: &str = "docs/orderings.md";

/// A row's columns that the source alone decides.
pub fn columns(weaker: &Weaker) -> String {
    let site = &weaker.site;
    format!(
        "| `{}` | `{}` | {} | {} → {} | {} |",
        site.file,
        site.item,
        site.operation,
        site.ordering.name(),
        weaker.to(),
        weaker.edge.as_ref().map_or_else(String::new, |edge| format!("`{edge}`")),
    )
}

/// The table of all weaker orderings, each with what became of it.
pub fn table<'a>(rows: impl Iterator<Item = (&'a Weaker, String)>) -> String {
    let head = "| file | item | call | weakened | edge | verdict |\n|---|---|---|---|---|---|\n";
    rows.fold(head.to_owned(), |table, (weaker, verdict)| {
        table + &columns(weaker) + &format!(" {verdict} |\n")
    })
}

/// The table of what is relaxed.
pub fn relaxed(found: &[Found]) -> String {
    let mut files: Vec<&Found> = found.iter().filter(|file| file.relaxed > 0).collect();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    let sum: usize = files.iter().map(|file| file.relaxed).sum();
    let rows = files.iter().map(|file| format!("| `{}` | {} |\n", file.file, file.relaxed));
    format!("| file | relaxed |\n|---|---:|\n{}| all | {sum} |\n", rows.collect::<String>())
}

/// The document with a table in its place.
///
/// # Errors
///
/// If it has no such place.
pub fn with(document: &str, name: &str, table: &str) -> Result<String, String> {
    let before = table_in(document, name)?;
    let at = before.as_ptr() as usize - document.as_ptr() as usize;
    Ok(format!("{}{table}{}", &document[..at], &document[at + before.len()..]))
}

/// The table that the document has in a place now.
///
/// # Errors
///
/// If it has no such place.
pub fn table_in<'a>(document: &'a str, name: &str) -> Result<&'a str, String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let inner = document.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    inner.map(|(table, _)| table).ok_or_else(|| format!("{PATH} has no place for `{name}`"))
}

/// What the document says and the source does not, or the other way round.
pub fn differences(document: &str, found: &[Found], all: &[Weaker]) -> Vec<String> {
    let mut differences = Vec::new();
    let rows = |name| table_in(document, name).map(|table| table.lines().skip(2));
    match rows("sites") {
        Err(why) => differences.push(why),
        Ok(rows) => {
            let rows: Vec<&str> = rows.collect();
            let is_there = |columns: &String| rows.iter().any(|row| row.starts_with(columns));
            let columns: Vec<String> = all.iter().map(columns).collect();
            let missing = columns.iter().filter(|columns| !is_there(columns));
            differences.extend(missing.map(|columns| format!("no row {columns}")));
            let stale =
                rows.iter().filter(|row| !columns.iter().any(|columns| row.starts_with(columns)));
            differences.extend(stale.map(|row| format!("not in the source: {row}")));
            if differences.is_empty() && rows.len() != all.len() {
                differences.push(format!("{} rows for {} orderings", rows.len(), all.len()));
            }
            let open = rows.iter().filter(|row| row.contains("**"));
            differences.extend(open.map(|row| format!("no verdict: {row}")));
        }
    }
    if table_in(document, "relaxed") != Ok(&relaxed(found)) {
        differences.push("the relaxed accesses are other ones".to_owned());
    }
    let named: BTreeSet<&str> =
        found.iter().flat_map(|file| &file.named).map(String::as_str).collect();
    let listed: BTreeSet<&str> = edges(document).collect();
    differences.extend(named.difference(&listed).map(|edge| format!("`{edge}` is not explained")));
    differences.extend(listed.difference(&named).map(|edge| format!("nothing is for `{edge}`")));
    differences
}

/// The tests of verdicts, and those in the list of what does not end, that are not there.
pub fn tests_gone(document: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = table_in(document, "sites").unwrap_or_default().lines();
    let verdicts = rows.filter_map(|row| row.rsplit_once(" | ")?.1.strip_prefix('`'));
    let by_verdict = verdicts.filter_map(|verdict| Some(verdict.split_once('`')?.0));
    let endless = ENDLESS.iter().map(|endless| endless.test);
    let named: BTreeSet<&str> = by_verdict.chain(endless).collect();
    let gone = named.into_iter().filter(|test| !is_there(test));
    gone.map(|test| format!("{test} is no test")).collect()
}

/// The edges that the document explains: a list, each name first in its line.
fn edges(document: &str) -> impl Iterator<Item = &str> {
    let lines = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    lines.map(|(first, _)| first).filter(|first| first.contains(" -> "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::find;
    use crate::{ROOT, mutants, source};
    use std::path::Path;

    #[test]
    fn the_document_lists_what_is_in_the_source_and_every_ordering_is_argued() {
        let root = Path::new(ROOT);
        let document = std::fs::read_to_string(root.join(PATH)).unwrap();
        let found = source::sites(root).unwrap();
        let mut wrong = mutants::complaints(&found);
        wrong.extend(tests_gone(&document, |test| model_runs::is_there(root, test)));
        wrong.extend(differences(&document, &found, &mutants::all(&found)));
        assert!(wrong.is_empty(), "run the program `orderings`: {wrong:#?}");
    }

    const SOURCE: &str = "fn f() {
        // Release, edge `up -> down`: pairs with the Acquire below.
        a.store(1, Ordering::Release);
        // Acquire, edge `up -> down`: as above. Relaxed: a statistic.
        a.load(Ordering::Acquire); b.load(Ordering::Relaxed);
    }";
    const EMPTY: &str = "# O\n| `up -> down` | a | b | c |\n\
        <!-- sites: begin -->\nold\n<!-- sites: end -->\n\
        <!-- relaxed: begin -->\n<!-- relaxed: end -->\nend\n";

    /// What is found in a source, and the document about it.
    fn written(source: &str) -> (Vec<Found>, Vec<Weaker>, String) {
        let found = vec![find("a.rs", source).unwrap()];
        let all = mutants::all(&found);
        let rows = table(all.iter().map(|weaker| (weaker, "`a::test`, 0.1 s".to_owned())));
        let document = with(EMPTY, "sites", &rows).unwrap();
        let document = with(&document, "relaxed", &relaxed(&found)).unwrap();
        (found, all, document)
    }

    #[test]
    fn what_is_written_is_found_again() {
        let (found, all, document) = written(SOURCE);
        assert_eq!(differences(&document, &found, &all), [""; 0]);
        assert!(
            document.starts_with("# O\n") && document.ends_with("<!-- relaxed: end -->\nend\n")
        );
        assert!(!document.contains("old"));
    }

    #[test]
    fn an_ordering_that_came_went_or_changed_is_a_difference() {
        let (_, _, document) = written(SOURCE);
        let another = |from: &str, to: &str| {
            let (found, all, _) = written(&SOURCE.replacen(from, to, 1));
            differences(&document, &found, &all)
        };
        let came = another("a.store", "a.store(1, Ordering::Release); a.store");
        assert_eq!(came.len(), 1, "{came:?}");
        let went = another("a.store(1, Ordering::Release);", "");
        assert_eq!(went.len(), 1, "{went:?}");
        let changed = another("a.store(1", "a.swap(1");
        assert_eq!(changed.len(), 2, "{changed:?}");
        let relaxed = another("b.load(Ordering::Relaxed);", "");
        assert_eq!(relaxed.len(), 1, "{relaxed:?}");
        let (found, all, _) = written(SOURCE);
        let row = format!("{} `a::test`, 0.1 s |\n", columns(&all[0]));
        let twice = differences(&document.replacen(&row, &(row.clone() + &row), 1), &found, &all);
        assert_eq!(twice, ["3 rows for 2 orderings"]);
        let open = differences(&document.replacen("`a::test`", "**HUNG**", 1), &found, &all);
        assert_eq!(open.len(), 1, "{open:?}");
        let named = another("as above", "and edge `in -> out`");
        assert_eq!(named, ["`in -> out` is not explained"]);
    }

    #[test]
    fn a_verdict_by_a_test_that_is_gone_is_found() {
        let (_, _, document) = written(SOURCE);
        let gone = |gone: &str| tests_gone(&document, |test| test != gone);
        assert_eq!(gone("another::test"), [""; 0]);
        assert_eq!(gone("a::test"), ["a::test is no test"]);
        let endless = ENDLESS[0].test;
        assert_eq!(gone(endless), [format!("{endless} is no test")]);
    }

    #[test]
    fn a_document_without_a_place_for_a_table_is_an_error() {
        with("# O\n", "sites", "").unwrap_err();
    }
}
