//! How hard callers fight over the shared word, and where; counted on request.

use crate::contention::{SITES, Site, Tried};
use crate::sync::{Atomic, Ordering};

/// How hard callers fought over the shared word, and where; with the feature `contention`.
///
/// # Examples
///
/// ```
/// use ampacity::{CircuitBreaker, Site};
///
/// let breaker = CircuitBreaker::new("db");
/// (0..5).for_each(|_| breaker.try_acquire().unwrap().failure());
/// let contention = breaker.snapshot().contention;
/// for (site, attempts) in contention.sites() {
///     println!("{site}: {} swaps, {} lost", attempts.swaps, attempts.retries);
/// }
/// assert_eq!(contention.at(Site::ClosedFailure).swaps, 4);
/// assert_eq!(contention.at(Site::ClosedToOpen).swaps, 1);
/// assert_eq!((contention.swaps, contention.retries), (5, 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Contention {
    /// Swaps tried, at all sites.
    pub swaps: u64,
    /// Swaps that another caller's swap made fail, at all sites.
    pub retries: u64,
    #[cfg_attr(feature = "serde", serde(default, with = "data"))]
    sites: [Attempts; SITES],
}

/// Swaps at one [`Site`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Attempts {
    /// Swaps tried.
    pub swaps: u64,
    /// Those among them that another caller's swap made fail.
    pub retries: u64,
}

impl Contention {
    fn of(sites: [Attempts; SITES]) -> Self {
        let sum = |part: fn(&Attempts) -> u64| sites.iter().map(part).fold(0, u64::saturating_add);
        Self { swaps: sum(|at| at.swaps), retries: sum(|at| at.retries), sites }
    }

    /// The swaps that were tried at one site.
    pub fn at(&self, site: Site) -> Attempts {
        self.sites[site as usize]
    }

    /// The sites where swaps were tried.
    pub fn sites(&self) -> impl Iterator<Item = (Site, Attempts)> + '_ {
        let all = Site::ALL.iter().map(|&site| (site, self.at(site)));
        all.filter(|(_, attempts)| attempts.swaps > 0)
    }

    /// What was tried since `earlier`.
    pub(super) fn since(&self, earlier: &Contention) -> Contention {
        Self::of(std::array::from_fn(|site| Attempts {
            swaps: self.sites[site].swaps.saturating_sub(earlier.sites[site].swaps),
            retries: self.sites[site].retries.saturating_sub(earlier.sites[site].retries),
        }))
    }
}

/// Sites as data: a list of those where swaps were tried.
#[cfg(feature = "serde")]
mod data {
    use super::{Attempts, SITES, Site};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        site: Site,
        swaps: u64,
        retries: u64,
    }

    pub(super) fn serialize<S: Serializer>(
        sites: &[Attempts; SITES],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let all = Site::ALL.iter().zip(sites).filter(|(_, attempts)| attempts.swaps > 0);
        serializer.collect_seq(all.map(|(&site, &Attempts { swaps, retries })| One {
            site,
            swaps,
            retries,
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[Attempts; SITES], D::Error> {
        let mut sites = [Attempts::default(); SITES];
        for One { site, swaps, retries } in Vec::<One>::deserialize(deserializer)? {
            let attempts = &mut sites[site as usize];
            attempts.swaps = attempts.swaps.saturating_add(swaps);
            attempts.retries = attempts.retries.saturating_add(retries);
        }
        Ok(sites)
    }
}

/// Counters that several threads share: a swap is a shared write itself.
#[derive(Debug)]
pub(super) struct Striped<const STRIPES: usize>([Stripe; STRIPES]);

#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    won: [Atomic<u64>; SITES],
    lost: [Atomic<u64>; SITES],
}

impl<const STRIPES: usize> Striped<STRIPES> {
    pub(super) fn new() -> Self {
        let none = || std::array::from_fn(|_| Atomic::new(0));
        Self(std::array::from_fn(|_| Stripe { won: none(), lost: none() }))
    }

    // Relaxed, everywhere: statistics; nothing is read on the strength of them.

    pub(super) fn add(&self, stripe: usize, tried: &Tried) {
        let stripe = &self.0[stripe];
        if let Some(site) = tried.site() {
            stripe.won[site as usize].fetch_add(1, Ordering::Relaxed);
        }
        if tried.has_lost() {
            for (site, lost) in tried.losses() {
                stripe.lost[site as usize].fetch_add(lost, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn read(&self) -> Contention {
        let sum = |cell: &dyn Fn(&Stripe) -> u64| self.0.iter().map(cell).sum::<u64>();
        Contention::of(std::array::from_fn(|site| {
            let retries = sum(&|stripe| stripe.lost[site].load(Ordering::Relaxed));
            let won = sum(&|stripe| stripe.won[site].load(Ordering::Relaxed));
            Attempts { swaps: won + retries, retries }
        }))
    }
}
