use super::*;

const TOP: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

fn parse(body: &str) -> Result<Trace, TraceError> {
    Trace::parse("t.csv", format!("{TOP}{body}").as_bytes())
}

/// What is said of a trace with this body; one line, the file first.
fn refusal(body: &str) -> String {
    told(&parse(body).unwrap_err())
}

fn told(error: &TraceError) -> String {
    let line = error.to_string();
    assert!(!line.contains('\n') && line.starts_with("t.csv: "), "{line:?}");
    line
}

#[test]
fn crlf_and_a_missing_last_newline_are_read() {
    let body = "2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,0";
    let trace = parse(body).unwrap();
    assert_eq!(trace.span(), Duration::from_nanos(4_314_579_000));
    let last = trace.arrivals()[1];
    assert_eq!((last.context, last.generated), (396, 0));
}

#[test]
fn a_small_step_back_is_put_in_order_and_a_large_one_refused() {
    let body = "2023-01-01 00:00:01.0,1,1\n2023-01-01 00:00:00.5,2,2\n2023-01-01 00:00:02,3,3\n";
    let trace = parse(body).unwrap();
    let context: Vec<u32> = trace.arrivals().iter().map(|arrival| arrival.context).collect();
    assert_eq!(context, [2, 1, 3]);
    assert_eq!(trace.arrivals()[0].at, Duration::ZERO);

    let line = refusal("2023-01-01 00:00:09,1,1\n2023-01-01 00:00:00.5,2,2\n");
    assert_eq!(line, "t.csv: line 3: the time steps back by 8.5 s");
}

#[test]
fn a_last_line_cut_anywhere_before_its_last_number_is_torn() {
    let whole = "2023-01-01 00:00:00.0000000,10,20\n2023-01-01 00:00:01.0000000,30,40";
    let second = whole.find('\n').unwrap() + 1;
    for end in second + 1..whole.len() - 2 {
        let line = refusal(&whole[..end]);
        assert!(line.starts_with("t.csv: line 3: the last line is torn: "), "{end}: {line}");
    }
}

#[test]
fn a_bad_line_in_the_middle_is_not_called_torn() {
    let line = refusal("2023-01-01 00:00:00,1\n2023-01-01 00:00:01,1,1\n");
    assert_eq!(line, "t.csv: line 2: 2 fields, not 3");
}

#[test]
fn the_line_that_is_named_is_the_one_in_the_file_whatever_ends_lines_and_is_between_them() {
    let row = "2023-01-01 00:00:00,1,1";
    assert!(refusal(&format!("\n\n{row}\n\nx\n")).starts_with("t.csv: line 6: 1 fields"));
    assert!(refusal(&format!("{row}\r\n{row}\r\nx\r\n{row}")).starts_with("t.csv: line 4: 1"));
    let torn = refusal(&format!("{row}\r\n{row}\r\n2023-01"));
    assert!(torn.starts_with("t.csv: line 4: the last line is torn: 1 fields"), "{torn}");
    let headless = told(&Trace::parse("t.csv", b"\n\nx,y\n").unwrap_err());
    assert!(headless.starts_with("t.csv: line 3: the head is not"), "{headless}");
}

#[test]
fn nonsense_is_refused_with_its_line_and_value() {
    for (row, says) in [
        ("2023-01-01 00:00:00,-4,1", "ContextTokens is negative: -4"),
        ("2023-01-01 00:00:00,1,99999999999", "GeneratedTokens is 99999999999, more than 10000000"),
        ("2023-01-01 00:00:00,1,10000001", "GeneratedTokens is 10000001, more than 10000000"),
        ("2023-01-01 00:00:00,,1", "ContextTokens is \"\", not a number of tokens"),
        ("2023-01-01 00:00:00,1.5,1", "ContextTokens is \"1.5\", not a number of tokens"),
        ("2023-01-01 00:00:00,NaN,1", "ContextTokens is \"NaN\", not a number of tokens"),
        ("2023-13-01 00:00:00,1,1", "TIMESTAMP is \"2023-13-01 00:00:00\", not a date and time"),
        ("yesterday,1,1", "TIMESTAMP is \"yesterday\", not a date and time"),
        ("2023-01-01 00:00:00,1,1,1", "4 fields, not 3"),
        ("\"2023-01-01 00:00:00,1,1", "TIMESTAMP is"),
    ] {
        let line = refusal(&format!("{row}\n2023-01-01 00:00:01,1,1\n"));
        assert!(line.starts_with(&format!("t.csv: line 2: {says}")), "{line}");
    }
    let line = refusal("2023-01-01 00:00:00,1,1\n2024-01-01 00:00:00,1,1\n");
    assert_eq!(line, "t.csv: line 3: the time is 365 days after the first");
}

