use super::*;
use crate::fixtures::raw_file;
use serde_json::{Value, json};

/// The faults of the fixture's file after one value in it was replaced.
fn faults(pointer: &str, value: Value) -> Vec<String> {
    let mut file = raw_file();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(key.to_owned(), value)),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{parent}"),
    }
    let file: RawFile = serde_json::from_value(file).unwrap();
    let raw = match RawCatalog::join([file]) {
        Ok(raw) => raw,
        Err(faults) => return faults.iter().map(ToString::to_string).collect(),
    };
    let mask = |rule: &MaskRule| match rule.how.as_str() {
        "redact" => Ok(()),
        how => Err(format!("no way of masking is called {how}")),
    };
    match compile(&raw, &mask) {
        Ok(_) => vec![],
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_good_catalog_compiles() {
    assert_eq!(faults("/functions/0/purpose", json!("Pay")), Vec::<String>::new());
    let catalog = crate::fixtures::catalog();
    let (_, refund) = catalog.by_name("billing.refunds.create").unwrap();
    assert_eq!(refund.owners, ["olivia".into()]);
    assert_eq!(refund.approvals.len(), 2);
    let (_, status) = catalog.by_name("billing.status").unwrap();
    assert_ne!(refund.contract, status.contract);
}

#[test]
fn each_fault_names_its_place_and_key() {
    let refund = "function billing.refunds.create";
    let rows = [
        ("/target/owners", json!([]), format!("{refund}: owners: nobody answers for this function; name an owner here or on target billing")),
        ("/target/url", json!("ftp://x"), "target billing: url: must begin with http:// or https://".to_owned()),
        ("/target/url", json!("http://u:p@x"), "target billing: url: name a host, without user and password: those go under `credential`".to_owned()),
        ("/target/url", json!("http://x/a/../b"), "target billing: url: a path without empty or dot segments".to_owned()),
        ("/target/forward_headers", json!(["authorization"]), "target billing: forward_headers[0]: `authorization` would let through a header that never passes".to_owned()),
        ("/target/forward_headers", json!(["x-*"]), "target billing: forward_headers[0]: `x-*` would let through a header that never passes".to_owned()),
        ("/target/credential", json!({"header": {"name": "host", "value": {"env": "X"}}}), "target billing: credential.header.name: the gateway writes `host` itself; name the target's own header".to_owned()),
        ("/functions/0/http/headers", json!({"note": "host"}), format!("{refund}: http.headers.note: `host` is the gateway's own to write, and would be refused on every call; name another header, or leave the argument out")),
        ("/functions/0/http/headers", json!({"customer": "x-a", "note": "x-a"}), format!("{refund}: http.headers.note: `x-a` carries another argument already")),
        ("/functions/0/approval/0/when", json!("args.amont > 1"), format!("{refund}: approval[0].when: the input schema has no argument `amont`")),
        ("/functions/0/approval/1/from", json!(["everybody"]), format!("{refund}: approval[1].from[0]: `everybody` is no approver; write owner, subject, group:NAME or person:SUBJECT")),
        ("/functions/0/approval/1/people", json!(0), format!("{refund}: approval[1].people: between 1 and 20")),
        ("/functions/0/constraints/0/because", json!(" "), format!("{refund}: constraints[0].because: say why, for the caller")),
        ("/functions/0/http/method", json!("post"), format!("{refund}: http.method: one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        ("/functions/0/http/query", json!(["dry_run"]), format!("{refund}: http.query: the input schema has no argument `dry_run`")),
        ("/functions/0/http/body", json!("none"), format!("{refund}: input: amount, customer, note have no place in the request; list them under http.query or http.headers, or give the function a body")),
        ("/functions/0/http/body", json!("stream"), format!("{refund}: approval: a function with a streamed body can't be held for approval")),
        ("/functions/0/mask", json!([{"detect": ["email"], "how": "blur"}]), format!("{refund}: mask[0]: no way of masking is called blur")),
        ("/functions/0/mask", json!([{"how": "redact"}]), format!("{refund}: mask[0]: name a field, data types to detect, or both")),
        ("/functions/0/review", json!({"every": "10d", "due": "10d"}), format!("{refund}: review.due: shorter than review.every")),
        ("/functions/0/rate", json!({"calls": 0, "per": "1m"}), format!("{refund}: rate: at least one call in a time above zero")),
        ("/functions/0/scopes", json!(["a b"]), format!("{refund}: scopes[0]: not a scope (RFC 6749 §3.3)")),
        ("/functions/0/input", json!({"type": "array"}), format!("{refund}: input: must say `type: object`: arguments are an object")),
        ("/functions/0/name", json!("crm.refunds.create"), "function crm.refunds.create: name: no target `crm` is described; a name is TARGET.FUNCTION".to_owned()),
        ("/functions/0/name", json!("billing.status"), "function billing.status: name: described twice".to_owned()),
        ("/functions/2/http/path", json!("/v1/customers/{id}"), String::new()),
        ("/agents/0/sponsor", json!("agent:dunning"), "agent agent:dunning: sponsor: name the person who answers for this agent".to_owned()),
    ];
    for (pointer, value, expected) in rows {
        let found = faults(pointer, value.clone());
        if expected.is_empty() {
            assert!(
                found.iter().any(|it| it.contains("has the same method and path")),
                "{found:?}"
            );
        } else {
            assert!(found.contains(&expected), "{pointer} = {value}: {found:#?}");
        }
    }
}

#[test]
fn no_argument_stands_where_the_gateway_writes() {
    let key = json!({"env": "KEY"});
    let header = json!({"header": {"name": "x-key", "value": key}});
    let query = json!({"query": {"name": "key", "value": key}});
    let rows = [
        (json!({"bearer": key}), "authorization", "note", Some("headers.note: `authorization` is")),
        (json!("none"), "transfer-encoding", "note", Some("headers.note: `transfer-encoding` is")),
        (json!("none"), "countersign-call", "note", Some("headers.note: `countersign-call` is")),
        (header.clone(), "x-key", "note", Some("headers.note: `x-key` carries the credential of")),
        (header, "x-other", "note", None),
        (query.clone(), "x-other", "note", None),
        (query, "x-other", "key", Some("query[0]: `key` carries the credential of target billing")),
        (json!("none"), "x-other", "key", None),
    ];
    for (credential, header, argument, expect) in rows {
        let mut file = raw_file();
        file["target"]["credential"] = credential.clone();
        let function = &mut file["functions"][0];
        function["input"]["properties"][argument] = json!({"type": "string"});
        function["http"] = match argument {
            "key" => json!({"method": "POST", "path": "/v1/refunds", "query": ["key"]}),
            _ => json!({"method": "POST", "path": "/v1/refunds", "headers": {argument: header}}),
        };
        let raw = RawCatalog::join([serde_json::from_value(file).unwrap()]).unwrap();
        let found: Vec<String> = match compile(&raw, &|_| Ok(())) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(found.len(), usize::from(expect.is_some()), "{credential} {header}: {found:?}");
        assert!(found.iter().zip(expect).all(|(it, expect)| it.contains(expect)), "{found:?}");
    }
}

#[test]
fn all_faults_are_found_in_one_go() {
    let mut file = raw_file();
    file["target"]["purpose"] = json!("");
    file["functions"][0]["purpose"] = json!("");
    file["functions"][1]["http"]["path"] = json!("no slash");
    let raw = RawCatalog::join([serde_json::from_value(file).unwrap()]).unwrap();
    let places: Vec<Place> =
        compile(&raw, &|_| Ok(())).unwrap_err().into_iter().map(|it| it.place).collect();
    assert!(places.contains(&Place::Target("billing".to_owned())), "{places:?}");
}

#[test]
fn the_contract_changes_with_what_a_call_means_and_with_nothing_else() {
    let contract = |change: fn(&mut Value)| {
        let mut file = raw_file();
        change(&mut file["functions"][0]);
        let raw = RawCatalog::join([serde_json::from_value(file).unwrap()]).unwrap();
        let catalog = compile(&raw, &|_| Ok(())).unwrap();
        catalog.by_name("billing.refunds.create").unwrap().1.contract
    };
    let base = contract(|_| ());
    assert_eq!(base, contract(|it| it["sensitivity"] = json!("low")));
    assert_eq!(base, contract(|it| it["review"]["every"] = json!("30d")));
    assert_ne!(base, contract(|it| it["purpose"] = json!("Something else")));
    assert_ne!(base, contract(|it| it["http"]["path"] = json!("/v2/refunds")));
    assert_ne!(base, contract(|it| it["input"]["properties"]["note"] = json!({"type": "number"})));
}

#[test]
fn agents_have_public_keys_and_no_others() {
    let good = json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "-_09", "kid": "one"});
    let but = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        json!([key])
    };
    let private = "agent agent:dunning: keys: a private key stands here: keep it with the agent, and make a new one";
    let no_key = "agent agent:dunning: keys: a public key as RFC 7517 writes it: RSA, EC with P-256 or P-384, or OKP with Ed25519";
    let rows = [
        (json!([good, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]), ""),
        (json!([{"kty": "RSA", "n": "AAAA", "e": "AQAB"}]), ""),
        (but("d", json!("AAAA")), private),
        (json!([{"kty": "oct", "k": "AAAA"}]), private),
        (json!([{}]), no_key),
        (json!([{"kty": "oct"}]), no_key),
        (but("crv", json!("secp256k1")), no_key),
        (but("x", json!("")), no_key),
        (but("x", json!("A+/=")), no_key),
        (but("y", Value::Null), no_key),
        (but("y", json!("A".repeat(2000))), no_key),
        (but("kid", json!(7)), no_key),
        (json!(vec![good.clone(); 6]), "agent agent:dunning: keys: at most 5"),
    ];
    for (keys, expected) in rows {
        let found = faults("/agents/0/keys", keys.clone());
        assert_eq!(found.join("\n"), expected, "{keys}");
    }
}
