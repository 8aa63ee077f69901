#![expect(clippy::needless_pass_by_value, reason = "rows of a table hand their JSON over")]

use super::*;
use serde_json::json;

fn config(name: &str, claims: Value) -> IssuerConfig {
    serde_json::from_value(json!({
        "name": name, "url": format!("https://{name}.example"), "audiences": ["x"], "claims": claims,
    }))
    .unwrap()
}

fn map(config: &IssuerConfig, others: &[IssuerConfig], claims: Value) -> Result<Caller, Fault> {
    let claims = claims.as_object().unwrap().clone();
    let mapping = Mapping::new(config, others);
    mapping
        .caller(&claims, Timestamp::from_millis(0), TokenUse::Call, &mut Trace::off())
        .map_err(|it| it.fault())
}

#[test]
fn maps_every_part() {
    let acme = config("acme", json!({"subject_prefix": "acme:", "groups": "realm.roles"}));
    let caller = map(
        &acme,
        &[],
        json!({
            "sub": "riley", "azp": "web", "scope": "a b", "scp": ["c"], "name": "Ri\u{202e}ley\n",
            "email": "riley@acme.example", "realm": {"roles": ["ops", "dev", "ops"]},
            "act": {"sub": "dunning", "act": {"sub": "router"}},
        }),
    )
    .unwrap();
    assert_eq!(
        serde_json::to_value(caller).unwrap(),
        json!({
            "subject": "acme:riley", "kind": "person", "actors": ["acme:dunning", "acme:router"],
            "client": "web", "issuer": "acme", "groups": ["acme:dev", "acme:ops"], "scopes": ["a", "b", "c"],
            "name": "Riley", "email": "riley@acme.example", "expires_at": "1970-01-01T00:00:00.000Z",
        })
    );
}

#[test]
fn tells_people_agents_and_services_apart() {
    let rules = json!({
        "agent": {"claim": "roles", "values": ["agent"]},
        "service": {"claim": "idtyp", "values": ["app"]},
    });
    let (plain, ruled) = (config("a", json!({})), config("a", rules));
    let check = |config: &IssuerConfig, claims: Value, expect: CallerKind| {
        assert_eq!(map(config, &[], claims.clone()).unwrap().kind, expect, "{claims}");
    };
    check(&plain, json!({"sub": "r"}), CallerKind::Person);
    check(&plain, json!({"sub": "r", "client_id": "web"}), CallerKind::Person);
    check(&plain, json!({"sub": "job", "client_id": "job"}), CallerKind::Service);
    check(&plain, json!({"sub": "job", "azp": "job"}), CallerKind::Service);
    check(&ruled, json!({"sub": "r", "idtyp": "app"}), CallerKind::Service);
    check(&ruled, json!({"sub": "r", "idtyp": "user"}), CallerKind::Person);
    check(&ruled, json!({"sub": "r", "roles": ["x", "agent"], "idtyp": "app"}), CallerKind::Agent);
    let wrong = map(&ruled, &[], json!({"sub": "r", "roles": 7.5}));
    assert_eq!(wrong, Err(Fault::ClaimInvalid));
}

