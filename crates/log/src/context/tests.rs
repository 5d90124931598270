use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What `each` yields, in its order.
fn fields(context: &Context) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    context.each(|name, json, _| {
        fields.push((name.to_owned(), String::from_utf8(json.to_vec()).unwrap()));
    });
    fields
}

fn field(name: &str, json: &str) -> (String, String) {
    (name.to_owned(), json.to_owned())
}

#[test]
fn fields_come_innermost_first_and_no_name_twice() {
    let outer = Context::new().with("a", 1).with("b", "two").with("c", [3]);
    let inner = outer.clone().with("a", 4);

    let [a, b, c] = [field("a", "1"), field("b", r#""two""#), field("c", "[3]")];
    assert_eq!(fields(&inner), [field("a", "4"), c.clone(), b.clone()]);
    assert_eq!(fields(&outer), [c, b, a]);
}

#[test]
fn an_empty_context_holds_nothing_and_takes_no_memory() {
    let context = Context::new();
    assert!(context.inner.is_none());
    assert_eq!(fields(&context), []);
    assert_eq!(context.trace(), None);
    assert_eq!(format!("{context:?}"), "{}");
}

#[test]
fn to_clone_to_enter_and_to_capture_shares_the_fields() {
    let context = Context::new().with("a", 1);
    let counted = |count| {
        let inner = context.inner.as_ref().unwrap();
        assert_eq!(Arc::strong_count(inner), count);
        inner
    };
    let inside = context.scope(Context::current);
    assert!(Arc::ptr_eq(counted(2), inside.inner.as_ref().unwrap()));
    context.scope(|| current(|_| counted(3)));
    drop(inside);
    counted(1);
}

#[test]
fn the_innermost_trace_counts_and_fields_leave_it_alone() {
    let [one, two] = [1, 2].map(|n| Trace::new([n; 16], [n; 8]).unwrap());
    let outer = Context::new().with_trace(one).with("a", 1);
    let inner = outer.clone().with("b", 2).with_trace(two);
    assert_eq!((outer.trace(), inner.trace()), (Some(one), Some(two)));
    assert_eq!(fields(&inner).len(), 2);
}

#[test]
fn a_value_is_got_as_what_it_is_and_as_nothing_else() {
    let context = Context::new().with("id", 7).with("name", "x");
    assert_eq!(context.get::<u8>("id"), Some(7));
    assert_eq!(context.get::<String>("id"), None);
    assert_eq!(context.get::<String>("name").as_deref(), Some("x"));
    assert_eq!(context.get::<serde_json::Value>("other"), None);
}

#[test]
fn a_context_shows_its_fields_and_its_span() {
    let trace = Trace::new([0xab; 16], [0xcd; 8]).unwrap();
    let shown = format!("{:?}", Context::new().with("a", "x").with_trace(trace));
    assert!(shown.starts_with(r#"{"a": "x", trace: "#), "{shown}");
    assert!(shown.contains(&"ab".repeat(16)), "{shown}");
}

#[test]
fn contexts_are_read_within_each_other() {
    let seen = Context::new().with("a", 1).scope(|| {
        current(|outer| {
            let outer = outer.get::<u8>("a");
            (outer, current(|inner| inner.get::<u8>("a")))
        })
    });
    assert_eq!(seen, (Some(1), Some(1)));
}

#[test]
fn what_is_entered_while_the_context_is_read_is_not_entered_and_nothing_panics() {
    let outer = Context::new().with("a", 1);
    outer.scope(|| {
        let entered = current(|_| Context::new().enter());
        let scoped = current(|_| Context::new().scope(|| Context::current().get("a")));
        assert_eq!((scoped, Context::current().get("a")), (Some(1), Some(1)));
        drop(entered);
        assert_eq!(Context::current().get("a"), Some(1));
    });
    assert_eq!(Context::current().get::<u8>("a"), None);
}

proptest! {
    #[test]
    fn the_last_value_given_to_a_name_counts(
        given in prop::collection::vec(("[abc]", any::<u16>()), 0..12),
    ) {
        let mut context = Context::new();
        let mut model = BTreeMap::new();
        for (name, value) in &given {
            context = context.with(name, value);
            model.insert(name.clone(), value.to_string());
        }
        let fields = fields(&context);
        prop_assert_eq!(fields.len(), model.len());
        prop_assert_eq!(fields.into_iter().collect::<BTreeMap<_, _>>(), model);
    }
}
