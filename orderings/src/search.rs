//! Which tests are run at all: those that caught something the last time, and the others if
//! that is not enough.

use crate::hunt::{Test, Verdict, hunt, tests};
use crate::models::{Mutable, Mutant};
use crate::mutants::Weaker;
use crate::verdicts;
use std::time::Instant;

/// What becomes of each weaker ordering. Tests that `document` names are tried first; what
/// none of them fails for meets all that come by.
///
/// # Errors
///
/// If a test does not pass without a mutant.
pub fn search(models: &Mutable, all: &[Weaker], document: &str) -> Result<Vec<Verdict>, String> {
    let began = Instant::now();
    let pass = |names: &[String]| {
        let tests = tests(models, names, |test| {
            println!("{}, {} sites, {:.1?}", test.name, test.sites.len(), test.took);
        })?;
        println!("{} tests pass after {:.0?}", tests.len(), began.elapsed());
        Ok::<_, String>(tests)
    };
    let meet = |tests: &[Test], places: &[usize]| {
        let mutant = |&nth: &usize| Mutant { site: all[nth].number, weaker: all[nth].to() };
        let mutants: Vec<Mutant> = places.iter().map(mutant).collect();
        hunt(models, tests, &mutants, |at, verdict| {
            let (weaker, after) = (&all[places[at]], began.elapsed());
            println!("{after:>5.0?}: {}, {}: {verdict:?}", weaker.site.key(), weaker.to());
        })
    };

    let is_known = |name: &String| document.contains(&format!("`{name}`"));
    let (known, others): (Vec<_>, Vec<_>) = models.tests()?.into_iter().partition(is_known);
    let mut tests = pass(&known)?;
    let mut verdicts = meet(&tests, &(0..all.len()).collect::<Vec<_>>());
    let is_open = |&nth: &usize| {
        let survived = matches!(verdicts[nth], Verdict::Survived { .. });
        survived || verdicts::settle(&all[nth], &verdicts[nth]).1.is_some()
    };
    let open: Vec<usize> = (0..all.len()).filter(is_open).collect();
    if !open.is_empty() {
        println!("{} meet the other tests", open.len());
        tests.extend(pass(&others)?);
        tests.sort_by_key(|test| test.took);
        for (nth, verdict) in open.iter().zip(meet(&tests, &open)) {
            verdicts[*nth] = verdict;
        }
    }
    Ok(verdicts)
}
