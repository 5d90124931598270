//! What cannot be done is said in one line, with status 2.

use crate::fixture::{Place, records};

#[test]
fn what_is_wrong_with_a_command_line_is_one_line() {
    let place = Place::new();
    place.write("a", records(0..1));
    for (args, said) in [
        (&[][..], "error: 'ampacity-log' requires a subcommand but one was not provided"),
        (&["show"], "error: the following required arguments were not provided: <FILE>..."),
        (&["show", "a", "--level", "loud"], "level \"loud\" is none of TRACE, DEBUG, INFO"),
        (&["show", "a", "--since", "soon"], "'--since <TIME>': neither a time nor how long ago"),
        (&["shw", "a"], "error: unrecognized subcommand 'shw'"),
        (&["show", "a", "--lvl", "info"], "error: unexpected argument '--lvl' found"),
        (&["count", "none"], "error: none: cannot be opened: No such file or directory"),
        (&["verify", "a", "none"], "error: none: cannot be opened: No such file or directory"),
        (&["show", "."], "error: .: cannot be read: Is a directory"),
        (&["percentiles", "."], "error: .: cannot be read: Is a directory"),
        (&["verify", "."], "error: .: cannot be read: Is a directory"),
    ] {
        let ran = place.run(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.lines().count() == 1, "{}", ran.err);
    }
}

#[test]
fn a_log_that_cannot_be_read_to_its_end_keeps_what_was_printed() {
    let place = Place::new();
    place.write("a", records(0..2));
    let ran = place.run(&["show", "--json", "a", "."]);
    assert_eq!((ran.status, ran.out), (2, records(0..2)));
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    for args in [&["--help"][..], &["help", "show"], &["verify", "-h"], &["--version"]] {
        let ran = place.run(args);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(!ran.out.is_empty());
    }
}
