//! How a test ended, and what that says about the code.

use process_control::Output;

/// What a test says that fails without having found anything: it never met its case, or its
/// search is not the one that it should be. Whoever panics so begins with this.
pub const NOTHING_SHOWN: &str = "nothing is shown: ";

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It passed.
    Passed,
    /// An assertion of the test failed, or of its stage; with what was said, as below.
    Asserted(String),
    /// An assertion of the library failed, loom saw a race, or the process crashed.
    Crashed(String),
    /// A thread of the model goes on and on.
    Hung(String),
    /// The search was given up, or never met its case: nothing is shown.
    GaveUp(String),
}

impl End {
    pub(crate) fn of(output: &Output) -> End {
        if output.status.success() {
            return End::Passed;
        }
        let all = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        match first_panic(&all) {
            Some(said) => End::of_panic(said),
            None => End::of_signal(output, &all),
        }
    }

    fn of_panic(said: String) -> End {
        let has = |what: &str| said.contains(what);
        if has(NOTHING_SHOWN) {
            End::GaveUp(said)
        } else if has("exceeded maximum number of branches") {
            End::Hung(said)
        } else if said.starts_with("loom-tests/") {
            End::Asserted(said)
        // The accesses that loom watches.
        } else if said.starts_with("src/") || has("Causality violation") {
            End::Crashed(said)
        } else {
            End::GaveUp(said)
        }
    }

    /// Without a panic only what a process does to itself is about the code: others are
    /// killed, by who runs out of memory for one.
    fn of_signal(output: &Output, all: &str) -> End {
        const ITS_OWN: [(i32, &str); 4] = [
            (4, "illegal instruction"),
            (6, "abort"),
            (7, "bus error"),
            (11, "segmentation fault"),
        ];
        let signal = output.status.signal();
        let own = ITS_OWN.iter().find(|(number, _)| signal == Some(*number));
        match own {
            Some((_, name)) if !all.contains("memory allocation of") => {
                End::Crashed((*name).to_owned())
            }
            _ => End::GaveUp(format!("no panic, {}", output.status)),
        }
    }
}

/// The first panic's place and words.
fn first_panic(said: &str) -> Option<String> {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at "));
    let (_, place) = lines.next()?.split_once("panicked at ")?;
    let words: Vec<&str> = lines
        .map(str::trim)
        .take_while(|line| !line.is_empty() && !line.starts_with("note:"))
        .take(3)
        .collect();
    Some(format!("{place} {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(said: &str) -> End {
        End::of_panic(first_panic(said).unwrap())
    }

    #[test]
    fn only_an_assertion_of_ours_and_a_race_that_loom_saw_are_failures() {
        let ours = "\nthread 'a' panicked at loom-tests/tests/models/a.rs:7:9:\nleft: 1\nnote: run";
        assert_eq!(judged(ours), End::Asserted("loom-tests/tests/models/a.rs:7:9: left: 1".into()));
        let of_the_library = "panicked at src/word.rs:1:1:\noverflow";
        assert!(matches!(judged(of_the_library), End::Crashed(_)));
        let race = "panicked at /c/loom/src/rt.rs:1:1:\nCausality violation: Concurrent";
        assert!(matches!(judged(race), End::Crashed(_)));
        let endless =
            "panicked at /c/loom/src/rt.rs:1:1:\nModel exceeded maximum number of branches";
        assert!(matches!(judged(endless), End::Hung(_)));
        let other = "panicked at /c/loom/src/rt.rs:1:1:\nsomething in loom-tests/";
        assert!(matches!(judged(other), End::GaveUp(_)));
    }

    #[test]
    fn a_search_that_shows_nothing_is_no_failure_whatever_it_says_besides() {
        for why in ["the test never met its case", "it stopped in 3 places", "too many schedules"] {
            let said =
                format!("panicked at loom-tests/tests/models/a.rs:8:9:\n{NOTHING_SHOWN}{why}");
            assert!(matches!(judged(&said), End::GaveUp(_)), "{said}");
        }
    }
}
