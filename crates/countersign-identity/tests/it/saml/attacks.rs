//! Responses that the provider's own key has signed and that are not for this sign-in all the same, and
//! signatures and envelopes of kinds that are not accepted.

use super::{
    NOW, Stage,
    idp::{Draft, Envelope, Idp, Keys, MORE, Style, audience, time},
    outcome,
};
use countersign_identity::{SamlAnswer, SamlFault, UseOnce, UseOnceFailed};

type Change = fn(&mut Draft);

const SIGNED_AND_WRONG: &[(&str, Change, &str)] = &[
    ("the control", |_| {}, "corp:alice@example.com"),
    (
        "another audience",
        |it| it.conditions = audience("https://other.example"),
        "audience_mismatch",
    ),
    (
        "an audience with a slash more",
        |it| it.conditions = audience(&format!("{}/", super::AUDIENCE)),
        "audience_mismatch",
    ),
    ("no audience", |it| it.conditions = String::new(), "audience_mismatch"),
    (
        "an audience of two that must both hold",
        |it| {
            it.conditions = format!("{}{}", audience(super::AUDIENCE), audience("urn:other"));
        },
        "audience_mismatch",
    ),
    (
        "another recipient",
        |it| it.recipient = "https://other.example/acs".into(),
        "recipient_mismatch",
    ),
    ("no recipient", |it| it.recipient = String::new(), "recipient_mismatch"),
    (
        "another destination",
        |it| it.destination = "https://other.example/acs".into(),
        "destination_mismatch",
    ),
    ("no destination", |it| it.destination = String::new(), "destination_mismatch"),
    ("another issuer of the assertion", |it| it.issuer = "urn:evil".into(), "issuer_mismatch"),
    (
        "another issuer of the response",
        |it| it.response_issuer = "urn:evil".into(),
        "issuer_mismatch",
    ),
    ("an issuer with a blank", |it| it.issuer.push(' '), "issuer_mismatch"),
    (
        "in answer to another request",
        |it| {
            it.answers = " InResponseTo=\"_other\"".into();
            it.response_answers.clone_from(&it.answers);
        },
        "in_response_to_mismatch",
    ),
    (
        "the response answers another request",
        |it| {
            it.response_answers = " InResponseTo=\"_other\"".into();
        },
        "in_response_to_mismatch",
    ),
    (
        "the response answers no request",
        |it| it.response_answers = String::new(),
        "in_response_to_mismatch",
    ),
    (
        "in answer to no request",
        |it| {
            it.answers = String::new();
            it.response_answers = String::new();
        },
        "unsolicited",
    ),
    ("only the assertion answers no request", |it| it.answers = String::new(), "unsolicited"),
    ("ended", |it| it.until = NOW - 61, "assertion_expired"),
    ("ended within the skew", |it| it.until = NOW - 30, "corp:alice@example.com"),
    ("its confirmation ended", |it| it.confirmed_until = NOW - 61, "assertion_expired"),
    ("made long ago", |it| it.issued = NOW - 700, "assertion_expired"),
    ("of tomorrow", |it| it.from = NOW + 86_400, "assertion_not_yet_valid"),
    ("made tomorrow", |it| it.issued = NOW + 86_400, "assertion_not_yet_valid"),
    ("not begun, within the skew", |it| it.from = NOW + 30, "corp:alice@example.com"),
    (
        "its session ended",
        |it| it.session = format!(" SessionNotOnOrAfter=\"{}\"", time(NOW - 61)),
        "session_ended",
    ),
    (
        "a time of another zone",
        |it| it.session = " SessionNotOnOrAfter=\"2099-01-01T00:00:00+01:00\"".into(),
        "assertion_malformed",
    ),
    (
        "a time that is a date",
        |it| it.session = " SessionNotOnOrAfter=\"2099-01-01\"".into(),
        "assertion_malformed",
    ),
    (
        "holder of key",
        |it| it.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into(),
        "confirmation_not_accepted",
    ),
    (
        "the provider said no",
        |it| it.status = "urn:oasis:names:tc:SAML:2.0:status:Responder".into(),
        "denied_by_issuer",
    ),
    (
        "a name in another case",
        |it| it.name_id = "Alice@example.com".into(),
        "corp:Alice@example.com",
    ),
    ("a nameless person", |it| it.name_id = String::new(), "subject_missing"),
    ("a name that ends in a blank", |it| it.name_id.push(' '), "subject_missing"),
    (
        "a name with an element in it",
        |it| it.name_id.push_str("<saml:x></saml:x>"),
        "subject_missing",
    ),
    (
        "a name for this once",
        |it| {
            it.name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient".into();
        },
        "subject_not_accepted",
    ),
    (
        "a condition that nobody knows",
        |it| it.conditions.push_str("<saml:Condition></saml:Condition>"),
        "assertion_malformed",
    ),
    (
        "a statement that nobody knows",
        |it| it.more = "<saml:AuthzDecisionStatement></saml:AuthzDecisionStatement>".into(),
        "assertion_malformed",
    ),
    (
        "once only, and no proxies",
        |it| {
            it.conditions.push_str("<saml:OneTimeUse></saml:OneTimeUse><saml:ProxyRestriction></saml:ProxyRestriction>");
        },
        "corp:alice@example.com",
    ),
];

