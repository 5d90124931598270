//! Whether an ordinary build has what an attribute is on.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// What no ordinary build sets.
const UNSET: [&str; 4] = ["test", "ampacity_loom", "ampacity_shuttle", "crossbeam_loom"];

/// Whether some ordinary build compiles what has these attributes.
pub(super) fn may_be_built(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).all(|attribute| {
        // A `cfg` that cannot be read is an error of the compiler's, not of ours.
        attribute.parse_args::<Meta>().map_or(true, |meta| holds(&meta) != Some(false))
    })
}

/// Whether a predicate holds, if that is the same in all ordinary builds.
fn holds(predicate: &Meta) -> Option<bool> {
    let Meta::List(list) = predicate else {
        let is_unset = UNSET.iter().any(|name| predicate.path().is_ident(name));
        return is_unset.then_some(false);
    };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let parts: Vec<Option<bool>> = parts.iter().map(holds).collect();
    // One part of this kind decides, and only all of the other kind do.
    let unless = |decides: bool| match parts.contains(&Some(decides)) {
        true => Some(decides),
        false if parts.contains(&None) => None,
        false => Some(!decides),
    };
    match () {
        () if list.path.is_ident("not") => parts.first()?.map(|holds| !holds),
        () if list.path.is_ident("all") => unless(false),
        () if list.path.is_ident("any") => unless(true),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_built(cfg: &str) -> bool {
        let item: syn::ItemFn = syn::parse_str(&format!("#[cfg({cfg})] fn f() {{}}")).unwrap();
        may_be_built(&item.attrs)
    }

    #[test]
    fn what_tests_and_models_alone_have_is_in_no_ordinary_build() {
        for cfg in [
            "test",
            "ampacity_loom",
            "all(test, not(any(ampacity_loom, ampacity_shuttle)))",
            "any(test, ampacity_loom, ampacity_shuttle)",
            "all(unix, ampacity_loom)",
            "not(not(test))",
        ] {
            assert!(!is_built(cfg), "{cfg}");
        }
    }

    #[test]
    fn what_some_ordinary_build_has_is_looked_at() {
        for cfg in [
            "not(ampacity_loom)",
            "any(crossbeam_loom, not(any(ampacity_loom, ampacity_shuttle)))",
            "feature = \"contention\"",
            "not(feature = \"serde\")",
            "all(unix, not(test))",
            "any(test, feature = \"serde\")",
        ] {
            assert!(is_built(cfg), "{cfg}");
        }
    }
}
