use super::*;

/// Item, operation and ordering of each.
fn found(source: &str) -> Vec<(String, String, &'static str)> {
    let found = find("some.rs", source).unwrap();
    let all = found.sites.into_iter();
    all.map(|site| (site.item, site.operation, site.ordering.name())).collect()
}

fn one(item: &str, operation: &str, ordering: &'static str) -> (String, String, &'static str) {
    (item.to_owned(), operation.to_owned(), ordering)
}

#[test]
fn two_orderings_of_one_call_are_told_apart() {
    let source = "impl<T> Cell<T> { fn swap(&self) {
        self.at.compare_exchange(a, b, Ordering::AcqRel, Ordering::Acquire);
        self.at.fetch_update(Ordering::Release, Ordering::Relaxed, f);
    } }";
    let expected = [
        one("Cell::swap", "compare_exchange, success", "AcqRel"),
        one("Cell::swap", "compare_exchange, failure", "Acquire"),
        one("Cell::swap", "fetch_update, success", "Release"),
    ];
    assert_eq!(found(source), expected);
    assert_eq!(find("some.rs", source).unwrap().relaxed, 1);
}

#[test]
fn an_ordering_is_found_wherever_an_expression_is() {
    let source = "fn f() {
        let load = |at: &A| at.iter().map(|at| at.load(Ordering::Acquire)).sum();
        let fixed = atomic::Ordering::Release;
        while let Err(e) = at.swap(1, Ordering::AcqRel) { fence(Ordering::SeqCst) }
        fn inner() { at.load(Ordering::Acquire); }
    }";
    let expected = [
        one("f", "load", "Acquire"),
        one("f", "a value", "Release"),
        one("f", "swap", "AcqRel"),
        one("f", "fence", "SeqCst"),
        one("f::inner", "load", "Acquire"),
    ];
    assert_eq!(found(source), expected);
}

#[test]
fn the_second_of_a_kind_in_one_item_has_a_number_and_the_first_keeps_its_key() {
    let source = "mod inner { impl A for B { fn f() {
        a.load(Ordering::Acquire); b.load(Ordering::Acquire); c.load(Ordering::Acquire);
    } } }";
    let operations: Vec<_> = found(source).into_iter().map(|site| (site.0, site.1)).collect();
    let expected = ["load", "load (2)", "load (3)"];
    assert_eq!(operations, expected.map(|nth| ("inner::B::f".to_owned(), nth.to_owned())));
}

#[test]
fn an_ordering_in_a_macro_is_found_and_keeps_its_place() {
    let source = "const_fn! { pub(crate) fn made(&self) -> u64 { self.0.load(Ordering::Acquire) } }
        fn f() {
            assert_eq!(a.load(Ordering::Acquire), 1, \"at {}\", b.swap(2, Ordering::AcqRel));
            vec![c.load(Ordering::Acquire)];
        }";
    let expected = [
        one("made", "load", "Acquire"),
        one("f", "load", "Acquire"),
        one("f", "swap", "AcqRel"),
        one("f", "load (2)", "Acquire"),
    ];
    assert_eq!(found(source), expected);
    for site in find("some.rs", source).unwrap().sites {
        assert_eq!(source[site.bytes.clone()], format!("Ordering::{}", site.ordering.name()));
    }
}

#[test]
fn what_an_ordinary_build_leaves_out_is_left_out() {
    let source = "
        #[cfg(all(test, not(ampacity_loom)))] mod tests { fn f() { a.load(Ordering::Acquire); } }
        #[cfg(ampacity_loom)] mod model;
        mod real;
        impl A {
            #[cfg(test)] fn overwrite(&self) { self.0.store(1, Ordering::Release); }
            fn f(&self) {
                #[cfg(any(ampacity_loom, ampacity_shuttle))]
                if order == Ordering::Acquire { b.load(Ordering::Acquire); }
                #[cfg(ampacity_loom)]
                let x = a.load(Ordering::Acquire);
                #[cfg(not(ampacity_loom))]
                let x = a.swap(1, Ordering::Acquire);
            }
        }";
    assert_eq!(found(source), [one("A::f", "swap", "Acquire")]);
    assert_eq!(find("some.rs", source).unwrap().modules, ["real"]);
}

#[test]
fn what_is_only_done_where_a_bug_is_planted_is_left_out() {
    let source = "fn f() {
        if planted(Bug::A) { a.store(1, Ordering::Release) } else { a.swap(1, Ordering::AcqRel) }
        match x { Err(_) if planted(b) => a.store(1, Ordering::Release), _ => {} }
        match planted(Bug::C) { true => a.load(Ordering::Acquire), false => 0 };
        while planted(Bug::E) && a.load(Ordering::Acquire) > 0 { a.store(1, Ordering::Release) }
        let early = planted(Bug::F) && a.load(Ordering::Acquire);
        let late = a.load(Ordering::Acquire) && planted(Bug::G);
        if planted(Bug::D) || a.load(Ordering::Acquire) { b.load(Ordering::Acquire); }
    }";
    let kept: Vec<_> = found(source).into_iter().map(|site| site.1).collect();
    assert_eq!(kept, ["swap", "load", "load (2)", "load (3)"]);
}

#[test]
fn an_ordering_that_would_not_be_found_is_an_error() {
    for source in [
        "use core::sync::atomic::Ordering::Acquire;",
        "use core::sync::atomic::{AtomicU64, Ordering::{self, *}};",
        "use core::sync::atomic::Ordering as O;",
        "macro_rules! m { ($a:expr) => { $a.load(Ordering::Acquire) }; }",
    ] {
        find("some.rs", source).unwrap_err();
    }
    find("some.rs", "use core::sync::atomic::{AtomicU64, Ordering};").unwrap();
}

#[test]
fn each_half_has_the_edge_of_its_comment() {
    let source = "fn f() {
        // Acquire, edge `in -> out`: pairs with that. Release, edge `up ->
        // down`: pairs with this.
        a.fetch_add(1, Ordering::AcqRel);
        // Relaxed: a statistic.
        a.load(Ordering::Relaxed);
        // Release: as above.
        a.store(1, Ordering::Release);
    }
    fn g() { a.load(Ordering::Relaxed); }";
    let found = find("some.rs", source).unwrap();
    let edges: Vec<_> = found.sites.iter().map(|site| site.edges.clone()).collect();
    let expected = [
        vec![
            (Half::Acquire, Some("in -> out".to_owned())),
            (Half::Release, Some("up -> down".to_owned())),
        ],
        vec![(Half::Release, None)],
    ];
    assert_eq!(edges, expected);
    assert_eq!((found.relaxed, found.unargued), (2, vec![10]));
    assert_eq!(found.named, ["in -> out", "up -> down"]);
}

#[test]
fn an_ordering_without_one_half_keeps_the_other() {
    assert_eq!(Order::AcqRel.without(Half::Acquire), "Release");
    assert_eq!(Order::AcqRel.without(Half::Release), "Acquire");
    assert_eq!(Order::Acquire.without(Half::Acquire), "Relaxed");
    assert_eq!(Order::Release.without(Half::Release), "Relaxed");
}