#[tokio::test]
async fn what_is_signed_and_not_for_this_sign_in_is_refused() {
    let stage = Stage::new();
    for (number, (name, change, expected)) in SIGNED_AND_WRONG.iter().enumerate() {
        stage.next_second();
        let waiting = stage.begin().await;
        let mut draft = waiting.draft();
        draft.id = format!("_a{number}");
        change(&mut draft);
        let result = stage.finish(&waiting, &draft.signed(&stage.idp)).await;
        assert_eq!(outcome(&result), *expected, "{name}: {result:?}");
    }
}

type Write = fn(&str) -> String;

/// Parts of an assertion that are left out or are others, before the provider signs it.
const SIGNED_AND_ODD: &[(&str, Write, &str)] = &[
    (
        "a confirmation without an end",
        |it| {
            let end = format!(" NotOnOrAfter=\"{}\" Recipient", time(NOW + 300));
            it.replacen(&end, " Recipient", 1)
        },
        "confirmation_not_accepted",
    ),
    (
        "two confirmations",
        |it| {
            let more =
                "</saml:SubjectConfirmation><saml:SubjectConfirmation></saml:SubjectConfirmation>";
            it.replace("</saml:SubjectConfirmation>", more)
        },
        "assertion_malformed",
    ),
    (
        "an encrypted name",
        |it| it.replace("saml:NameID", "saml:EncryptedID"),
        "assertion_malformed",
    ),
    ("a base ID", |it| it.replace("saml:NameID", "saml:BaseID"), "assertion_malformed"),
    (
        "an Advice",
        |it| it.replace("</saml:Conditions>", "</saml:Conditions><saml:Advice></saml:Advice>"),
        "assertion_malformed",
    ),
    (
        "no sign-in",
        |it| it.replace("saml:AuthnStatement", "saml:AttributeStatement"),
        "assertion_malformed",
    ),
    ("no conditions", |it| it.replace("saml:Conditions", "saml:Advice"), "assertion_malformed"),
    (
        "of version 1.1",
        |it| it.replace("Version=\"2.0\"", "Version=\"1.1\""),
        "assertion_malformed",
    ),
    ("made at no time", |it| it.replace(" IssueInstant=", " Instant="), "assertion_malformed"),
    (
        "an issuer of another format",
        |it| {
            let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
            it.replacen("<saml:Issuer>", &format!("<saml:Issuer Format=\"{format}\">"), 1)
        },
        "issuer_mismatch",
    ),
];

#[tokio::test]
async fn what_is_signed_and_not_an_assertion_of_the_profile_is_refused() {
    let stage = Stage::new();
    for (name, write, expected) in SIGNED_AND_ODD {
        stage.next_second();
        let waiting = stage.begin().await;
        let draft = waiting.draft();
        let odd = write(&draft.assertion());
        assert_ne!(odd, draft.assertion(), "{name}: nothing was changed");
        let result = stage.finish(&waiting, &draft.response(&stage.idp.sign(&odd))).await;
        assert_eq!(outcome(&result), *expected, "{name}: {result:?}");
    }
}

#[tokio::test]
async fn not_exactly_one_assertion_is_refused() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let draft = waiting.draft();
    let other = Draft { id: "_other".into(), ..draft.clone() };
    let [one, two] = [&draft, &other].map(|it| stage.idp.sign(&it.assertion()));
    let sealed = Envelope::default().seal(&two);
    for inside in [String::new(), format!("{one}{two}"), format!("{one}{sealed}")] {
        for response in [draft.response(&inside), stage.idp.sign(&draft.response(&inside))] {
            assert_eq!(outcome(&stage.finish(&waiting, &response).await), "assertion_count");
        }
    }
}

