//! The table of `docs/mutants.md`: a row for each file, between two marks.

use crate::copy;
use crate::mutant::Mutant;
use crate::verdicts::Fate;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- written by `bash .ci/mutants`: -->\n";
const END: &str = "<!-- as far as here -->";
const HEAD: &str = "\
| file | text | mutants | caught | timed out | unviable | survived | not run |
|---|---|---:|---:|---:|---:|---:|---:|
";

/// What became of the mutants of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    file: String,
    /// What git calls the text that was changed.
    text: String,
    /// All, caught, timed out, unviable, survived, not run.
    counts: [usize; 6],
}

impl Row {
    pub(crate) fn count(
        tree: &Path,
        file: &str,
        mutants: &[Mutant],
        mut fate: impl FnMut(&Mutant) -> Option<Fate>,
    ) -> Self {
        let mut counts = [0; 6];
        for mutant in mutants {
            counts[0] += 1;
            counts[match fate(mutant) {
                Some(Fate::Caught) => 1,
                Some(Fate::TimedOut) => 2,
                Some(Fate::Unviable) => 3,
                Some(Fate::Survived) => 4,
                None => 5,
            }] += 1;
        }
        let text = copy::id(&tree.join(file)).unwrap_or_default();
        Self { file: file.to_owned(), text, counts }
    }

    /// Whether every mutant was run.
    pub(crate) fn is_complete(&self) -> bool {
        self.not_run() == 0
    }

    pub(crate) fn not_run(&self) -> usize {
        self.counts[5]
    }

    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [file, text, counts @ ..] = cells.as_slice() else { return None };
        let counts: Vec<usize> = counts.iter().map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let file = file.trim_matches('`').to_owned();
        Some(Self { file, text: (*text).to_owned(), counts: counts.try_into().ok()? })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| `{}` | {} |", self.file, self.text)?;
        self.counts.iter().try_for_each(|count| write!(f, " {count} |"))
    }
}

/// A page with the table in it.
pub(crate) struct Table {
    path: String,
    before: String,
    rows: BTreeMap<String, Row>,
    after: String,
}

impl Table {
    pub(crate) fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        Self::parse(path, &fs::read_to_string(path)?)
            .ok_or_else(|| format!("{path} has no place for the table").into())
    }

    fn parse(path: &str, page: &str) -> Option<Self> {
        let (before, rest) = page.split_once(BEGIN)?;
        let (rows, after) = rest.split_once(END)?;
        let rows = rows.lines().filter_map(Row::parse).map(|row| (row.file.clone(), row));
        Some(Self {
            path: path.to_owned(),
            before: before.to_owned(),
            rows: rows.collect(),
            after: after.to_owned(),
        })
    }

    /// Takes in `row`, unless it knows less of the same text than the row that is there.
    pub(crate) fn put(&mut self, row: Row) {
        let is_less = |there: &Row| there.text == row.text && !row.is_complete();
        if !self.rows.get(&row.file).is_some_and(is_less) {
            self.rows.insert(row.file.clone(), row);
        }
    }

    /// Drops the rows of files that are not `wanted`.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.rows.retain(|file, _| wanted(file));
    }

    fn page(&self) -> String {
        let mut table = HEAD.to_owned();
        let mut sum = [0; 6];
        for row in self.rows.values() {
            table += &format!("{row}\n");
            for (sum, count) in sum.iter_mut().zip(row.counts) {
                *sum += count;
            }
        }
        table += "| all | |";
        table += &sum.map(|count| format!(" {count} |")).concat();
        format!("{}{BEGIN}{table}\n{END}{}", self.before, self.after)
    }

    pub(crate) fn write(&self) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(&self.path, self.page())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, counts: [usize; 6]) -> Row {
        Row { file: "src/a.rs".to_owned(), text: text.to_owned(), counts }
    }

    fn page() -> Table {
        Table::parse("", &format!("above\n{BEGIN}{END}\nbelow\n")).unwrap()
    }

    #[test]
    fn a_page_that_is_read_and_written_again_stays_as_it_was() {
        let mut table = page();
        table.put(row("abc", [9, 5, 1, 2, 1, 0]));
        let written = table.page();
        assert!(written.starts_with("above\n") && written.ends_with("\nbelow\n"), "{written}");
        assert!(written.contains("| `src/a.rs` | abc | 9 | 5 | 1 | 2 | 1 | 0 |\n"), "{written}");
        assert!(written.contains("| all | | 9 | 5 | 1 | 2 | 1 | 0 |\n"), "{written}");
        assert_eq!(Table::parse("", &written).unwrap().page(), written);
    }

    #[test]
    fn a_row_gives_way_to_one_of_another_text_or_one_that_is_complete() {
        let (part, whole) = ([9, 5, 0, 0, 0, 4], [9, 8, 0, 0, 1, 0]);
        let mut table = page();
        table.put(row("abc", whole));
        table.put(row("abc", part));
        assert_eq!(table.rows["src/a.rs"], row("abc", whole));
        table.put(row("def", part));
        assert_eq!(table.rows["src/a.rs"], row("def", part));
        table.put(row("def", whole));
        assert_eq!(table.rows["src/a.rs"], row("def", whole));
    }

    #[test]
    fn a_file_that_is_gone_has_no_row() {
        let mut table = page();
        table.put(row("abc", [1; 6]));
        table.retain(|file| file == "src/a.rs");
        assert_eq!(table.rows.len(), 1);
        table.retain(|file| file == "src/b.rs");
        assert!(table.rows.is_empty());
    }
}
