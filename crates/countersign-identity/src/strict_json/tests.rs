use super::*;
use proptest::prelude::*;

#[test]
fn refuses_what_two_readers_could_read_differently() {
    let check = |text: &str, expect: Option<BadJson>| {
        assert_eq!(object(text.as_bytes()).err(), expect, "{text}");
    };
    check(r#"{"a":1,"b":{"c":[1,2.5,-3,null,true,"x"]}}"#, None);
    check(" {} ", None);
    check(r#"{"a":1,"a":1}"#, Some(BadJson::Broken));
    check(r#"{"a":1,"\u0061":2}"#, Some(BadJson::Broken));
    check(r#"{"x":[{"a":1,"a":2}]}"#, Some(BadJson::Broken));
    check(r#"{"a":1} {}"#, Some(BadJson::Broken));
    check(r#"{"a":1,}"#, Some(BadJson::Broken));
    check(r#"{"a":"\ud800"}"#, Some(BadJson::Broken));
    check(r#"{"a":1e999}"#, Some(BadJson::Broken));
    check(r#"{"a":NaN}"#, Some(BadJson::Broken));
    check("", Some(BadJson::Broken));
    check("[1]", Some(BadJson::NotAnObject));
    check("null", Some(BadJson::NotAnObject));
    check("\"x\"", Some(BadJson::NotAnObject));
    assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(BadJson::Broken));
    assert_eq!(object(&[b'['; 20_000]), Err(BadJson::Broken));
}

proptest! {
    #[test]
    fn agrees_with_serde_json_where_no_member_repeats(
        members in proptest::collection::btree_map("[a-z]{1,4}", any::<i64>(), 0..6),
    ) {
        let text = serde_json::to_vec(&members).unwrap();
        let expect: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(object(&text), Ok(expect));
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(object(&bytes));
    }
}
