//! What is believed, and what becomes of it.

use super::{
    AUDIENCE, RECIPIENT, Stage,
    idp::{Draft, Envelope, Idp, Keys, MORE, Pair, Style, audience, request_of},
    outcome,
};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_identity::Begun;
use countersign_model::CallerKind;
use rcgen::PublicKeyData as _;
use serde_json::json;

#[tokio::test]
async fn a_person_signs_in_and_is_mapped() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let signed_in = stage.finish(&waiting, &waiting.draft().signed(&stage.idp)).await.unwrap();
    let caller = signed_in.caller;
    assert_eq!(caller.subject.as_str(), "corp:alice@example.com");
    assert_eq!(caller.kind, CallerKind::Person);
    assert_eq!(&*caller.issuer, "corp");
    assert_eq!(caller.name.as_deref(), Some("Alice"));
    assert_eq!(caller.email.as_deref(), Some("alice@example.com"));
    let groups: Vec<_> = caller.groups.iter().map(|it| it.as_str()).collect();
    assert_eq!(groups, ["corp:ops", "corp:staff"]);
    assert!(caller.actors.is_empty() && caller.scopes.is_empty() && caller.client.is_none());
    assert_eq!(signed_in.begun, Begun::Here);
    assert_eq!(signed_in.session_ends, None);
}

#[tokio::test]
async fn an_assertion_is_explained_attribute_by_attribute() {
    for (changes, expect) in [
        (json!({}), "NameID \"alice@example.com\" saml[corp].name_id_format"),
        (
            json!({"attributes": {"subject_prefix": "corp:", "subject": "mail"}}),
            "mail \"alice@example.com\" saml[corp].attributes.subject",
        ),
    ] {
        let stage = Stage::with(changes);
        let waiting = stage.begin().await;
        let draft = waiting.draft();
        let id = draft.id.clone();
        let notes = stage.finish(&waiting, &draft.signed(&stage.idp)).await.unwrap().notes;
        let steps = notes.steps.iter();
        let lines: Vec<String> =
            steps.map(|it| format!("{} {} {}", it.claims.join(","), it.found, it.rule)).collect();
        let text = lines.join("\n");
        for part in [
            expect,
            "groups \"ops\", \"staff\" saml[corp].attributes.groups with the prefix \"corp:\": 2",
            "displayName \"Alice\" saml[corp].attributes.name, to show only",
            "AudienceRestriction \"https://gateway.example/console/saml/corp/metadata\"",
            "InResponseTo the request of this browser",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(&id), "an assertion's ID is nobody's business: {text}");
    }
}

#[tokio::test]
async fn every_usual_way_to_sign_and_encrypt_is_understood() {
    let stage = Stage::new();
    type Make = fn(&Draft, &Idp) -> String;
    let table: &[(&str, Make)] = &[
        ("the assertion is signed", |draft, idp| draft.signed(idp)),
        ("the response is signed", |draft, idp| idp.sign(&draft.response(&draft.assertion()))),
        ("both are", |draft, idp| idp.sign(&draft.signed(idp))),
        ("encrypted", |draft, idp| {
            draft.response(&Envelope::default().seal(&idp.sign(&draft.assertion())))
        }),
        ("encrypted, and the response is signed", |draft, idp| {
            idp.sign(&draft.response(&Envelope::default().seal(&draft.assertion())))
        }),
        ("SHA-512", |draft, idp| {
            let style = Style {
                method: format!("{MORE}rsa-sha512"),
                digest_method: "http://www.w3.org/2001/04/xmlenc#sha512".into(),
                ..Style::default()
            };
            draft.response(&idp.sign_as(&draft.assertion(), &style))
        }),
        ("with a KeyInfo, which nobody reads", |draft, idp| {
            let style = Style {
                key_info: "<ds:KeyInfo><ds:KeyName>another</ds:KeyName></ds:KeyInfo>".into(),
                ..Style::default()
            };
            draft.response(&idp.sign_as(&draft.assertion(), &style))
        }),
        ("with a declaration and lines between elements", |draft, idp| {
            let signed = draft.signed(idp).replace("<samlp:Status>", "\n  <samlp:Status>\n");
            format!("<?xml version=\"1.0\" encoding='utf-8' standalone=\"no\"?>\r\n{signed}\n")
        }),
        ("written with other quotes and empty elements", |draft, idp| {
            let signed = draft.signed(idp).replace("></saml:AuthnStatement>", " />");
            signed.replace("Version=\"2.0\"", "Version = '2.0'")
        }),
        ("with characters by number", |draft, idp| {
            draft.signed(idp).replace(">alice@example.com<", ">&#97;lice&#x40;example.com<")
        }),
        ("for several services", |draft, idp| {
            let conditions = audience("urn:other").replace(
                "</saml:AudienceRestriction>",
                &format!("<saml:Audience>{AUDIENCE}</saml:Audience></saml:AudienceRestriction>"),
            );
            Draft { conditions, ..draft.clone() }.signed(idp)
        }),
    ];
    for (number, (name, make)) in table.iter().enumerate() {
        let waiting = stage.begin().await;
        let draft = Draft { id: format!("_a{number}"), ..waiting.draft() };
        let result = stage.finish(&waiting, &make(&draft, &stage.idp)).await;
        assert_eq!(outcome(&result), "corp:alice@example.com", "{name}: {result:?}");
    }
}

