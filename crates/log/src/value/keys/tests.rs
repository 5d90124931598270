use std::collections::BTreeMap;

use crate::keys_only;
use serde::Serialize;

#[test]
fn names_are_written_and_no_value_ever() {
    #[derive(Serialize)]
    struct Parameters {
        user: &'static str,
        rest: Vec<u8>,
    }
    #[derive(Serialize)]
    struct Newtype<T>(T);
    #[derive(Serialize)]
    struct Pair(u8, u8);
    #[derive(Serialize)]
    enum E {
        Secret,
        One(u8),
        Two(u8, u8),
        Named { field: u8 },
    }
    #[derive(Serialize)]
    struct Unit;
    let parameters = || Parameters { user: "77", rest: vec![77] };
    let map = BTreeMap::from([(1, 77), (2, 77)]);
    assert_eq!(names(parameters()), r#"["user","rest"]"#);
    assert_eq!(names(Newtype(Some(&Box::new(parameters())))), r#"["user","rest"]"#);
    assert_eq!(names(map), "[1,2]");
    assert_eq!(names([E::One(77)].first()), r#"["One"]"#);
    assert_eq!(names(E::Two(77, 77)), r#"["Two"]"#);
    assert_eq!(names(E::Named { field: 77 }), r#"["Named"]"#);
    let hidden = r#""[redacted]""#;
    for names in [
        names(77),
        names(77u128),
        names(-77i8),
        names(7.7),
        names('7'),
        names("77"),
        names(crate::bytes(b"77")),
        names(crate::display("77")),
        names([77, 77]),
        names(vec![parameters()]),
        names((77, parameters())),
        names(Pair(77, 77)),
        names(E::Secret),
        names(None::<u8>),
        names(()),
        names(Unit),
        names(true),
    ] {
        assert_eq!(names, hidden);
    }
}

#[test]
fn json_as_text_has_no_names() {
    // As serde_json's RawValue does.
    struct Raw;
    impl Serialize for Raw {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct;
            let mut s = s.serialize_struct("$serde_json::private::RawValue", 1)?;
            s.serialize_field("$serde_json::private::RawValue", "{\"a\":77}")?;
            s.end()
        }
    }
    assert_eq!(names(Raw), r#""[redacted]""#);
}

#[test]
fn an_endless_list_ends() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_seq(std::iter::repeat(77))
        }
    }
    serde_json::to_string(&keys_only(Endless)).unwrap_err();
}

fn names<T: Serialize>(value: T) -> String {
    serde_json::to_string(&keys_only(value)).unwrap()
}
