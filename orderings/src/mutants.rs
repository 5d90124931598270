//! Every ordering without one of its halves, and what is wrong with the source before any
//! of them is run.

use crate::argued::{ARGUED, ENDLESS};
use crate::sites::{Found, Half, Site};

/// An ordering without one of its halves.
#[derive(Clone, Debug)]
pub struct Weaker {
    /// The number of the site.
    pub number: usize,
    /// The site.
    pub site: Site,
    /// What is taken away.
    pub half: Half,
    /// The edge that it is for.
    pub edge: Option<String>,
}

impl Weaker {
    /// The ordering that is left.
    pub fn to(&self) -> &'static str {
        self.site.ordering.without(self.half)
    }

    /// Whether a list means this one.
    pub fn is(&self, site: &str, weaker: &str) -> bool {
        self.site.key() == site && self.to() == weaker
    }
}

/// All of them, in the order of their sites.
pub fn all(found: &[Found]) -> Vec<Weaker> {
    let sites = found.iter().flat_map(|file| &file.sites).enumerate();
    sites
        .flat_map(|(number, site)| {
            site.edges.iter().map(move |(half, edge)| Weaker {
                number,
                site: site.clone(),
                half: *half,
                edge: edge.clone(),
            })
        })
        .collect()
}

/// What the comments lack, and what is argued in vain.
pub fn complaints(found: &[Found]) -> Vec<String> {
    let all = all(found);
    let mut complaints = Vec::new();
    for weaker in all.iter().filter(|weaker| weaker.edge.is_none()) {
        let (site, half) = (&weaker.site, weaker.half.name());
        let place = format!("src/{}:{}", site.file, site.line);
        complaints.push(format!("{place}: no comment says which edge the {half} is for"));
    }
    for file in found {
        for line in &file.unargued {
            let place = format!("src/{}:{line}", file.file);
            complaints.push(format!("{place}: no comment says why Relaxed will do"));
        }
    }
    let argued = ARGUED.iter().map(|argued| (argued.site, argued.weaker));
    let endless = ENDLESS.iter().map(|endless| (endless.site, endless.weaker));
    for (site, to) in argued.chain(endless) {
        if !all.iter().any(|weaker| weaker.is(site, to)) {
            complaints.push(format!("nothing is `{site}` that could be {to}"));
        }
    }
    complaints
}
