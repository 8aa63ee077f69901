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

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Page {
    items: Vec<Item>,
    #[serde(rename = "nextLink")]
    next: Option<String>,
    #[serde(default)]
    count: u64,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Item {
    id: String,
}

#[test]
fn no_list_stands_for_an_object() {
    let item = |id: &str| Item { id: id.to_owned() };
    let page = |items: Vec<Item>, next: Option<&str>, count| Page {
        items,
        next: next.map(str::to_owned),
        count,
    };
    let rows: [(&str, Option<Page>); 12] = [
        (r#"{"items":[]}"#, Some(page(vec![], None, 0))),
        (
            r#"{"items":[{"id":"a"},{"id":"b","x":[1,{"y":null}]}],"nextLink":"n","count":7}"#,
            Some(page(vec![item("a"), item("b")], Some("n"), 7)),
        ),
        (
            r#"{"items":[],"nextLink":null,"count":18446744073709551615}"#,
            Some(page(vec![], None, u64::MAX)),
        ),
        (r#"[[]]"#, None),
        (r#"[[],null,7]"#, None),
        (r#"{"items":[["a"]]}"#, None),
        (r#"{"items":{"id":"a"}}"#, None),
        (r#"{"items":[{"id":1}]}"#, None),
        (r#"{"items":[],"items":[]}"#, None),
        (r#"{"items":[],"count":-1}"#, None),
        (r#"{"items":[]} {}"#, None),
        ("null", None),
    ];
    for (text, expect) in rows {
        assert_eq!(read::<Page>(text.as_bytes()).ok(), expect, "{text}");
    }
}