/// Ways to sign that are not accepted.
fn styles() -> Vec<(Style, &'static str)> {
    let exclusive =
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>";
    let transform = |name: &str| format!("<ds:Transform Algorithm=\"{name}\"></ds:Transform>");
    let usual = Style::default();
    let inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    vec![
        (
            Style { method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1".into(), ..usual.clone() },
            "algorithm_not_allowed",
        ),
        (
            Style {
                digest_method: "http://www.w3.org/2000/09/xmldsig#sha1".into(),
                ..usual.clone()
            },
            "algorithm_not_allowed",
        ),
        (Style { method: format!("{MORE}hmac-sha256"), ..usual.clone() }, "algorithm_not_allowed"),
        (Style { method: format!("{MORE}rsa-md5"), ..usual.clone() }, "algorithm_not_allowed"),
        (Style { digest_method: format!("{MORE}md5"), ..usual.clone() }, "algorithm_not_allowed"),
        (Style { method: String::new(), ..usual.clone() }, "algorithm_not_allowed"),
        (
            Style {
                canonicalization: usual
                    .canonicalization
                    .replace("http://www.w3.org/2001/10/xml-exc-c14n#", inclusive),
                ..usual.clone()
            },
            "algorithm_not_allowed",
        ),
        (Style { transforms: exclusive.into(), ..usual.clone() }, "signature_malformed"),
        (
            Style { transforms: format!("{}{exclusive}", usual.transforms), ..usual.clone() },
            "signature_malformed",
        ),
        (
            Style {
                transforms: format!(
                    "{exclusive}{}",
                    transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature")
                ),
                ..usual.clone()
            },
            "signature_malformed",
        ),
        (
            Style {
                transforms: usual.transforms.replace(
                    "http://www.w3.org/2001/10/xml-exc-c14n#",
                    "http://www.w3.org/2000/09/xmldsig#base64",
                ),
                ..usual.clone()
            },
            "algorithm_not_allowed",
        ),
        (Style { uri: Some(String::new()), ..usual.clone() }, "signature_malformed"),
        (
            Style {
                more_references: "<ds:Reference URI=\"#_response-1\"></ds:Reference>".into(),
                ..usual.clone()
            },
            "signature_malformed",
        ),
        (
            Style { key_info: "<ds:Object></ds:Object>".into(), ..usual.clone() },
            "signature_malformed",
        ),
    ]
}

#[tokio::test]
async fn weak_and_unknown_signatures_are_refused_also_from_the_right_key() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let draft = waiting.draft();
    let table = styles();
    for (place, (style, code)) in table.into_iter().enumerate() {
        let response = draft.response(&stage.idp.sign_as(&draft.assertion(), &style));
        let result = stage.finish(&waiting, &response).await;
        assert_eq!(outcome(&result), code, "{place}: {result:?}");
    }
}

#[tokio::test]
async fn envelopes_that_tell_their_content_are_refused_and_broken_ones_all_alike() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let draft = waiting.draft();
    let signed = stage.idp.sign(&draft.assertion());
    let usual = Envelope::default;
    let table = [
        (
            Envelope { content: "http://www.w3.org/2001/04/xmlenc#aes256-cbc", ..usual() },
            "encryption_not_allowed",
        ),
        (
            Envelope { content: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc", ..usual() },
            "encryption_not_allowed",
        ),
        (
            Envelope { transport: "http://www.w3.org/2001/04/xmlenc#rsa-1_5", ..usual() },
            "encryption_not_allowed",
        ),
        (
            Envelope { transport: "http://www.w3.org/2001/04/xmlenc#kw-aes256", ..usual() },
            "encryption_not_allowed",
        ),
        (
            Envelope { content: "http://www.w3.org/2009/xmlenc11#aes128-gcm", ..usual() },
            "decryption_failed",
        ),
        (Envelope { key: Keys::shared().attacker.clone(), ..usual() }, "decryption_failed"),
        (Envelope { bent: Some(0), ..usual() }, "decryption_failed"),
        (Envelope { bent: Some(40), ..usual() }, "decryption_failed"),
    ];
    for (place, (envelope, code)) in table.into_iter().enumerate() {
        let result = stage.finish(&waiting, &draft.response(&envelope.seal(&signed))).await;
        assert_eq!(outcome(&result), code, "{place}: {result:?}");
    }
    let doctype = format!("<!DOCTYPE r>{signed}");
    let inner = [
        (
            "<saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:Subject>"
                .to_owned(),
            "decryption_failed",
        ),
        (doctype, "decryption_failed"),
        (format!("{signed}{signed}"), "decryption_failed"),
        (draft.assertion(), "signature_missing"),
        (signed.replace("alice@", "mallory@"), "digest_mismatch"),
        (Idp::new(&Keys::shared().attacker).sign(&draft.assertion()), "signature_invalid"),
    ];
    for (plain, code) in inner {
        let result = stage.finish(&waiting, &draft.response(&usual().seal(&plain))).await;
        assert_eq!(outcome(&result), code, "{plain}: {result:?}");
    }
}