#[tokio::test]
async fn an_elliptic_key_signs_too() {
    let mut stage = Stage::new();
    stage.idp = Idp::new(&Pair::elliptic());
    std::fs::write(stage.directory.path().join("idp.xml"), stage.idp.metadata("")).unwrap();
    let waiting = stage.begin().await;
    let style = Style { method: format!("{MORE}ecdsa-sha256"), ..Style::default() };
    let draft = waiting.draft();
    let response = draft.response(&stage.idp.sign_as(&draft.assertion(), &style));
    assert_eq!(outcome(&stage.finish(&waiting, &response).await), "corp:alice@example.com");
}

#[tokio::test]
async fn the_request_is_signed_and_says_where_the_answer_goes() {
    let stage = Stage::with(json!({"name_id_format": "urn:a&b"}));
    let waiting = stage.begin().await;
    let request = request_of(&waiting.url);
    assert!(waiting.url.as_str().starts_with("https://idp.example/sso?tenant=1&SAMLRequest="));
    for part in [
        format!("<saml:Issuer>{AUDIENCE}</saml:Issuer>"),
        format!("AssertionConsumerServiceURL=\"{RECIPIENT}\""),
        "Destination=\"https://idp.example/sso?tenant=1\"".to_owned(),
        "IssueInstant=\"2026-11-22T10:00:00.000Z\"".to_owned(),
        "<samlp:NameIDPolicy Format=\"urn:a&amp;b\" AllowCreate=\"true\"/>".to_owned(),
    ] {
        assert!(request.contains(&part), "{part} in {request}");
    }
    let query = waiting.url.query().unwrap();
    let signed = query.strip_prefix("tenant=1&").unwrap();
    let (signed, signature) = signed.split_once("&Signature=").unwrap();
    assert!(
        signed.contains("&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256")
    );
    let signature = url::form_urlencoded::parse(format!("s={signature}").as_bytes())
        .next()
        .map(|(_, value)| STANDARD.decode(&*value).unwrap())
        .unwrap();
    let own = rcgen::KeyPair::from_pem(&Keys::shared().own.pem).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, own.subject_public_key_info())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
}

#[tokio::test]
async fn a_session_at_the_provider_bounds_ours() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let session = format!(" SessionNotOnOrAfter=\"{}\"", super::idp::time(super::NOW + 3600));
    let draft = Draft { session, ..waiting.draft() };
    let signed_in = stage.finish(&waiting, &draft.signed(&stage.idp)).await.unwrap();
    assert_eq!(signed_in.session_ends.map(|it| it.seconds()), Some(super::NOW + 3600));
}

#[tokio::test]
async fn an_attribute_can_name_the_subject() {
    let attributes = json!({
        "subject": "uid", "subject_prefix": "corp:", "groups": "roles", "group_prefix": "corp/"
    });
    let stage = Stage::with(json!({"attributes": attributes}));
    let named = |name: &str, values: &[&str]| {
        (name.to_owned(), values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
    };
    let check = async |attributes: Vec<(String, Vec<String>)>, expected: &str, number: u8| {
        let waiting = stage.begin().await;
        let draft = Draft { attributes, id: format!("_{number}"), ..waiting.draft() };
        let result = stage.finish(&waiting, &draft.signed(&stage.idp)).await;
        assert_eq!(outcome(&result), expected, "{result:?}");
        result.ok()
    };
    let roles = [named("uid", &["a17"]), named("roles", &["one"]), named("roles", &["two"])];
    let signed_in = check(roles.to_vec(), "corp:a17", 1).await.unwrap();
    let groups: Vec<_> = signed_in.caller.groups.iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(groups, ["corp/one", "corp/two"]);
    check(vec![], "subject_missing", 2).await;
    check(vec![named("uid", &["a17", "a18"])], "subject_missing", 3).await;
    check(vec![named("uid", &[" a17"])], "subject_missing", 4).await;
    check(vec![named("uid", &["a\u{200B}17"])], "subject_missing", 5).await;
    check(vec![named("uid", &["a17"]), named("roles", &[""])], "attribute_invalid", 6).await;
}

#[tokio::test]
async fn what_the_provider_begins_is_taken_only_where_the_configuration_says_so() {
    let unasked = |id: &str| Draft {
        answers: String::new(),
        response_answers: String::new(),
        id: id.to_owned(),
        ..Draft::new("")
    };
    let strict = Stage::new();
    let response = unasked("_1").signed(&strict.idp);
    let refused = strict.finish_bytes(None, response.as_bytes()).await;
    assert_eq!(outcome(&refused), "unsolicited");
    let waiting = strict.begin().await;
    assert_eq!(outcome(&strict.finish(&waiting, &response).await), "unsolicited");

    let open = Stage::with(json!({"idp_initiated": "accept"}));
    let signed_in = open.finish_bytes(None, response.as_bytes()).await.unwrap();
    assert_eq!(signed_in.begun, Begun::AtProvider);
    let again = open.finish_bytes(None, response.as_bytes()).await;
    assert_eq!(outcome(&again), "assertion_replayed");
    // An answer to somebody's request is no sign-in that the provider began.
    let waiting = open.begin().await;
    let answer = waiting.draft().signed(&open.idp);
    let stranger = open.finish_bytes(None, answer.as_bytes()).await;
    assert_eq!(outcome(&stranger), "in_response_to_mismatch");
    assert_eq!(outcome(&open.finish(&waiting, &answer).await), "corp:alice@example.com");
}
