use super::*;
use serde_json::json;

#[expect(clippy::needless_pass_by_value, reason = "rows read better with the value in place")]
fn catalog(functions: Value) -> RawCatalog {
    let base = json!({"targets": {}, "functions": functions, "agents": {}});
    serde_json::from_value(base).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "rows read better with the value in place")]
fn function(purpose: &str, rules: Value) -> Value {
    json!({"name": "a.b", "purpose": purpose, "sensitivity": "low",
        "http": {"method": "GET", "path": "/x"}, "approval": rules})
}

#[test]
fn lines_name_the_keys_that_differ() {
    let rule = |when: &str| json!([{"when": when, "from": ["owner"]}]);
    let one = function("Read", rule("true"));
    let rows: [(Value, Value, &[&str]); 5] = [
        (json!({"a.b": one}), json!({"a.b": one}), &[]),
        (
            json!({"a.b": one}),
            json!({"a.b": function("Read", rule("false"))}),
            &["- approval[0].when: true", "+ approval[0].when: false"],
        ),
        (
            json!({"a.b": function("Read", json!([]))}),
            json!({"a.b": function("Read", json!([{"from": ["owner"], "people": 2}]))}),
            &["+ approval[0].from[0]: owner", "+ approval[0].people: 2"],
        ),
        // What hides in an editor is written out, and never breaks a line.
        (
            json!({"a.b": one}),
            json!({"a.b": function("Re\u{202e}ad\n+ x", rule("true"))}),
            &["- purpose: Read", "+ purpose: Re\\u{202e}ad\\u{a}+ x"],
        ),
        (
            json!({"a.b": function("Read", json!([]))}),
            json!({}),
            &[
                "- http.method: GET",
                "- http.path: /x",
                "- name: a.b",
                "- purpose: Read",
                "- record: full",
                "- sensitivity: low",
            ],
        ),
    ];
    for (before, after, expected) in rows {
        let found = changes(&catalog(before.clone()), &catalog(after.clone()));
        let lines: Vec<&String> = found.iter().flat_map(|change| &change.lines).collect();
        assert_eq!(lines, expected, "{before} {after}");
    }
}

#[test]
fn the_tenth_rule_comes_after_the_second() {
    let rules = |count: usize| {
        json!(
            (0..count)
                .map(|place| json!({"from": [format!("person:{place}")]}))
                .collect::<Vec<_>>()
        )
    };
    let before = catalog(json!({"a.b": function("Read", rules(2))}));
    let after = catalog(json!({"a.b": function("Read", rules(11))}));
    let found = changes(&before, &after);
    let lines = &found[0].lines;
    assert_eq!(lines.first().unwrap(), "+ approval[2].from[0]: person:2");
    assert_eq!(lines.last().unwrap(), "+ approval[10].from[0]: person:10");
}
