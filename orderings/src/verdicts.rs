//! What a verdict means: a cell of the table, and whether it is good enough.

use crate::argued::{ARGUED, Argued, ENDLESS, Endless};
use crate::hunt::Verdict;
use crate::mutants::Weaker;

/// What the table says of a weaker ordering, and what is wrong with that, if anything.
pub fn settle(weaker: &Weaker, verdict: &Verdict) -> (String, Option<String>) {
    let argued = ARGUED.iter().find(|argued| weaker.is(argued.site, argued.weaker));
    let endless = ENDLESS.iter().find(|endless| weaker.is(endless.site, endless.weaker));
    let (cell, wrong) = judge(verdict, argued, endless);
    let (site, to) = (weaker.site.key(), weaker.to());
    (cell, wrong.map(|wrong| format!("{site}, {to}: {wrong}")))
}

fn judge(
    verdict: &Verdict,
    argued: Option<&Argued>,
    endless: Option<&Endless>,
) -> (String, Option<String>) {
    match (verdict, argued, endless) {
        (Verdict::Caught { test, took, .. }, argued, endless) => {
            // No finer: the table should not be another one each time.
            let cell = match took.as_secs_f64() {
                ..0.1 => format!("`{test}`, under 0.1 s"),
                seconds => format!("`{test}`, {seconds:.1} s"),
            };
            let is_listed = argued.is_some() || endless.is_some();
            (cell, is_listed.then(|| format!("listed, and yet caught by {test}")))
        }
        (Verdict::Hung { test, .. }, _, Some(endless)) if endless.test == test => {
            (format!("`{test}`, which does not end: {}", endless.reason), None)
        }
        (Verdict::Hung { test, said }, ..) => {
            ("**HUNG**".to_owned(), Some(format!("{test} does not end: {said}")))
        }
        (Verdict::Survived { met, .. }, Some(argued), None) => {
            let met = match met {
                0 => "no test comes by".to_owned(),
                met => format!("{met} tests pass"),
            };
            (format!("argued: {} ({met})", argued.reason), None)
        }
        (Verdict::Survived { met, gave_up }, ..) => {
            let mut wrong = format!("survives {met} tests");
            for (test, said) in gave_up {
                wrong += &format!("; {test} gave up: {said}");
            }
            ("**SURVIVED**".to_owned(), Some(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ARGUED: Argued = Argued { site: "a", weaker: "Relaxed", reason: "because" };
    const ENDLESS: Endless =
        Endless { site: "a", weaker: "Relaxed", test: "t", reason: "it waits" };

    #[test]
    fn a_survivor_and_a_hang_are_wrong_unless_listed_and_what_is_listed_must_be_so() {
        let caught =
            Verdict::Caught { test: "t".into(), took: Duration::from_millis(250), said: "".into() };
        let quick = Verdict::Caught { test: "t".into(), took: Duration::ZERO, said: "".into() };
        let hung = Verdict::Hung { test: "t".into(), said: "".into() };
        let other = Verdict::Hung { test: "u".into(), said: "".into() };
        let survived = Verdict::Survived { met: 3, gave_up: vec![("u".into(), "no".into())] };
        for (verdict, argued, endless, cell, is_wrong) in [
            (&caught, None, None, "`t`, 0.2 s", false),
            (&quick, None, None, "`t`, under 0.1 s", false),
            (&caught, Some(&ARGUED), None, "`t`, 0.2 s", true),
            (&caught, None, Some(&ENDLESS), "`t`, 0.2 s", true),
            (&hung, None, None, "**HUNG**", true),
            (&hung, Some(&ARGUED), None, "**HUNG**", true),
            (&hung, None, Some(&ENDLESS), "`t`, which does not end: it waits", false),
            (&other, None, Some(&ENDLESS), "**HUNG**", true),
            (&survived, None, None, "**SURVIVED**", true),
            (&survived, None, Some(&ENDLESS), "**SURVIVED**", true),
            (&survived, Some(&ARGUED), None, "argued: because (3 tests pass)", false),
        ] {
            let (said, wrong) = judge(verdict, argued, endless);
            assert_eq!((said.as_str(), wrong.is_some()), (cell, is_wrong), "{verdict:?}");
        }
    }
}
