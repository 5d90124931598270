//! One change of one file, as `cargo mutants` tells it.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    /// With file, line and column: unique in one state of the tree.
    pub(crate) name: String,
    pub(crate) file: String,
    span: Span,
    /// The line that is changed, of the file as it is.
    #[serde(skip)]
    pub(crate) line: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Span {
    start: Place,
}

#[derive(Clone, Debug, Deserialize)]
struct Place {
    line: usize,
}

impl Mutant {
    /// What is changed into what, without the place.
    pub(crate) fn change(&self) -> &str {
        self.name.split_once(": ").map_or(&self.name, |(_, change)| change)
    }

    /// Notes the line that is changed, so that it can be told from others when the lines
    /// above it have moved it.
    pub(crate) fn find_line(&mut self, text: &str) {
        let line = text.lines().nth(self.span.start.line.saturating_sub(1));
        self.line = line.unwrap_or_default().trim().to_owned();
    }
}
