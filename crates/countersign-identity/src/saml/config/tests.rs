use super::*;
use crate::{Http, Verifier, mapping::Mapping};
use serde_json::{Value, json};

fn provider(name: &str, changes: &Value) -> SamlConfig {
    let mut config = json!({
        "name": name, "entity_id": format!("urn:{name}"), "metadata": {"file": "idp.xml"},
        "key": {"file": "saml.key"}, "certificate": "saml.crt",
        "attributes": {"subject_prefix": format!("{name}:")},
    });
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

fn issuer(name: &str, prefix: &str, namespace: &str) -> IssuerConfig {
    serde_json::from_value(json!({
        "name": name, "url": format!("https://{name}.example"), "audiences": ["a"],
        "claims": {"subject_prefix": prefix, "group_prefix": prefix}, "namespace": namespace,
    }))
    .unwrap()
}

fn faults(providers: &[SamlConfig], issuers: &[IssuerConfig]) -> Vec<&'static str> {
    let faults = check_saml(providers, issuers).err().unwrap_or_default();
    faults.iter().map(|it| it.key).collect()
}

#[test]
fn each_fault_names_its_key() {
    let pin = "ab".repeat(32);
    let table = [
        (json!({}), None),
        (json!({"name": "Corp"}), Some("name")),
        (json!({"name": "a/b"}), Some("name")),
        (json!({"name": "countersign"}), Some("name")),
        (json!({"entity_id": ""}), Some("entity_id")),
        (json!({"metadata": {"url": "https://idp.example/m"}}), Some("metadata.url")),
        (
            json!({"metadata": {"url": "https://idp.example/m"}, "signing_certificates": [pin]}),
            None,
        ),
        (
            json!({"metadata": {"url": "https://idp.example/m"}, "metadata_certificate": "f.crt"}),
            None,
        ),
        (
            json!({"metadata": {"url": "idp.xml"}, "signing_certificates": [pin]}),
            Some("metadata.url"),
        ),
        (json!({"signing_certificates": ["AB:CD"]}), Some("signing_certificates")),
        (json!({"clock_skew": "301s"}), Some("clock_skew")),
        (json!({"metadata_refresh": "1s"}), Some("metadata_refresh")),
        (json!({"name_id_format": ""}), Some("name_id_format")),
        (json!({"attributes": {"subject": ""}}), Some("attributes.subject")),
        (json!({"exchange": {}}), None),
        (
            json!({"exchange": {"recipients": ["https://app.example/acs"], "audiences": ["urn:a"]}}),
            None,
        ),
        (json!({"exchange": {"audiences": [""]}}), Some("exchange")),
        (json!({"exchange": {"scopes": [""]}}), Some("exchange")),
        (json!({"exchange": {"recipients": ["/acs"]}}), Some("exchange.recipients")),
        (
            json!({"exchange": {"recipients": ["https://gw.example/console/saml/corp/response"]}}),
            Some("exchange.recipients"),
        ),
        (
            json!({"exchange": {"recipients": ["https://gw.example/x/../console/saml/a/response"]}}),
            Some("exchange.recipients"),
        ),
    ];
    for (changes, expected) in table {
        let found = faults(&[provider("corp", &changes)], &[]);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{changes}");
    }
}

#[test]
fn two_sources_never_share_names_by_accident() {
    let plain = |name| provider(name, &json!({"attributes": {}}));
    let shared = |name| provider(name, &json!({"attributes": {}, "namespace": "shared"}));
    let prefix = vec!["attributes.subject_prefix"];
    assert_eq!(faults(&[plain("a")], &[issuer("b", "", "own")]), prefix);
    assert_eq!(faults(&[shared("a")], &[issuer("b", "", "own")]), prefix);
    assert_eq!(faults(&[shared("a")], &[issuer("b", "", "shared")]), Vec::<&str>::new());
    assert_eq!(faults(&[plain("a"), plain("b")], &[]), prefix);
    assert_eq!(faults(&[plain("a")], &[issuer("b", "b:", "own")]), Vec::<&str>::new());
    assert_eq!(faults(&[provider("b", &json!({}))], &[issuer("b", "", "own")]), ["name"]);
    let twin = provider("b", &json!({"entity_id": "urn:a"}));
    assert_eq!(faults(&[provider("a", &json!({})), twin], &[]), ["entity_id"]);
}

/// Neither a provider what belongs to an issuer, nor an issuer what belongs to a provider.
#[test]
fn a_provider_names_nobody_elses_people() {
    use super::super::{assertion::Believed, person::PersonMapping};
    use countersign_model::{Clock, Timestamp};
    let believed = |name: &str, group: &str| Believed {
        id: "_1".into(),
        in_response_to: None,
        issued_at: Timestamp::from_millis(0),
        session_index: None,
        name_id: name.into(),
        name_id_format: None,
        attributes: [("groups".to_owned(), vec![group.to_owned()])].into(),
        usable_until: Timestamp::from_millis(0),
        ends_at: Timestamp::from_millis(0),
        session_ends: None,
        authenticated_at: Timestamp::default(),
    };
    let wide = provider("wide", &json!({"attributes": {}}));
    let narrow =
        provider("narrow", &json!({"attributes": {"subject_prefix": "n:", "group_prefix": "n/"}}));
    let providers = [wide.clone(), narrow];
    let issuers = [issuer("idp", "idp:", "own"), issuer("open", "open:", "shared")];
    let mapping = PersonMapping::new(&wide, &providers, &issuers);
    for (name, group, expected) in [
        ("ada", "ops", "ada"),
        ("open:ada", "ops", "open:ada"),
        ("n:ada", "ops", "subject_not_accepted"),
        ("idp:ada", "ops", "subject_not_accepted"),
        ("ada", "n/ops", "attribute_invalid"),
        ("ada", "idp:ops", "attribute_invalid"),
    ] {
        let caller = mapping.caller(&believed(name, group));
        let found = caller.as_ref().map_or_else(|it| it.code(), |it| it.subject.as_str());
        assert_eq!(found, expected, "{name} {group}");
    }
    let reserved: Vec<_> = providers.iter().filter_map(SamlConfig::reserved).collect();
    let open = issuer("open", "", "own");
    let caller = |claims: &Value| {
        let mapping = Mapping::new(&open, std::slice::from_ref(&open)).beside(&reserved);
        let claims = claims.as_object().unwrap();
        let (now, off) = (Timestamp::from_millis(0), &mut crate::explain::Trace::off());
        mapping.caller(claims, now, crate::rules::TokenUse::SignIn, off).map(drop)
    };
    assert!(caller(&json!({"sub": "ada", "groups": ["ops"]})).is_ok());
    assert_eq!(caller(&json!({"sub": "n:ada"})).unwrap_err().code(), "subject_not_accepted");
    assert_eq!(
        caller(&json!({"sub": "ada", "groups": ["n/ops"]})).unwrap_err().code(),
        "claim_invalid"
    );
    let clock = Clock::stopped_at(Timestamp::from_millis(0));
    let options = crate::VerifierOptions { reserved, ..Default::default() };
    assert!(Verifier::with(vec![open], Http::new(), clock, options).is_ok());
}
