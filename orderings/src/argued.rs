//! The orderings that no model can notice to be weaker, and why they stand.

/// A mutant that no test fails for.
#[derive(Debug)]
pub struct Argued {
    /// The key of its site: file, item, operation.
    pub site: &'static str,
    /// The ordering in place of its own.
    pub weaker: &'static str,
    /// Why no test fails, and why its own ordering stays.
    pub reason: &'static str,
}

/// A mutant with which a test does not end.
#[derive(Debug)]
pub struct Endless {
    /// The key of its site.
    pub site: &'static str,
    /// The ordering in place of its own.
    pub weaker: &'static str,
    /// The test.
    pub test: &'static str,
    /// Why that is its failure.
    pub reason: &'static str,
}

/// Orderings argued.
pub const ARGUED: &[Argued] = &[];

/// Mutants caught by a test that does not end.
pub const ENDLESS: &[Endless] = &[
    Endless {
        site: "event/history.rs History::write store",
        weaker: "Relaxed",
        test: HISTORY,
        reason: "the reader whose slots were all taken over is not shown that more was told",
    },
    Endless {
        site: "event/history.rs History::write store (3)",
        weaker: "Relaxed",
        test: HISTORY,
        reason: "the reader is told of an event and is not shown the slot that has it",
    },
    Endless {
        site: "event/history.rs History::read load",
        weaker: "Relaxed",
        test: HISTORY,
        reason: "the reader is told of an event and is not shown the slot that has it",
    },
    Endless {
        site: "event/history.rs History::read_one load (2)",
        weaker: "Relaxed",
        test: HISTORY,
        reason: "the reader whose slots were all taken over is not shown that more was told",
    },
];

const HISTORY: &str = "events::at_the_desk::a_history_shows_whole_events_while_others_are_told";
