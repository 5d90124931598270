use super::*;
use proptest::prelude::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// `GOOD` with `new` in place of what is at `at`.
fn with(at: usize, new: &str) -> String {
    let mut header = GOOD.to_owned();
    header.replace_range(at..at + new.len(), new);
    header
}

#[test]
fn a_traceparent_is_read_whatever_its_flags() {
    let good = Trace::parse_traceparent(GOOD).unwrap();
    assert_eq!(good.trace_id().to_bytes()[..3], [0x0a, 0xf7, 0x65]);
    assert_eq!(good.span_id().to_bytes(), 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    for flags in ["00", "02", "03", "ff"] {
        assert_eq!(Trace::parse_traceparent(&with(53, flags)), Ok(good));
    }
}

#[test]
fn of_a_later_version_the_known_parts_are_read() {
    let good = Trace::parse_traceparent(GOOD);
    for later in [with(0, "01"), with(0, "cc") + "-", with(0, "fe") + "-what-the-future-brings"] {
        assert_eq!(Trace::parse_traceparent(&later), good, "{later}");
    }
    let glued = Trace::parse_traceparent(&(with(0, "cc") + ".what"));
    assert_eq!(glued, Err(TraceError::Dash { at: 55 }));
}

#[test]
fn a_malformed_traceparent_is_refused_with_the_reason() {
    let refused: &[(String, TraceError)] = &[
        (String::new(), TraceError::Length { len: 0 }),
        (GOOD[..54].to_owned(), TraceError::Length { len: 54 }),
        (GOOD.to_owned() + "-", TraceError::Length { len: 56 }),
        (GOOD.to_owned() + "-what", TraceError::Length { len: 60 }),
        (" ".to_owned() + GOOD, TraceError::Digit { at: 0 }),
        (with(0, "ff"), TraceError::Version),
        (with(0, ".0"), TraceError::Digit { at: 0 }),
        (with(1, "."), TraceError::Digit { at: 1 }),
        (with(4, "A"), TraceError::Digit { at: 4 }),
        (with(34, "+"), TraceError::Digit { at: 34 }),
        (with(36, "g"), TraceError::Digit { at: 36 }),
        (with(51, "-"), TraceError::Digit { at: 51 }),
        (with(53, "."), TraceError::Digit { at: 53 }),
        (with(54, "F"), TraceError::Digit { at: 54 }),
        (with(2, "_"), TraceError::Dash { at: 2 }),
        (with(35, "0"), TraceError::Dash { at: 35 }),
        (with(52, " "), TraceError::Dash { at: 52 }),
        (with(3, &"0".repeat(32)), TraceError::ZeroTraceId),
        (with(36, &"0".repeat(16)), TraceError::ZeroSpanId),
    ];
    for (header, reason) in refused {
        assert_eq!(Trace::parse_traceparent(header), Err(*reason), "{header}");
    }
    let short = "0-42-7-1";
    assert_eq!(Trace::parse_traceparent(short), Err(TraceError::Length { len: 8 }));
}

#[test]
fn ids_of_all_zeros_are_refused_and_one_bit_is_enough() {
    let [mut trace_id, mut span_id] = [[0; 16].to_vec(), [0; 8].to_vec()];
    let trace = |trace_id: &[u8], span_id: &[u8]| {
        Trace::new(trace_id.try_into().unwrap(), span_id.try_into().unwrap())
    };
    assert_eq!(trace(&trace_id, &span_id), Err(TraceError::ZeroTraceId));
    trace_id[15] = 1;
    assert_eq!(trace(&trace_id, &span_id), Err(TraceError::ZeroSpanId));
    span_id[0] = 0x80;
    assert!(trace(&trace_id, &span_id).is_ok());
}

#[test]
fn an_error_says_where() {
    assert!(TraceError::Digit { at: 34 }.to_string().contains("34"));
    assert!(TraceError::Dash { at: 52 }.to_string().contains("52"));
    assert!(TraceError::Length { len: 8 }.to_string().contains("has 8 bytes"));
}

proptest! {
    #[test]
    fn ids_are_read_back_from_their_digits(
        trace_id in any::<[u8; 16]>(),
        span_id in any::<[u8; 8]>(),
    ) {
        prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
        let trace = Trace::new(trace_id, span_id).unwrap();
        let header = format!("00-{}-{:?}-00", trace.trace_id(), trace.span_id());
        prop_assert_eq!(Trace::parse_traceparent(&header), Ok(trace));

        let mut members = Vec::new();
        trace.append(&mut members);
        let expected =
            format!(r#","trace_id":"{}","span_id":"{}""#, trace.trace_id(), trace.span_id());
        prop_assert_eq!(String::from_utf8(members).unwrap(), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(header in "[0-9a-f-]{50,60}|\\PC*") {
        let shown = |trace: Trace| format!("-{}-{}-", trace.trace_id(), trace.span_id());
        match Trace::parse_traceparent(&header) {
            Ok(trace) => prop_assert!(header[2..].starts_with(&shown(trace))),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
