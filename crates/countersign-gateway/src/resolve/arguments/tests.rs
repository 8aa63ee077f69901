use super::*;
use crate::resolve::{
    OutgoingBody,
    router::{Found, Router},
};
use countersign_model::catalog::{
    Catalog, FunctionIx, compile,
    raw::{RawCatalog, RawFile},
};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

fn catalog() -> Catalog {
    let text = json!({"type": "string"});
    let file = json!({
        "target": {
            "name": "t", "kind": "http", "url": "http://127.0.0.1:1", "purpose": "Test",
            "owners": ["olivia"]
        },
        "functions": [
            {
                "name": "t.all", "purpose": "Test", "sensitivity": "low",
                "http": {
                    "method": "POST", "path": "/a/{id}/b", "query": ["q", "tags", "limit", "on"],
                    "headers": {"version": "x-version"}
                },
                "input": {"type": "object", "properties": {
                    "id": text, "q": text, "limit": {"type": ["null", "integer"]},
                    "on": {"type": "boolean"}, "version": text,
                    "tags": {"type": "array", "items": {"type": "string"}}, "body": {}
                }}
            },
            {
                "name": "t.form", "purpose": "Test", "sensitivity": "low",
                "http": {"method": "PUT", "path": "/form", "body": "form"},
                "input": {"type": "object", "properties": {
                    "text": text, "count": {"type": "number"},
                    "list": {"type": "array", "items": {"type": "integer"}}
                }}
            }
        ]
    });
    let file: RawFile = serde_json::from_value(file).unwrap();
    compile(&RawCatalog::join([file]).unwrap(), &|_| Ok(())).unwrap()
}

/// Reads what would leave as if it had come: the arguments that the target would see.
fn read_back(catalog: &Catalog, function: &Function, outgoing: &Outgoing) -> Value {
    let places = (0..).map(FunctionIx).zip(&catalog.functions);
    let entries = places.map(|(ix, it)| (it.http.method.as_ref(), &it.http.path, ix));
    let router = Router::new(entries).unwrap();
    let (raw_path, query) = match outgoing.path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (outgoing.path_and_query.as_str(), None),
    };
    let segments = path::split(raw_path).unwrap();
    let Found::Matched { value, variables } = router.find(&function.http.method, &segments) else {
        panic!("leads nowhere: {outgoing:?}");
    };
    assert_eq!(catalog.function(value).unwrap().name, function.name);
    let variables = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in &outgoing.headers {
        // As a server reads it: without the blanks around it.
        let value = HeaderValue::from_str(value.trim()).unwrap();
        headers.append(HeaderName::try_from(name.as_str()).unwrap(), value);
    }
    let content = match &outgoing.body {
        OutgoingBody::None => Content::None,
        OutgoingBody::Json(bytes) => Content::Json(bytes.clone()),
        OutgoingBody::Form(bytes) => Content::Form(bytes.clone()),
        OutgoingBody::Stream(_, _) => unreachable!("no function streams"),
    };
    from_request(function, variables, query, &headers, content).unwrap().0
}

fn arguments() -> impl Strategy<Value = Value> {
    let text = || prop_oneof!["\\PC{0,8}", "[ -~]{0,12}", "[/.%;\\\\+&=?# a]{0,6}"];
    let object = (
        text(),
        proptest::option::of(text()),
        proptest::collection::vec(text(), 1..4),
        proptest::option::of(any::<i32>()),
        proptest::option::of(any::<bool>()),
        proptest::option::of("[ -~]{0,8}"),
        proptest::option::of(text()),
    );
    object.prop_map(|(id, q, tags, limit, on, version, body)| {
        let mut all = json!({"id": id, "tags": tags});
        let optional = [
            ("q", q.map(Value::from)),
            ("limit", limit.map(Value::from)),
            ("on", on.map(Value::from)),
            ("version", version.map(Value::from)),
            ("body", body.map(|it| json!({"deep": [it, 1.5, null]}))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                all[name] = value;
            }
        }
        all
    })
}

