#![expect(clippy::needless_pass_by_value, reason = "rows of a table hand their JSON over")]

use super::*;
use serde_json::json;

fn fill(template: &str, claims: Value) -> Result<String, Fault> {
    let template = Template::parse(template).map_err(|_| Fault::TokenMalformed)?;
    template.fill(claims.as_object().unwrap_or(&Map::new())).map_err(|it| it.fault())
}

#[test]
fn a_template_is_read_whole_or_not_at_all() {
    let check = |text: &str, expect: Option<BadTemplate>| {
        assert_eq!(Template::parse(text).err(), expect, "{text}");
    };
    check("project:{project_id}", None);
    check("{tid}:{oid}", None);
    check("sa:{/kubernetes.io/namespace}:{/kubernetes.io/serviceaccount/name}", None);
    for bad in ["", "sub", "{", "}", "{}", "a}b{c}", "{a", "{a{b}}", "{a}}", "a}"] {
        check(bad, Some(BadTemplate::Braces));
    }
    for bad in ["{a}{b}", "{a}/{b}", "{a}-{b}", "{a}x{b}", "{a}%3A{b}"] {
        check(bad, Some(BadTemplate::NoSeparator));
    }
    for bad in ["{email}", "u:{upn}", "{/email}", "{tid}:{preferred_username}"] {
        check(bad, Some(BadTemplate::Address));
    }
}

#[test]
fn no_claims_text_imitates_another_subject() {
    let template = "repo:{repo}:environment:{environment}";
    let of = |repo: Value, environment: Value| {
        fill(template, json!({"repo": repo, "environment": environment}))
    };
    assert_eq!(of(json!(7), json!("prod")).unwrap(), "repo:7:environment:prod");
    assert_eq!(of(json!("7"), json!("prod")), of(json!(7), json!("prod")));
    // Whoever chooses a name can't choose a separator.
    assert_eq!(
        of(json!("7:environment:prod"), json!("x")).unwrap(),
        "repo:7%3Aenvironment%3Aprod:environment:x"
    );
    assert_eq!(of(json!(7), json!("a:b")).unwrap(), "repo:7:environment:a%3Ab");
    // What looks encoded already is encoded again.
    assert_ne!(of(json!(7), json!("a%3Ab")), of(json!(7), json!("a:b")));
    assert_eq!(of(json!(7), json!("é \u{202e}")).unwrap(), "repo:7:environment:%C3%A9%20%E2%80%AE");
    for unusable in [json!(null), json!(""), json!(1.5), json!(["prod"]), json!({"x": 1})] {
        assert_eq!(of(json!(7), unusable), Err(Fault::SubjectMissing));
    }
    assert_eq!(fill(template, json!({"repo": 7})), Err(Fault::SubjectMissing));
}

/// Any two pairs of texts that differ make two subjects.
#[test]
fn subjects_are_as_many_as_claims() {
    let pieces = ["", "a", ":", "%", "%3A", "a:a", "{", "/", "é", "%25", "::"];
    let mut seen = std::collections::HashMap::new();
    for one in pieces {
        for other in pieces {
            let Ok(subject) = fill("x:{one}:{other}", json!({"one": one, "other": other})) else {
                assert!(one.is_empty() || other.is_empty());
                continue;
            };
            assert_eq!(seen.insert(subject, (one, other)), None, "{one} {other}");
        }
    }
}