#[test]
fn a_field_of_any_length_is_refused_in_one_short_line() {
    let long = "é".repeat(1 << 20);
    for (row, says) in [
        (format!("{long},1,1"), "TIMESTAMP is \"éé"),
        (format!("2023-01-01 00:00:00,{long},1"), "ContextTokens is \"éé"),
        (format!("2023-01-01 00:00:00,1,{}", "9".repeat(50_000)), "GeneratedTokens is \"99"),
    ] {
        let line = refusal(&row);
        assert!(line.contains(says) && line.contains("\"…, not a "), "{:.200}", line);
        assert!(line.len() < 250, "{} bytes", line.len());
    }
}

#[test]
fn what_is_no_trace_at_all_is_refused() {
    assert_eq!(told(&Trace::parse("t.csv", b"").unwrap_err()), "t.csv: the file is empty");
    assert_eq!(refusal(""), "t.csv: no requests below the head");
    assert_eq!(refusal("2023-01-01 00:00:00,1,1\n"), "t.csv: all requests come at the same time");
    let other = Trace::parse("t.csv", b"a,b,c\n1,2,3\n").unwrap_err();
    assert!(told(&other).starts_with("t.csv: line 1: the head is not TIMESTAMP,"));
    for bytes in [&b"\x7fELF\x02\x01\0\0"[..], b"TIMESTAMP\xff\xfe", b"TIMESTAMP,\0\n"] {
        let line = told(&Trace::parse("t.csv", bytes).unwrap_err());
        assert!(line.starts_with("t.csv: line 1: binary data: byte 0x"), "{line}");
    }
    let line = refusal("2023-01-01 00:00:00,1,1\n\u{1}\n");
    assert_eq!(line, "t.csv: line 3: binary data: byte 0x01");
}

#[test]
fn too_many_requests_are_refused_at_the_first_that_is_too_many() {
    let mut body = String::new();
    for second in 0..=MAX_REQUESTS {
        body +=
            &format!("2023-01-{:02} 00:{:02}:00,1,1\n", 1 + second / 60_000, second / 1_000 % 60);
    }
    let line = refusal(&body);
    assert_eq!(line, "t.csv: line 250002: more than 250000 requests");
}

#[test]
fn files_that_are_missing_no_files_or_huge_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Trace::read(&dir.path().join("none.csv")).unwrap_err();
    assert!(missing.to_string().contains("none.csv: cannot be read: "), "{missing}");
    let folder = Trace::read(dir.path()).unwrap_err();
    assert!(folder.to_string().ends_with(": not a regular file"), "{folder}");
    let huge = dir.path().join("huge.csv");
    File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let huge = Trace::read(&huge).unwrap_err();
    let says = "huge.csv: 1099511627776 bytes; at most 16777216 are read";
    assert!(huge.to_string().ends_with(says), "{huge}");
}

#[test]
fn the_real_traces_are_read_whole_where_they_are() {
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    for (name, requests) in
        [("AzureLLMInferenceTrace_conv.csv", 19_366), ("AzureLLMInferenceTrace_code.csv", 8_819)]
    {
        let path = beside.join(name);
        if !path.exists() {
            eprintln!("SKIPPED: {name} is not beside this checkout");
            continue;
        }
        let trace = Trace::read(&path).unwrap();
        assert_eq!(trace.arrivals().len(), requests);
        assert!((3_400..3_600).contains(&trace.span().as_secs()));
    }
}