proptest! {
    #[test]
    fn what_was_decided_on_is_what_the_target_reads(all in arguments()) {
        let catalog = catalog();
        let (_, function) = catalog.by_name("t.all").unwrap();
        let body = Bytes::from(all.to_string());
        // Some values have no place in a path or header: they are refused, not bent.
        if let Ok((decided, outgoing)) = from_uniform(function, None, Content::Json(body)) {
            prop_assert_eq!(&decided, &all);
            let read = read_back(&catalog, function, &outgoing);
            // Strings that say nothing but numbers aside, the same values of the same types.
            prop_assert_eq!(json::canonical(&read), json::canonical(&all));
        }
    }

    #[test]
    fn forms_say_what_was_decided_on(
        text in "\\PC{0,12}", count in any::<i32>(), list in proptest::collection::vec(any::<i64>(), 1..4)
    ) {
        let catalog = catalog();
        let (_, function) = catalog.by_name("t.form").unwrap();
        let all = json!({"text": text, "count": count, "list": list});
        let body = Bytes::from(all.to_string());
        if let Ok((_, outgoing)) = from_uniform(function, None, Content::Json(body)) {
            let read = read_back(&catalog, function, &outgoing);
            prop_assert_eq!(json::canonical(&read), json::canonical(&all));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "rows read better with the value in place")]
fn check(body: &str, query: Option<&str>, header: Option<&str>, expect: Result<Value, &str>) {
    let catalog = catalog();
    let (_, function) = catalog.by_name("t.all").unwrap();
    let mut headers = HeaderMap::new();
    if let Some(value) = header {
        headers.insert("x-version", HeaderValue::from_str(value).unwrap());
    }
    let content = match body {
        "" => Content::None,
        text => Content::Json(Bytes::copy_from_slice(text.as_bytes())),
    };
    let variables = vec![("id".to_owned(), "7".to_owned())];
    let got = from_request(function, variables, query, &headers, content);
    let got = got.map(|(arguments, _)| arguments).map_err(|stop| stop.reason.code());
    assert_eq!(got, expect, "{body} {query:?} {header:?}");
}

#[test]
fn a_request_becomes_one_object() {
    check("", None, None, Ok(json!({"id": "7"})));
    check("", Some(""), None, Ok(json!({"id": "7"})));
    check("{}", Some("on=false&limit=-3"), None, Ok(json!({"id": "7", "on": false, "limit": -3})));
    check(
        "",
        Some("tags=b&tags=a&tags=b"),
        Some("2"),
        Ok(json!({"id": "7", "tags": ["b", "a", "b"], "version": "2"})),
    );
    check(r#"{"body":{"a":1}}"#, None, None, Ok(json!({"id": "7", "body": {"a": 1}})));
    check(r#"{"new":1}"#, None, None, Ok(json!({"id": "7", "new": 1})));
}

#[test]
fn an_argument_has_one_place() {
    let invalid = || Err("arguments_invalid");
    check(r#"{"id":"8"}"#, None, None, invalid());
    check(r#"{"q":"a"}"#, None, None, invalid());
    check(r#"{"version":"2"}"#, None, Some("2"), invalid());
    check("", Some("id=8"), None, invalid());
    check("", Some("body=8"), None, invalid());
    check("", Some("version=8"), None, invalid());
    check("", Some("q=1&q=1"), None, invalid());
    for number in ["1.0", "01", "+1", "1e3", " 1", "0x1", "-0", "1_000", "NaN", ""] {
        check(
            "",
            Some(&format!("limit={}", number.replace('+', "%2b").replace(' ', "%20"))),
            None,
            invalid(),
        );
    }
    for flag in ["True", "1", "yes", ""] {
        check("", Some(&format!("on={flag}")), None, invalid());
    }
    let ambiguous = || Err("request_ambiguous");
    check("[]", None, None, ambiguous());
    check("{\"a\":1,\"a\":2}", None, None, ambiguous());
    check("", Some("q=a;b"), None, ambiguous());
}

#[test]
fn a_form_that_is_too_large_says_that_it_is_the_form() {
    let catalog = catalog();
    let (_, function) = catalog.by_name("t.form").unwrap();
    let send = |bytes: usize| {
        let form = format!("text={}", "x".repeat(bytes - 5)).into();
        from_request(function, vec![], None, &HeaderMap::new(), Content::Form(form)).map(drop)
    };
    send(16 * 1024).unwrap();
    let stop = send(16 * 1024 + 1).unwrap_err();
    let said = (stop.reason, stop.told.sentence.as_str());
    let sentence = "The form is larger than 16 KiB, which no form may be.";
    assert_eq!(said, (Reason::RequestTooLarge, sentence));
}