#[tokio::test]
async fn a_response_is_good_for_one_sign_in_of_one_browser() {
    let stage = Stage::new();
    let (mine, other) = (stage.begin().await, stage.begin().await);
    let response = mine.draft().signed(&stage.idp);
    let slipped = stage.finish(&other, &response).await;
    assert_eq!(outcome(&slipped), "in_response_to_mismatch", "another browser's sign-in");
    let nobody = stage.finish_bytes(None, response.as_bytes()).await;
    assert_eq!(outcome(&nobody), "unsolicited", "a browser that began nothing");
    assert_eq!(outcome(&stage.finish(&mine, &response).await), "corp:alice@example.com");
    assert_eq!(outcome(&stage.finish(&mine, &response).await), "assertion_replayed");
    let again = Draft { id: "_second".into(), ..mine.draft() }.signed(&stage.idp);
    assert_eq!(outcome(&stage.finish(&mine, &again).await), "request_replayed");
    // Another gateway, with the same register.
    let elsewhere = stage.begin().await;
    let again = Draft { id: "_assertion-1".into(), ..elsewhere.draft() }.signed(&stage.idp);
    assert_eq!(outcome(&stage.finish(&elsewhere, &again).await), "assertion_replayed");
    let late = stage.begin().await;
    stage.pass(601);
    assert_eq!(outcome(&stage.finish(&late, &response).await), "sign_in_expired");
}

#[tokio::test]
async fn without_the_register_nobody_signs_in() {
    let mut stage = Stage::new();
    stage.once = UseOnce::new(|_, _| async { Err(UseOnceFailed("it is gone".into())) });
    let waiting = stage.begin().await;
    let result = stage.finish(&waiting, &waiting.draft().signed(&stage.idp)).await;
    assert_eq!(outcome(&result), "register_unavailable");
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_turned_away() {
    let stage = Stage::new();
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(outcome(&stage.finish_bytes(None, b"<x/>").await));
    }
    assert_eq!(codes.iter().filter(|it| *it == "unsolicited").count(), 50);
    assert_eq!(codes.iter().filter(|it| *it == "sign_in_busy").count(), 10);
    stage.pass(1);
    assert_eq!(outcome(&stage.finish_bytes(None, b"<x/>").await), "unsolicited");
}

#[test]
fn a_form_says_one_thing() {
    for (body, code) in [
        ("", "response_missing"),
        ("RelayState=x", "response_missing"),
        ("SAMLResponse=YQ%3D%3D&SAMLResponse=YQ%3D%3D", "response_missing"),
        ("SAMLResponse=YQ%3D%3D&RelayState=a&RelayState=b", "response_missing"),
    ] {
        let refused = SamlAnswer::from_form(body.as_bytes()).unwrap_err();
        assert_eq!(refused.code(), code, "{body}");
    }
    let answer = SamlAnswer::from_form(b"SAMLResponse=c2VjcmV0&RelayState=%2Fconsole").unwrap();
    assert_eq!(answer.relay_state(), Some("/console"));
    assert!(!format!("{answer:?}").contains("c2VjcmV0"));
}

/// The manual tells every code, and what to do about it.
#[test]
fn the_manual_has_every_code() {
    let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual/saml.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    for fault in SamlFault::ALL {
        assert!(manual.contains(&format!("| `{}` |", fault.code())), "{}", fault.code());
        assert!(fault.sentence().ends_with('.'), "{}", fault.sentence());
    }
}
