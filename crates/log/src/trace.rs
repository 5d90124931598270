//! The span that a record belongs to, as W3C Trace Context names it.

use core::fmt;

/// The bytes of a `traceparent` of version 00: `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const TRACEPARENT_LEN: usize = 55;

/// A span and the trace that it is part of. Neither id is all zeros.
///
/// A [`Context`](crate::Context) carries it, and records under the context have it as
/// `trace_id` and `span_id`.
///
/// # Examples
///
/// ```
/// use ampacity_log::Trace;
///
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = Trace::parse_traceparent(header)?;
/// assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(trace.span_id().to_string(), "b7ad6b7169203331");
/// # Ok::<(), ampacity_log::TraceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Trace {
    trace_id: TraceId,
    span_id: SpanId,
}

impl Trace {
    /// A span by the bytes of its ids, as tracers give them.
    ///
    /// # Errors
    ///
    /// [`ZeroTraceId`](TraceError::ZeroTraceId) or [`ZeroSpanId`](TraceError::ZeroSpanId):
    /// such ids mean that there is no span.
    pub const fn new(trace_id: [u8; 16], span_id: [u8; 8]) -> Result<Self, TraceError> {
        if u128::from_ne_bytes(trace_id) == 0 {
            return Err(TraceError::ZeroTraceId);
        }
        if u64::from_ne_bytes(span_id) == 0 {
            return Err(TraceError::ZeroSpanId);
        }
        Ok(Trace { trace_id: Id(trace_id), span_id: Id(span_id) })
    }

    /// Reads the value of a `traceparent` header, or of that key in a tool call's `_meta`.
    ///
    /// As strict as the standard: digits in lower case, every part of its exact length. Of
    /// a version after 00 the parts that 00 has are read, and what follows them is not. The
    /// flags are checked and not kept.
    ///
    /// # Errors
    ///
    /// What is wrong, and where. The standard's advice is to go on without a span.
    pub fn parse_traceparent(header: &str) -> Result<Self, TraceError> {
        let bytes = header.as_bytes();
        let Some((known, rest)) = bytes.split_first_chunk::<TRACEPARENT_LEN>() else {
            return Err(TraceError::Length { len: bytes.len() });
        };
        let [version] = digits(known, 0)?;
        match (version, rest) {
            (0xff, _) => return Err(TraceError::Version),
            (_, []) => {}
            (0, _) => return Err(TraceError::Length { len: bytes.len() }),
            (_, [b'-', ..]) => {}
            (_, _) => return Err(TraceError::Dash { at: TRACEPARENT_LEN }),
        }
        let trace_id = digits(known, 3)?;
        let span_id = digits(known, 36)?;
        let [_flags] = digits(known, 53)?;
        if let Some(at) = [2, 35, 52].into_iter().find(|at| known[*at] != b'-') {
            return Err(TraceError::Dash { at });
        }
        Trace::new(trace_id, span_id)
    }

    /// The trace.
    pub const fn trace_id(self) -> TraceId {
        self.trace_id
    }

    /// The span.
    pub const fn span_id(self) -> SpanId {
        self.span_id
    }

    /// Appends both ids as members of a record, with a comma before each.
    pub(crate) fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"trace_id\":\"");
        self.trace_id.append(out);
        out.extend_from_slice(b"\",\"span_id\":\"");
        self.span_id.append(out);
        out.push(b'"');
    }
}

/// What `N` bytes the hexadecimal digits from `start` on are.
fn digits<const N: usize>(header: &[u8; 55], start: usize) -> Result<[u8; N], TraceError> {
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        for at in [start + 2 * i, start + 2 * i + 1] {
            let digit = match header[at] {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(TraceError::Digit { at }),
            };
            *byte = *byte << 4 | digit;
        }
    }
    Ok(bytes)
}

/// `N` bytes that name a trace or a span. Shown as records have it: `2 * N` hexadecimal
/// digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id<const N: usize>([u8; N]);

/// Names a trace: 16 bytes, 32 digits.
pub type TraceId = Id<16>;

/// Names a span: 8 bytes, 16 digits.
pub type SpanId = Id<8>;

impl<const N: usize> Id<N> {
    /// The bytes, the first two digits' first.
    pub const fn to_bytes(self) -> [u8; N] {
        self.0
    }

    fn append(self, out: &mut Vec<u8>) {
        out.extend(self.digits());
    }

    fn digits(self) -> impl Iterator<Item = u8> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let of = |byte: u8| [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]);
        self.0.into_iter().flat_map(of)
    }
}

impl<const N: usize> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().try_for_each(|digit| fmt::Write::write_char(f, digit.into()))
    }
}

impl<const N: usize> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why there is no [`Trace`]. Positions are in bytes, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// A `traceparent` has 55 bytes, or more in versions after 00.
    #[non_exhaustive]
    Length {
        /// How many this one has.
        len: usize,
    },
    /// The version is `ff`, which is none.
    Version,
    /// Something else than a hexadecimal digit in lower case.
    #[non_exhaustive]
    Digit {
        /// Where.
        at: usize,
    },
    /// Something else than the dash that is due.
    #[non_exhaustive]
    Dash {
        /// Where.
        at: usize,
    },
    /// The trace's id is all zeros.
    ZeroTraceId,
    /// The span's id is all zeros.
    ZeroSpanId,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Length { len } => {
                write!(f, "traceparent has {len} bytes, where version 00 has {TRACEPARENT_LEN}")
            }
            TraceError::Version => f.write_str("traceparent is of version ff, which is none"),
            TraceError::Digit { at } => {
                write!(f, "traceparent has no hexadecimal digit in lower case at byte {at}")
            }
            TraceError::Dash { at } => write!(f, "traceparent has no dash at byte {at}"),
            TraceError::ZeroTraceId => f.write_str("trace id is all zeros"),
            TraceError::ZeroSpanId => f.write_str("span id is all zeros"),
        }
    }
}

impl core::error::Error for TraceError {}

#[cfg(test)]
mod tests;
