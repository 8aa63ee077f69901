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

#[test]
fn schedules_have_defaults() {
    let catalog = crate::fixtures::catalog();
    let schedule = &catalog.schedules["quarter"];
    assert_eq!(schedule.recurrence.months, 3);
    assert_eq!(schedule.scope.to_string(), "grants that reach high sensitivity");
    let rules = &schedule.rules;
    let days = crate::Span::from_days;
    assert_eq!((rules.duration, rules.grace, rules.look_back), (days(21), days(7), days(90)));
    assert_eq!(rules.reminders, [days(7), days(2)]);
    assert_eq!((rules.breaker_percent, rules.bulk_max), (20, 25));
    let file = raw_file();
    let mut raw: RawFile = serde_json::from_value(file).unwrap();
    raw.schedules[0].stages = None;
    raw.schedules[0].at = None;
    let raw = RawCatalog::join([raw]).unwrap();
    let catalog = compile(&raw, &|_| Ok(())).unwrap();
    let schedule = &catalog.schedules["quarter"];
    assert_eq!(schedule.recurrence.at, "09:00");
    assert_eq!(schedule.rules.stages.len(), 1);
    assert_eq!(schedule.rules.stages[0].reviewers[0].to_string(), "owner");
}

#[test]
fn a_catalog_without_schedules_keeps_its_digest() {
    let mut raw: RawFile = serde_json::from_value(raw_file()).unwrap();
    raw.schedules.clear();
    let written = serde_json::to_string(&RawCatalog::join([raw]).unwrap()).unwrap();
    assert!(!written.contains("schedules"), "{written}");
}

#[test]
fn each_fault_of_a_schedule_names_its_key() {
    for (key, value, expected) in SCHEDULE_FAULTS {
        let value: Value = serde_json::from_str(value).unwrap();
        let found = faults(&format!("/schedules/0/{key}"), value.clone());
        let name = if *key == "name" { "Q 1" } else { "quarter" };
        let expected = match *expected {
            "" => vec![],
            fault => vec![format!("schedule {name}: {fault}")],
        };
        assert_eq!(found, expected, "{key} = {value}");
    }
}

const EVERY: &str =
    "every: monthly, quarterly, half_yearly, yearly, or `N months` with N from 1 to 12";
const SPONSOR: &str =
    "stages[0].reviewers: an agent's sponsor alone does not review it; name somebody beside them";

/// A key, what it is set to, and the fault that follows.
const SCHEDULE_FAULTS: &[(&str, &str, &str)] = &[
    ("name", r#""Q 1""#, "name: lower-case letters, digits and dashes"),
    ("title", r#"" ""#, "title: say what people call its campaigns"),
    ("every", r#""weekly""#, EVERY),
    ("every", r#""13 months""#, EVERY),
    ("every", r#""5 months""#, ""),
    ("every", r#""monthly""#, ""),
    ("from", r#""2027-02-29""#, "from: `2027-02-29` is no date; write it like 2027-01-15"),
    (
        "time_zone",
        r#""Europe/Berln""#,
        "time_zone: `Europe/Berln` is no time zone; write an IANA name such as Europe/Berlin, or UTC",
    ),
    ("at", r#""9am""#, "at: `9am` is no time of day; write it like 09:00"),
    (
        "scope",
        r#"{"functions": ["billing.status", "billing.nothing"]}"#,
        "scope.functions[1]: no function `billing.nothing`",
    ),
    ("scope", r#"{"tags": ["none"]}"#, "scope.tags[0]: no function with the tag `none`"),
    ("scope", r#"{"targets": ["crm"]}"#, "scope.targets[0]: no target `crm`"),
    ("scope", r#"{"groups": [" a"]}"#, "scope.groups[0]: a name without blanks around it"),
    (
        "scope",
        r#"{"agents": true, "groups": ["a"]}"#,
        "scope.agents: no group is an agent: then no grant is in scope",
    ),
    ("owner", r#""group:admins""#, "owner: `group:admins`: one person, by their subject alone"),
    (
        "owner",
        r#""agent:dunning""#,
        "owner: `agent:dunning` is an agent; only a person answers here",
    ),
    ("owner", r#""""#, "owner: name a person by their subject"),
    (
        "fallback",
        r#"["fiona", "person:x"]"#,
        "fallback[1]: `person:x`: one person, by their subject alone",
    ),
    (
        "fallback",
        "[]",
        "fallback: high sensitivity is in scope: name who reviews what nobody else may, such as grants that their owner made",
    ),
    ("stages", "[]", "stages: 1 to 3 stages"),
    (
        "stages",
        r#"[{"reviewers": ["owner"]}, {"reviewers": ["owner"]}, {"reviewers": ["owner"]}, {"reviewers": ["owner"]}]"#,
        "stages: 1 to 3 stages",
    ),
    ("stages", r#"[{"reviewers": []}]"#, "stages[0].reviewers: 1 to 20 reviewers"),
    (
        "stages",
        r#"[{"reviewers": ["owner"], "mode": {"quorum": 1}}]"#,
        "stages[0].mode.quorum: 2 to 20 people; for one, write any_one",
    ),
    ("stages", r#"[{"reviewers": ["sponsor"], "mode": "all"}]"#, SPONSOR),
    (
        "stages",
        r#"[{"reviewers": ["sponsor", "owner"]}]"#,
        "stages[0].mode: with any_one a sponsor would decide alone, and is never asked; write all or a quorum, or leave the sponsor out",
    ),
    ("stages", r#"[{"reviewers": ["sponsor", "owner"], "mode": "all"}]"#, ""),
    (
        "stages",
        r#"[{"reviewers": ["boss"]}]"#,
        "stages[0].reviewers[0]: `boss` is no reviewer; write owner, sponsor, manager, group:NAME or person:SUBJECT",
    ),
    (
        "stages",
        r#"[{"reviewers": ["person:agent:dunning"]}]"#,
        "stages[0].reviewers[0]: `agent:dunning` is an agent; only people review",
    ),
    ("duration", r#""1h""#, "duration: 1d to 180d"),
    (
        "duration",
        r#""80d""#,
        "duration: with its grace a campaign lasts longer than 84d: the next would open before it is over",
    ),
    ("grace", r#""91d""#, "grace: at most 90d"),
    (
        "reminders",
        r#"["3d", "21d"]"#,
        "reminders[1]: a time before the due date that is shorter than duration",
    ),
    ("look_back", r#""401d""#, "look_back: 1d to 400d"),
    ("breaker_percent", "0", "breaker_percent: 1 to 100"),
    ("bulk_max", "501", "bulk_max: at most 500"),
];
