//! What an ordering is in the build that has all mutants in it.
//!
//! The file is copied beside the library's own primitives, and calls of [`weak`] stand
//! where the orderings stood. Nothing else in that build differs.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::Write;
use std::sync::OnceLock;

/// The most orderings that can be told apart.
pub(crate) const SITES: usize = 512;

/// The number of the site to weaken, and what its ordering is instead: `17 Relaxed`.
const WEAKENED: &str = "AMPACITY_WEAKENED";
/// The file in which the number of each site that is executed gets a line.
const EXECUTED: &str = "AMPACITY_EXECUTED";

/// The ordering of a site: its own, unless it is this process's mutant.
pub(crate) fn weak(site: usize, own: Ordering) -> Ordering {
    static CHOSEN: OnceLock<Option<(usize, Ordering)>> = OnceLock::new();
    static SEEN: [AtomicBool; SITES] = [const { AtomicBool::new(false) }; SITES];
    if !SEEN[site].swap(true, Ordering::Relaxed) {
        note(site);
    }
    let chosen = CHOSEN.get_or_init(|| std::env::var(WEAKENED).ok().as_deref().map(parsed));
    ordering_of(site, own, *chosen)
}

fn ordering_of(site: usize, own: Ordering, chosen: Option<(usize, Ordering)>) -> Ordering {
    match chosen {
        Some((chosen, weaker)) if chosen == site => weaker,
        _ => own,
    }
}

fn parsed(chosen: &str) -> (usize, Ordering) {
    let (site, weaker) = chosen.split_once(' ').expect("a site and its ordering");
    let weaker = match weaker {
        "Relaxed" => Ordering::Relaxed,
        "Acquire" => Ordering::Acquire,
        "Release" => Ordering::Release,
        other => panic!("{other} is not weaker than anything"),
    };
    (site.parse().expect("the number of a site"), weaker)
}

fn note(site: usize) {
    if let Some(path) = std::env::var_os(EXECUTED) {
        let file = std::fs::File::options().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{site}")).expect("the file can be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_that_is_chosen_is_weaker_and_no_other() {
        assert_eq!(weak(3, Ordering::AcqRel), Ordering::AcqRel);
        let chosen = Some(parsed("3 Acquire"));
        assert_eq!(ordering_of(3, Ordering::AcqRel, chosen), Ordering::Acquire);
        assert_eq!(ordering_of(4, Ordering::AcqRel, chosen), Ordering::AcqRel);
        assert_eq!(parsed("17 Relaxed"), (17, Ordering::Relaxed));
    }
}