#[test]
fn refuses_subjects_that_cannot_be_names() {
    let plain = config("a", json!({}));
    let check = |claims: Value, expect: Fault| {
        assert_eq!(map(&plain, &[], claims.clone()).err(), Some(expect), "{claims}");
    };
    for bad in [json!(1), json!(null), json!(["r"]), json!(""), json!(" r"), json!("r\n")] {
        check(json!({"sub": bad}), Fault::SubjectMissing);
    }
    for hidden in ["r\u{200b}", "\u{202e}yelir", "r\u{feff}", "r\u{0}", "r\u{e0041}", "r\u{ad}"] {
        check(json!({"sub": hidden}), Fault::SubjectMissing);
    }
    check(json!({"sub": "x".repeat(256)}), Fault::SubjectMissing);
    check(json!({}), Fault::SubjectMissing);
    check(json!({"sub": "r", "groups": 7}), Fault::ClaimInvalid);
    check(json!({"sub": "r", "groups": ["a", 7]}), Fault::ClaimInvalid);
    check(json!({"sub": "r", "groups": [""]}), Fault::ClaimInvalid);
    check(json!({"sub": "r", "scope": {"a": 1}}), Fault::ClaimInvalid);
    check(json!({"sub": "r", "client_id": 1}), Fault::ClaimInvalid);

    // Two spellings that look alike are two subjects: nothing is normalised.
    let composed = map(&plain, &[], json!({"sub": "Ren\u{e9}"})).unwrap();
    let decomposed = map(&plain, &[], json!({"sub": "Rene\u{301}"})).unwrap();
    assert_ne!(composed.subject, decomposed.subject);
}

#[test]
fn an_address_is_a_subject_only_if_it_is_verified() {
    let by_email = config("a", json!({"subject": "email"}));
    let check = |verified: Value, expect: Option<Fault>| {
        let claims = json!({"email": "r@x.example", "email_verified": verified});
        assert_eq!(map(&by_email, &[], claims).err(), expect);
    };
    check(json!(true), None);
    check(json!(false), Some(Fault::SubjectNotAccepted));
    check(json!("true"), Some(Fault::SubjectNotAccepted));
    check(json!(null), Some(Fault::SubjectNotAccepted));
}

#[test]
fn no_issuer_names_what_belongs_to_another() {
    let people = config("people", json!({}));
    let agents = config("agents", json!({"subject_prefix": "agent:", "group_prefix": "ag:"}));
    let both = [people.clone(), agents.clone()];
    let check = |config: &IssuerConfig, claims: Value, expect: Option<Fault>| {
        assert_eq!(map(config, &both, claims.clone()).err(), expect, "{claims}");
    };
    check(&people, json!({"sub": "riley"}), None);
    check(&people, json!({"sub": "agent:dunning"}), Some(Fault::SubjectNotAccepted));
    check(&people, json!({"sub": "r", "act": {"sub": "agent:x"}}), Some(Fault::SubjectNotAccepted));
    check(&people, json!({"sub": "r", "groups": ["ag:ops"]}), Some(Fault::ClaimInvalid));
    check(&agents, json!({"sub": "dunning", "groups": "ops"}), None);
    // What stands before its subjects stands before its groups too.
    let partner = config("partner", json!({"subject_prefix": "partner:"}));
    let groups = map(&partner, &[], json!({"sub": "r", "groups": ["admins"]})).unwrap().groups;
    assert_eq!(groups, BTreeSet::from(["partner:admins".into()]));
}

#[test]
fn the_chain_of_actors_is_short_and_whole() {
    let plain = config("a", json!({}));
    let chain = |length: usize| {
        (0..length).fold(json!({"sub": "r"}), |inner, place| {
            if place == 0 { json!({"sub": "actor"}) } else { json!({"sub": "actor", "act": inner}) }
        })
    };
    let check = |act: Value, expect: Result<usize, Fault>| {
        let claims = json!({"sub": "r", "act": act});
        let found = map(&plain, &[], claims.clone());
        assert_eq!(found.map(|it| it.actors.len()), expect, "{claims}");
    };
    check(chain(1), Ok(1));
    check(chain(5), Ok(5));
    check(chain(6), Err(Fault::ActorChainInvalid));
    check(json!("agent"), Err(Fault::ActorChainInvalid));
    check(json!(null), Err(Fault::ActorChainInvalid));
    check(json!({}), Err(Fault::ActorChainInvalid));
    check(json!({"sub": 1}), Err(Fault::ActorChainInvalid));
    check(json!({"sub": "x", "iss": "https://a.example"}), Ok(1));
    check(json!({"sub": "x", "iss": "https://evil.example"}), Err(Fault::ActorChainInvalid));
}
