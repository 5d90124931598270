//! What a caller gets instead of a value.

use crate::word::Reason;
use core::fmt;
use core::time::Duration;

/// A name that can be copied into a rejection without allocating: the whole of a
/// `'static` name, the first 30 bytes of another.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    Static(&'static str),
    Inline { len: u8, bytes: [u8; Name::ROOM] },
}

impl Name {
    const ROOM: usize = 30;

    /// The beginning of `name`, cut between two characters.
    pub(crate) fn cut(name: &str) -> Name {
        let fits = Name::ROOM.min(name.len());
        let len = (0..=fits).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        let mut bytes = [0; Name::ROOM];
        bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
        Name::Inline { len: len as u8, bytes }
    }

    fn as_str(&self) -> &str {
        match self {
            Name::Static(name) => name,
            // Cut from a `str` between characters, so never the default.
            Name::Inline { len, bytes } => {
                core::str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default()
            }
        }
    }
}

/// A call that was turned away: it was not made.
///
/// Owns what it says, and making one neither allocates nor writes shared memory.
#[derive(Clone, Copy)]
pub struct Rejected {
    name: Name,
    reason: Reason,
    retry_after: Option<Duration>,
}

impl Rejected {
    pub(crate) fn new(name: Name, reason: Reason, retry_after: Option<Duration>) -> Self {
        Self { name, reason, retry_after }
    }

    /// Why the call was turned away.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How long until a call may be tried again.
    ///
    /// The open wait that remains (`Duration::MAX` if it never ends), or what remains of
    /// the lease of the probes that are out, or of the time that the breaker may be
    /// half-open; `None` when forced open.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The breaker's name.
    ///
    /// Whole if the breaker was given a `&'static str`; of a `String`, the
    /// first 30 bytes, cut between two characters.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::Open => "open",
            Reason::HalfOpenFull => "half-open and its probes are out",
            Reason::ForcedOpen => "forced open",
        };
        write!(f, "circuit breaker '{}' is {what}", self.name())
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("name", &self.name())
            .field("reason", &self.reason)
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

impl core::error::Error for Rejected {}

/// Why [`CircuitBreaker::call`](crate::CircuitBreaker::call) returned no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallError<E> {
    /// The call was not made.
    Rejected(Rejected),
    /// The call was made and failed with `E`.
    Failed(E),
}

impl<E> CallError<E> {
    /// The rejection, if the call was not made.
    pub fn rejected(&self) -> Option<&Rejected> {
        match self {
            CallError::Rejected(rejected) => Some(rejected),
            CallError::Failed(_) => None,
        }
    }

    /// The call's own error, if it was made.
    pub fn failed(self) -> Option<E> {
        match self {
            CallError::Rejected(_) => None,
            CallError::Failed(error) => Some(error),
        }
    }
}

impl PartialEq for Rejected {
    fn eq(&self, other: &Self) -> bool {
        (self.name(), self.reason, self.retry_after)
            == (other.name(), other.reason, other.retry_after)
    }
}

impl Eq for Rejected {}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected(rejected) => rejected.fmt(f),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for CallError<E> {
    /// The rejection or the call's own error, so that whoever walks the sources
    /// finds it.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            CallError::Rejected(rejected) => Some(rejected),
            CallError::Failed(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_between_characters_at_thirty_bytes() {
        let long = "ä".repeat(40);
        let rejected = Rejected::new(Name::cut(&long), Reason::Open, None);
        assert_eq!(rejected.name(), "ä".repeat(15));
        let odd = format!("x{long}");
        assert_eq!(Rejected::new(Name::cut(&odd), Reason::Open, None).name().len(), 29);
        assert_eq!(Rejected::new(Name::cut(""), Reason::Open, None).name(), "");
    }

    #[test]
    fn a_rejection_says_which_breaker_and_why() {
        let text = |reason| Rejected::new(Name::Static("db"), reason, None).to_string();
        assert_eq!(text(Reason::Open), "circuit breaker 'db' is open");
        assert_eq!(
            text(Reason::HalfOpenFull),
            "circuit breaker 'db' is half-open and its probes are out"
        );
        assert_eq!(text(Reason::ForcedOpen), "circuit breaker 'db' is forced open");
    }
}
