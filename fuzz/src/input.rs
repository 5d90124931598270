//! What a log is made of and what is logged, made of any bytes.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use ampacity_log::{Context, EventType, Level, Redaction, Trace};
use arbitrary::{Arbitrary, Unstructured};

use crate::act::{Act, Name};
use crate::shows::Shows;

/// One log and what it is given.
#[derive(Arbitrary, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) settings: Settings<'a>,
    pub(crate) base: Fields<'a>,
    pub(crate) context: Fields<'a>,
    pub(crate) trace: Ids,
    pub(crate) records: Vec<Given<'a>>,
}

/// How the log is configured.
#[derive(Arbitrary, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) logger: &'a str,
    pub(crate) least: AnyLevel,
    pub(crate) value_bytes: ValueBytes,
    pub(crate) record_bytes: RecordBytes,
    pub(crate) depth: Depth,
    pub(crate) hides: Hides,
    seconds: i64,
    nanos: u32,
}

impl Settings<'_> {
    /// The time of day.
    pub(crate) fn now(&self) -> SystemTime {
        let since = Duration::new(self.seconds.unsigned_abs(), self.nanos % 1_000_000_000);
        let now = match self.seconds < 0 {
            true => UNIX_EPOCH.checked_sub(since),
            false => UNIX_EPOCH.checked_add(since),
        };
        now.unwrap_or(UNIX_EPOCH)
    }
}

/// Fields in the order in which they are given.
pub(crate) type Fields<'a> = Vec<(Name<'a>, Act<'a>)>;

/// One record.
#[derive(Arbitrary, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) level: AnyLevel,
    pub(crate) event_type: AnyType,
    pub(crate) message: Option<Shows<'a>>,
    pub(crate) fields: Fields<'a>,
    pub(crate) trace: Ids,
}

/// The bytes of a span's ids.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Ids(Option<([u8; 16], [u8; 8])>);

impl Ids {
    /// The span, if they name one.
    pub(crate) fn trace(self) -> Option<Trace> {
        let (trace_id, span_id) = self.0?;
        Trace::new(trace_id, span_id).ok()
    }
}

/// The context that the fields make up.
pub(crate) fn context(fields: &Fields<'_>, trace: Ids) -> Context {
    let context =
        fields.iter().fold(Context::new(), |context, (name, act)| context.with(name.0, act));
    match trace.trace() {
        Some(trace) => context.with_trace(trace),
        None => context,
    }
}

/// Which names a log hides.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hides {
    Nothing,
    Secrets,
    More,
}

impl Hides {
    pub(crate) fn redaction(self) -> Redaction {
        match self {
            Hides::Nothing => Redaction::off(),
            Hides::Secrets => Redaction::default(),
            Hides::More => Redaction::default().deny("customer*"),
        }
    }
}

macro_rules! any {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = |$u:ident| $draw:expr;)+) => {
        $($(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) $type);

        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary($u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
                $draw.map($name)
            }
        })+
    };
}

/// Longer than a name may be.
const LONG_TYPE: &str = concat!(
    "ünï.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.",
    "ünï.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.",
    "ünï.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.0123456789.",
);

any! {
    /// One of the levels.
    AnyLevel: Level = |u| u.choose(&Level::ALL).copied();
    /// One of the types, or one that somebody made up.
    AnyType: EventType = |u| match u.int_in_range(0..=4)? {
        0 => Ok(EventType::Other("\"\n\u{1}\\")),
        1 => Ok(EventType::Other("")),
        2 => Ok(EventType::Other(LONG_TYPE)),
        _ => u.choose(EventType::ALL).copied(),
    };
    /// The most bytes of a value.
    ValueBytes: usize = |u| Ok(*u.choose(&[64, 65, 100, 300, 4 << 10, 16 << 10, 1 << 20])?);
    /// The most bytes of a record.
    RecordBytes: usize = |u| Ok(*u.choose(&[8 << 10, 9 << 10, 64 << 10, 1 << 20])?);
    /// The most arrays and objects within each other.
    Depth: usize = |u| Ok(*u.choose(&[1, 2, 5, 16, 96])?);
}
