//! Finds the memory orderings in a source.

use crate::comments::{self, Comment};
use std::ops::Range;
use syn::visit::Visit;

mod cfg;
mod walk;

/// What there is in one file.
#[derive(Debug, Default)]
pub struct Found {
    /// The file, from `src/` on.
    pub file: String,
    /// The orderings that are not relaxed, in the order they come.
    pub sites: Vec<Site>,
    /// How many are.
    pub relaxed: usize,
    /// The lines of relaxed accesses for which no comment says why.
    pub unargued: Vec<usize>,
    /// The modules that have files of their own.
    pub modules: Vec<String>,
    /// The edges that comments name.
    pub named: Vec<String>,
}

/// An ordering that is not relaxed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// The file, from `src/` on.
    pub file: String,
    /// The item around it: `AtomicWord::swap`.
    pub item: String,
    /// The call that it is given to, and as what: `compare_exchange_weak, failure`. The
    /// second of a kind in one item has a number after it.
    pub operation: String,
    /// The ordering.
    pub ordering: Order,
    /// Its place in the file, counted in bytes.
    pub bytes: Range<usize>,
    /// Its line, counted from 1.
    pub line: usize,
    /// The edge that the comment above it names, for each half that the ordering has.
    pub edges: Vec<(Half, Option<String>)>,
}

/// An ordering that orders something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Order {
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

/// What can be taken away from an ordering by one step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum Half {
    Acquire,
    Release,
}

impl Half {
    /// As in the source.
    pub fn name(self) -> &'static str {
        match self {
            Half::Acquire => "Acquire",
            Half::Release => "Release",
        }
    }
}

impl Order {
    /// As in the source.
    pub fn name(self) -> &'static str {
        match self {
            Order::Acquire => "Acquire",
            Order::Release => "Release",
            Order::AcqRel => "AcqRel",
            Order::SeqCst => "SeqCst",
        }
    }

    fn named(name: &str) -> Option<Order> {
        [Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst]
            .into_iter()
            .find(|order| order.name() == name)
    }

    /// What it is without one of its halves.
    pub fn without(self, half: Half) -> &'static str {
        match (self, half) {
            (Order::AcqRel | Order::SeqCst, Half::Acquire) => "Release",
            (Order::AcqRel | Order::SeqCst, Half::Release) => "Acquire",
            (Order::Acquire | Order::Release, _) => "Relaxed",
        }
    }

    fn halves(self) -> &'static [Half] {
        match self {
            Order::Acquire => &[Half::Acquire],
            Order::Release => &[Half::Release],
            Order::AcqRel | Order::SeqCst => &[Half::Acquire, Half::Release],
        }
    }
}

impl Site {
    /// What stays the same when lines around it change.
    pub fn key(&self) -> String {
        format!("{} {} {}", self.file, self.item, self.operation)
    }
}

/// The orderings of a file, and what its comments say of them. Left out is what an ordinary
/// build leaves out: tests, what only models have, and planted bugs.
///
/// # Errors
///
/// If the file is no Rust, or brings an ordering in by a name of its own, or has one in a
/// macro that cannot be read.
pub fn find(file: &str, source: &str) -> syn::Result<Found> {
    let parsed = syn::parse_file(source)?;
    let mut finder = walk::Finder::default();
    finder.visit_file(&parsed);
    if let Some(error) = finder.error {
        return Err(error);
    }
    let comments = comments::of(source);
    let mut found = Found { file: file.to_owned(), modules: finder.modules, ..Found::default() };
    let named = comments.iter().flat_map(|comment| comments::named(&comment.text));
    found.named = named.map(|(_, name)| name.to_owned()).collect();
    for raw in finder.orderings {
        match Order::named(&raw.ordering) {
            Some(ordering) => found.sites.push(site(file, &comments, ordering, raw, &found.sites)),
            None => {
                found.relaxed += 1;
                if !comments::argues_relaxed(&comments, raw.from, raw.line) {
                    found.unargued.push(raw.line);
                }
            }
        }
    }
    Ok(found)
}

fn site(
    file: &str,
    comments: &[Comment],
    ordering: Order,
    raw: walk::Raw,
    before: &[Site],
) -> Site {
    let edge = |&half: &Half| (half, comments::edge(comments, half, raw.from, raw.line));
    let mut site = Site {
        file: file.to_owned(),
        item: raw.item,
        operation: raw.operation,
        ordering,
        bytes: raw.bytes,
        line: raw.line,
        edges: ordering.halves().iter().map(edge).collect(),
    };
    let kind = site.operation.clone();
    for nth in 2.. {
        if before.iter().all(|other| other.key() != site.key()) {
            break;
        }
        site.operation = format!("{kind} ({nth})");
    }
    site
}

#[cfg(test)]
mod tests;
