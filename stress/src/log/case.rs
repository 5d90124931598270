//! What is measured: who logs what, where to, and from how many threads.

/// Who writes the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `ampacity-log`.
    Ours,
    /// `tracing` with `tracing-subscriber`'s JSON layer, whose caller writes.
    Tracing,
    /// The same through `tracing-appender`, whose thread writes.
    Appender,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A typed event with three fields.
    Event,
    /// The same in a context of three fields; for `tracing` in a span of them.
    Context,
    /// An error with two sources.
    Error,
    /// The event, of a level that nobody takes.
    Disabled,
    /// The event, on a log that nobody configured.
    Off,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A file, opened for appending: a write a record.
    File,
    /// Nowhere: the line is made and thrown away.
    Discard,
}

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) who: Who,
    pub(super) kind: Kind,
    pub(super) target: Target,
    pub(super) threads: usize,
}

/// Threads that log at once, where it is more than one.
pub(super) const SEVERAL: usize = 8;

impl Who {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::Tracing, Self::Appender];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ampacity_log",
            Self::Tracing => "tracing_subscriber",
            Self::Appender => "tracing_appender",
        }
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Context => "in_a_context",
            Self::Error => "error",
            Self::Disabled => "disabled_level",
            Self::Off => "unconfigured",
        }
    }

    /// Whether anything is written at all.
    pub(super) fn is_written(self) -> bool {
        !matches!(self, Self::Disabled | Self::Off)
    }
}

impl Target {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Discard => "discarded",
        }
    }
}

impl Case {
    /// All of them, those that are compared next to each other.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (kind, target, threads) in [
            (Kind::Event, Target::File, 1),
            (Kind::Event, Target::Discard, 1),
            (Kind::Event, Target::File, SEVERAL),
            (Kind::Event, Target::Discard, SEVERAL),
            (Kind::Context, Target::File, 1),
            (Kind::Error, Target::File, 1),
            (Kind::Disabled, Target::File, 1),
            (Kind::Off, Target::File, 1),
        ] {
            let takes = |who: &Who| match kind {
                Kind::Off => *who == Who::Ours,
                // What is not written goes through nothing.
                Kind::Disabled => *who != Who::Appender,
                _ => true,
            };
            let whoever = Who::ALL.into_iter().filter(takes);
            all.extend(whoever.map(|who| Self { who, kind, target, threads }));
        }
        all
    }

    /// The same by somebody else.
    pub(super) fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }
}

/// An error with two sources, as a server has them.
#[derive(Debug)]
pub(super) struct Fault {
    text: &'static str,
    source: Option<Box<Fault>>,
}

impl Fault {
    pub(super) fn new() -> Self {
        let fault = |text, source: Option<Self>| Self { text, source: source.map(Box::new) };
        let reset = fault("connection reset by peer", None);
        let send = fault("request could not be sent", Some(reset));
        fault("index is not available", Some(send))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
