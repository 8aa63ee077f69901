use super::*;
use serde_json::json;

fn rule(document: Value) -> ClaimRule {
    serde_json::from_value(document).unwrap()
}

#[test]
fn a_claim_is_compared_as_the_text_that_json_writes() {
    let check = |written: Value, claims: Value, expect: Option<bool>| {
        let found = rule(written.clone()).holds(claims.as_object().unwrap()).ok();
        assert_eq!(found, expect, "{written} {claims}");
    };
    let ids = json!({"claim": "id", "values": [123, "true"]});
    check(ids.clone(), json!({"id": 123}), Some(true));
    check(ids.clone(), json!({"id": "123"}), Some(true));
    check(ids.clone(), json!({"id": ["7", 123]}), Some(true));
    check(ids.clone(), json!({"id": true}), Some(true));
    for other in [json!("0123"), json!(" 123"), json!("1234"), json!("12"), json!(-123), json!("")]
    {
        check(ids.clone(), json!({"id": other}), Some(false));
    }
    check(ids.clone(), json!({"id": null}), Some(false));
    check(ids.clone(), json!({}), Some(false));
    // Two readers write a fraction differently, and an object is no text at all.
    for unusable in [json!(123.0), json!(1.23e2), json!({"x": 123}), json!([[123]])] {
        check(ids.clone(), json!({"id": unusable}), None);
    }

    let not = json!({"claim": "event", "not_values": ["pull_request"]});
    check(not.clone(), json!({"event": "push"}), Some(true));
    check(not.clone(), json!({}), Some(true));
    check(not.clone(), json!({"event": "pull_request"}), Some(false));
    check(not, json!({"event": ["push", "pull_request"]}), Some(false));

    let begins = json!({"claim": "repo", "prefixes": ["acme/"]});
    check(begins.clone(), json!({"repo": "acme/app"}), Some(true));
    check(begins.clone(), json!({"repo": "acme/"}), Some(false));
    check(begins.clone(), json!({"repo": "acme-evil/app"}), Some(false));
    check(begins, json!({"repo": "x/acme/app"}), Some(false));

    let present = json!({"claim": "pod.uid", "is": "present"});
    check(present.clone(), json!({"pod": {"uid": "1"}}), Some(true));
    check(present.clone(), json!({"pod": {"uid": ""}}), Some(false));
    check(present, json!({"pod": {}}), Some(false));
    let absent = json!({"claim": "/kubernetes.io/pod", "is": "absent"});
    check(absent.clone(), json!({"kubernetes.io": {}}), Some(true));
    check(absent, json!({"kubernetes.io": {"pod": "x"}}), Some(false));
}

#[test]
fn only_rules_that_can_be_met_on_purpose_are_taken() {
    let check = |written: Value, expect: Option<&str>| {
        let read = serde_json::from_value::<ClaimRule>(written.clone());
        let fault =
            read.map_or_else(|error| Some(error.to_string()), |it| it.fault().map(Into::into));
        match expect {
            None => assert_eq!(fault, None, "{written}"),
            Some(expect) => {
                assert!(fault.as_ref().is_some_and(|it| it.contains(expect)), "{fault:?}")
            }
        }
    };
    check(json!({"claim": "a", "values": ["x"]}), None);
    check(json!({"claim": "a", "prefixes": ["refs/heads/"]}), None);
    check(json!({"claim": "", "values": ["x"]}), Some("needs a claim"));
    check(json!({"claim": "a"}), Some("exactly one"));
    check(json!({"claim": "a", "values": []}), Some("exactly one"));
    check(json!({"claim": "a", "values": ["x"], "is": "present"}), Some("exactly one"));
    check(json!({"claim": "a", "values": ["*"]}), Some("no wildcard"));
    check(json!({"claim": "a", "values": ["acme/*"]}), Some("no wildcard"));
    check(json!({"claim": "a", "values": [1.5]}), Some("whole numbers"));
    for unsafe_prefix in ["", "/", "acme", "acme-", "*/", "acme/*"] {
        check(json!({"claim": "a", "prefixes": [unsafe_prefix]}), Some("a prefix ends with"));
    }
}

#[test]
fn a_spiffe_id_is_read_strictly() {
    let check = |text: &str, expect: bool| {
        assert_eq!(is_spiffe_id(text, "prod.acme.com"), expect, "{text}");
    };
    check("spiffe://prod.acme.com/ns/billing/sa/web", true);
    check("spiffe://prod.acme.com/a", true);
    for bad in [
        "",
        "spiffe://prod.acme.com",
        "spiffe://prod.acme.com/",
        "spiffe://prod.acme.com//a",
        "spiffe://prod.acme.com/a/",
        "spiffe://prod.acme.com/../a",
        "spiffe://prod.acme.com/./a",
        "spiffe://prod.acme.com/a%2fb",
        "spiffe://prod.acme.com/a?b",
        "spiffe://prod.acme.com/a#b",
        "spiffe://prod.acme.com:443/a",
        "spiffe://x@prod.acme.com/a",
        "spiffe://prod.acme.com.evil.com/a",
        "spiffe://evil.com/prod.acme.com/a",
        "SPIFFE://prod.acme.com/a",
        "https://prod.acme.com/a",
        "spiffe://prod.acme.com/é",
    ] {
        check(bad, false);
    }
    check(&format!("spiffe://prod.acme.com/{}", "a".repeat(2048)), false);
}
