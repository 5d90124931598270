//! `show`: what is printed, and what is never printed raw.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::fixture::{OLD, Place, record, records, run};

#[test]
fn a_record_is_one_line_and_what_the_envelope_keeps_for_programs_is_left_out() {
    let place = Place::new();
    let fields = r#","n":3,"path":"/a b","plain":"x","none":null,"fields":{"level":"x","seq":7}"#;
    place.write("a", record(1, fields) + OLD + "{\"other\":true}\n");
    let ran = place.run(&["show", "a"]);
    let expected = "\
2026-11-23T13:15:01.123456Z INFO     tools custom: number 1  n=3  none=null  path=\"/a b\"  \
plain=x  fields.level=x  fields.seq=7
2024-05-01 12:00:00,123 ERROR    x mcp.tool.failed: old  component=structured_logging  \
duration_ms=2.5  function=f  taskName=null
- -        -  other=true
";
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
}

#[test]
fn an_envelope_of_other_types_is_shown_as_it_is() {
    let place = Place::new();
    let odd =
        r#"{"timestamp":5,"level":{"a":1},"logger":[],"event_type":null,"message":7,"fields":[1]}"#;
    place.write("a", format!("{odd}\n{{\"level\":\"LOUD\",\"fields\":{{}}}}\n"));
    let shown = place.run(&["show", "a"]).out;
    assert_eq!(shown, "5 {\"a\":1}  [] null: 7  fields=[1]\n- LOUD     -\n");
}

#[test]
fn json_is_passed_on_byte_for_byte() {
    let place = Place::new();
    let odd = record(1, ",\"a\" :  1e2,\"c\":\"\u{9b}2J\"");
    let log = format!("{odd}garbage\r\n{OLD}");
    place.write("a", log);
    let ran = place.run(&["show", "a", "--json"]);
    assert_eq!((ran.status, ran.out), (0, odd + OLD));
    assert_eq!(ran.err, "a: 1 skipped (9 bytes: 1 not JSON): verify says where\n");
}

#[test]
fn no_control_character_reaches_the_output_raw() {
    let place = Place::new();
    let evil = r"\u001b[31m\u0007\u0000\r\n\u009b2J\u007f\u202e";
    let all = format!(
        r#"{{"timestamp":"{evil}","level":"{evil}","logger":"{evil}","event_type":"{evil}","message":"{evil}","{evil}":"{evil}","list":["{evil}"],"fields":{{"{evil}":{{"{evil}":1}}}}}}"#
    );
    place.write("a\u{1b}[31m", all.clone() + "\nx\n");
    for args in [&["show"][..], &["count", "--by", "message"], &["verify"]] {
        let ran = place.run(&[args, &["a\u{1b}[31m"]].concat());
        for text in [&ran.out, &ran.err] {
            let raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!text.contains(raw), "{args:?}: {text:?}");
        }
        assert!(ran.out.lines().count() < 9, "{}", ran.out);
    }
    let shown = place.run(&["show", "a\u{1b}[31m"]).out;
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains(r"\u{1b}[31m\u{7}\u{0}\r\n\u{9b}2J\u{7f}\u{202e}"), "{shown}");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let place = Place::new();
    place.write("a", record(1, r#","level_of":"x""#) + &record(2, ""));
    let plain = place.run(&["show", "a"]).out;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = place.run(&["show", "a", "--color", "always"]).out;
    assert!(coloured.contains("\u{1b}[32mINFO    \u{1b}[0m"), "{coloured:?}");
    // Colours change nothing else.
    let mut stripped = String::new();
    for piece in coloured.split('\u{1b}') {
        stripped += piece.strip_prefix('[').map_or(piece, |rest| rest.split_once('m').unwrap().1);
    }
    assert_eq!(stripped, plain);
    assert_eq!(place.run(&["show", "a", "--color", "never"]).out, plain);
}

#[test]
fn every_condition_is_asked_of_both_schemas() {
    let place = Place::new();
    let new = record(
        1,
        r#","component":"c","request_id":7,"trace_id":"0af7651916cd43dd8448eb211c80319c""#,
    );
    place.write("a", format!("{new}{OLD}"));
    for (args, wanted) in [
        (&["--level", "warn"][..], OLD),
        (&["--event-type", "mcp.*"], OLD),
        (&["--event-type", "custom"], new.as_str()),
        (&["--component", "structured_logging"], OLD),
        (&["--request-id", "7"], new.as_str()),
        (&["--trace-id", "0AF7651916CD43DD8448EB211C80319C"], new.as_str()),
        (&["--since", "2026-11-23"], new.as_str()),
        (&["--until", "2024-05-01T12:00:00.124Z"], OLD),
        (&["--until", "2024-05-01T12:00:00.123Z"], ""),
        (&["--since", "2024-05-01 12:00:00,123", "--level", "error"], OLD),
    ] {
        let ran = place.run(&[&["show", "a", "--json"], args].concat());
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, wanted, ""), "{args:?}");
    }
}

#[test]
fn several_logs_and_stdin_are_read_in_the_order_given() {
    let place = Place::new();
    place.write("b", records(0..2));
    place.write("a", records(4..5));
    place.write("in", records(2..4));
    let mut program = place.program(&["show", "--json", "b", "-", "a"]);
    let ran = run(program.stdin(File::open(place.path("in")).unwrap()));
    assert_eq!((ran.status, ran.out), (0, records(0..5)));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let place = Place::new();
    // More than pipes and buffers hold.
    place.write("a", records(0..20_000));
    for form in ["--json", "--color=always"] {
        let mut program = place.program(&["show", form, "a"]);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut head = BufReader::new(child.stdout.take().unwrap());
        head.read_line(&mut line).unwrap();
        assert!(line.contains("number 0"));
        drop(head);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    place.write("a", records(0..2));
    for args in [&["show", "a"][..], &["count", "a"], &["verify", "a"], &["--help"]] {
        let mut program = place.program(args);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child = program.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{args:?}");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.starts_with("error: stdout: not written: No space left"), "{said}");
    }
}
