//! Assertions that are shown by themselves, at `/oauth/token`, as proof of a user: judged as strictly as
//! those of sign-ins, and for addresses of their own.

use super::{
    AUDIENCE, ENTITY, NOW, RECIPIENT, Stage,
    idp::{Draft, Envelope, Idp, Keys, MORE, Style, audience, time},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use countersign_identity::{Http, Party, SamlRefused, SamlSignIn, Verifier, VerifierOptions};
use countersign_model::{CallerKind, Clock, CutOffs, Digest, Timestamp, Whose};
use serde_json::json;
use std::sync::Arc;

const ENDPOINT: &str = "https://gateway.example/oauth/token";
const APPLICATION: &str = "https://app.example/saml";
const OTHER: &str = "https://other.example/metadata";
const ALICE: &str = "corp:alice@example.com";

/// A gateway that takes assertions, and an assertion that is right in everything.
fn stage() -> Stage {
    Stage::with(json!({"exchange": {
        "scopes": ["billing.read"], "recipients": [format!("{APPLICATION}/acs")],
        "audiences": [APPLICATION],
    }}))
}

fn draft() -> Draft {
    Draft { recipient: ENDPOINT.into(), answers: String::new(), ..Draft::new("_elsewhere") }
}

fn verifier() -> Verifier {
    let issuer = serde_json::from_value(json!({
        "name": "acme", "url": "https://acme.example", "audiences": ["https://gateway.example"],
    }))
    .unwrap();
    let clock = Clock::new(|| Timestamp::from_millis(NOW * 1000));
    Verifier::with(vec![issuer], Http::new(), clock, VerifierOptions::default()).unwrap()
}

async fn show_to(providers: &[SamlSignIn], text: &str) -> Result<Party, SamlRefused> {
    verifier().prove_saml(text, providers).await
}

async fn show(stage: &Stage, xml: &str) -> Result<Party, SamlRefused> {
    show_to(std::slice::from_ref(&stage.sign_in), &URL_SAFE_NO_PAD.encode(xml)).await
}

/// Whom it proved, or why not.
fn outcome(result: &Result<Party, SamlRefused>) -> String {
    match result {
        Ok(party) => party.caller().subject.as_str().to_owned(),
        Err(refused) => refused.code().to_owned(),
    }
}

#[tokio::test]
async fn an_assertion_proves_a_person_until_it_ends() {
    let stage = stage();
    let session = format!(" SessionIndex=\"s1\" SessionNotOnOrAfter=\"{}\"", time(NOW + 120));
    let xml = stage.idp.sign(&Draft { session, ..draft() }.assertion());
    let text = URL_SAFE_NO_PAD.encode(&xml);
    let party = show_to(std::slice::from_ref(&stage.sign_in), &text).await.unwrap();
    let caller = party.caller();
    assert_eq!((caller.subject.as_str(), caller.kind), (ALICE, CallerKind::Person));
    assert_eq!(&*caller.issuer, "corp");
    assert!(caller.actors.is_empty() && caller.client.is_none());
    let groups: Vec<_> = caller.groups.iter().map(|it| it.as_str()).collect();
    assert_eq!(groups, ["corp:ops", "corp:staff"]);
    let scopes: Vec<_> = caller.scopes.iter().map(|it| &**it).collect();
    assert_eq!(scopes, ["billing.read"]);
    let at = |seconds: i64| Timestamp::from_millis((NOW + seconds) * 1000);
    assert_eq!(caller.expires_at, at(120), "the session, which ends before the assertion");
    assert_eq!(
        party.refused_from(),
        at(360),
        "the assertion and the skew: so long it is remembered"
    );
    assert_eq!((caller.issued.at, caller.issued.session.as_deref()), (Some(at(0)), Some("s1")));
    assert_eq!(party.id(), Some(format!("{ENTITY}\n_assertion-1").as_str()));
    assert_eq!(party.digest(), Digest::of(text.as_bytes()));
    assert!(!format!("{party:?}").contains("SignatureValue"));
    // Without a session that ends, the first end of the assertion's own.
    let ends: [(Change, i64); 3] =
        [(|it| it.until = NOW + 60, 60), (|it| it.confirmed_until = NOW + 50, 50), (|_| {}, 300)];
    for (change, ends) in ends {
        let mut draft = draft();
        change(&mut draft);
        let party = show(&stage, &stage.idp.sign(&draft.assertion())).await.unwrap();
        assert_eq!(party.caller().expires_at, at(ends));
    }
}

/// What is right as a subject token, though not made for us in the usual way.
#[tokio::test]
async fn it_is_taken_in_the_forms_and_for_the_places_that_are_allowed() {
    let stage = stage();
    let providers = std::slice::from_ref(&stage.sign_in);
    let signed = stage.idp.sign(&draft().assertion());
    for (name, text) in [
        ("base64url", URL_SAFE_NO_PAD.encode(&signed)),
        ("with padding", URL_SAFE.encode(&signed)),
        ("encrypted", URL_SAFE_NO_PAD.encode(Envelope::default().seal(&signed))),
    ] {
        assert_eq!(outcome(&show_to(providers, &text).await), ALICE, "{name}");
    }
    let answers = " InResponseTo=\"_elsewhere\"".to_owned();
    for (name, draft) in [
        (
            "of an application",
            Draft {
                recipient: format!("{APPLICATION}/acs"),
                conditions: audience(APPLICATION),
                answers,
                ..draft()
            },
        ),
        ("of an application, for us", Draft { recipient: format!("{APPLICATION}/acs"), ..draft() }),
        ("ended within the skew", Draft { until: NOW - 30, ..draft() }),
    ] {
        let result = show(&stage, &stage.idp.sign(&draft.assertion())).await;
        assert_eq!(outcome(&result), ALICE, "{name}: {result:?}");
    }
}

type Change = fn(&mut Draft);

const SIGNED_AND_WRONG: &[(&str, Change, &str)] = &[
    ("for a sign-in at the console", |it| it.recipient = RECIPIENT.into(), "recipient_mismatch"),
    ("for another endpoint", |it| it.recipient.push('/'), "recipient_mismatch"),
    (
        "for another application",
        |it| it.recipient = "https://app.example/saml/acs2".into(),
        "recipient_mismatch",
    ),
    ("for no address", |it| it.recipient = String::new(), "recipient_mismatch"),
    (
        "for another service",
        |it| it.conditions = audience("https://other.example"),
        "audience_mismatch",
    ),
    ("for its own endpoint", |it| it.conditions = audience(ENDPOINT), "audience_mismatch"),
    ("for nobody in particular", |it| it.conditions = String::new(), "audience_mismatch"),
    (
        "for us and somebody else at once",
        |it| it.conditions = format!("{}{}", audience(AUDIENCE), audience("urn:other")),
        "audience_mismatch",
    ),
    ("ended", |it| it.until = NOW - 61, "assertion_expired"),
    ("its confirmation ended", |it| it.confirmed_until = NOW - 61, "assertion_expired"),
    ("made long ago", |it| it.issued = NOW - 700, "assertion_expired"),
    ("of tomorrow", |it| it.from = NOW + 86_400, "assertion_not_yet_valid"),
    ("made tomorrow", |it| it.issued = NOW + 86_400, "assertion_not_yet_valid"),
    (
        "its session ended",
        |it| it.session = format!(" SessionNotOnOrAfter=\"{}\"", time(NOW - 61)),
        "session_ended",
    ),
    (
        "holder of key",
        |it| it.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into(),
        "confirmation_not_accepted",
    ),
    (
        "sender vouches",
        |it| it.method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".into(),
        "confirmation_not_accepted",
    ),
    ("a nameless person", |it| it.name_id = String::new(), "subject_missing"),
    (
        "a name for this once",
        |it| it.name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient".into(),
        "subject_not_accepted",
    ),
    (
        "a condition that nobody knows",
        |it| it.conditions.push_str("<saml:Condition></saml:Condition>"),
        "assertion_malformed",
    ),
    ("of nobody who is known", |it| it.issuer = "urn:evil".into(), "issuer_mismatch"),
];

#[tokio::test]
async fn what_is_signed_and_not_for_this_gateway_is_refused() {
    let stage = stage();
    for (name, change, expected) in SIGNED_AND_WRONG {
        let mut draft = draft();
        change(&mut draft);
        let result = show(&stage, &stage.idp.sign(&draft.assertion())).await;
        assert_eq!(outcome(&result), *expected, "{name}: {result:?}");
    }
}

#[tokio::test]
async fn only_the_providers_own_signature_over_this_very_assertion_counts() {
    let stage = stage();
    let (draft, idp) = (draft(), &stage.idp);
    let bare = draft.assertion();
    let signed = idp.sign(&bare);
    let evil = bare.replace("alice@", "mallory@").replace("_assertion-1", "_evil");
    let signature = idp.signature(&bare, &Style::default());
    let sha1 = Style {
        digest_method: "http://www.w3.org/2000/09/xmldsig#sha1".into(),
        ..Style::default()
    };
    let hmac = Style { method: format!("{MORE}hmac-sha256"), ..Style::default() };
    let within = |it: &str| evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{it}"), 1);
    let sealed = |it: &str| Envelope::default().seal(it);
    let cbc =
        Envelope { content: "http://www.w3.org/2001/04/xmlenc#aes256-cbc", ..Envelope::default() };
    let others = Envelope { key: Keys::shared().attacker.clone(), ..Envelope::default() };
    for (name, xml, expected) in [
        ("unsigned", bare.clone(), "signature_missing"),
        ("changed", signed.replace("alice@", "mallory@"), "digest_mismatch"),
        (
            "signed by somebody else",
            Idp::new(&Keys::shared().attacker).sign(&bare),
            "signature_invalid",
        ),
        ("SHA-1", idp.sign_as(&bare, &sha1), "algorithm_not_allowed"),
        ("HMAC with the public key", idp.sign_as(&bare, &hmac), "algorithm_not_allowed"),
        ("the signature of another", within(&signature), "signature_malformed"),
        ("a signed one inside", within(&signed), "signature_missing"),
        (
            "the original in its signature",
            within(&signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"))),
            "signature_malformed",
        ),
        ("a signed response", idp.sign(&draft.response(&bare)), "assertion_malformed"),
        ("a response with a signed assertion", draft.signed(idp), "assertion_malformed"),
        ("an assertion in something else", format!("<x>{signed}</x>"), "assertion_malformed"),
        ("two", format!("{signed}{signed}"), "xml_malformed"),
        ("a document type", format!("<!DOCTYPE x>{signed}"), "xml_doctype"),
        ("a comment in the name", signed.replace("alice@", "alice<!-- -->@"), "xml_not_allowed"),
        ("no XML", "alice".to_owned(), "xml_malformed"),
        ("encrypted, unsigned", sealed(&bare), "signature_missing"),
        ("encrypted, a response", sealed(&draft.signed(idp)), "decryption_failed"),
        ("encrypted in CBC", cbc.seal(&signed), "encryption_not_allowed"),
        ("encrypted for somebody else", others.seal(&signed), "decryption_failed"),
    ] {
        let result = show(&stage, &xml).await;
        assert_eq!(outcome(&result), expected, "{name}: {result:?}");
    }
    let providers = std::slice::from_ref(&stage.sign_in);
    for text in ["", "?", &STANDARD.encode("<??>"), &format!("{} ", URL_SAFE.encode(&signed))] {
        let result = show_to(providers, text).await;
        let code = outcome(&result);
        assert!(
            ["assertion_malformed", "xml_malformed"].contains(&code.as_str()),
            "{text}: {code}"
        );
    }
}

/// No response is around it that could be signed, so the setting allows nothing here.
#[tokio::test]
async fn cbc_is_opened_for_no_assertion_by_itself() {
    let stage = Stage::with(json!({"exchange": {}, "aes_cbc": "in_signed_responses"}));
    let envelope =
        Envelope { content: "http://www.w3.org/2001/04/xmlenc#aes256-cbc", ..Envelope::default() };
    let sealed = envelope.seal(&stage.idp.sign(&draft().assertion()));
    assert_eq!(outcome(&show(&stage, &sealed).await), "encryption_not_allowed");
}

#[tokio::test]
async fn each_provider_speaks_for_its_own_people_and_only_where_it_may() {
    let corp = stage();
    let other = Stage::with(json!({
        "name": "other", "entity_id": OTHER, "attributes": {"subject_prefix": "other:"},
        "exchange": {},
    }));
    let elsewhere = Idp::new(&Keys::shared().attacker);
    let metadata = elsewhere.metadata("").replace(ENTITY, OTHER);
    std::fs::write(other.directory.path().join("idp.xml"), metadata).unwrap();
    let providers = [corp.sign_in.clone(), other.sign_in.clone()];
    let ours = "https://gateway.example/console/saml/other/metadata";
    let of_other = Draft { issuer: OTHER.into(), conditions: audience(ours), ..draft() };
    for (name, xml, expected) in [
        ("the one", corp.idp.sign(&draft().assertion()), ALICE),
        ("the other", elsewhere.sign(&of_other.assertion()), "other:alice@example.com"),
        ("the other as the one", elsewhere.sign(&draft().assertion()), "signature_invalid"),
        ("the one as the other", corp.idp.sign(&of_other.assertion()), "signature_invalid"),
        (
            "the other, for the one's audience",
            elsewhere.sign(&Draft { issuer: OTHER.into(), ..draft() }.assertion()),
            "audience_mismatch",
        ),
        (
            "the other, at the one's application",
            elsewhere.sign(
                &Draft { recipient: format!("{APPLICATION}/acs"), ..of_other.clone() }.assertion(),
            ),
            "recipient_mismatch",
        ),
    ] {
        let result = show_to(&providers, &URL_SAFE_NO_PAD.encode(xml)).await;
        assert_eq!(outcome(&result), expected, "{name}: {result:?}");
    }
    // Off where the configuration says nothing, and where there is no provider.
    let signs_in_only = Stage::new();
    let signed = signs_in_only.idp.sign(&draft().assertion());
    assert_eq!(outcome(&show(&signs_in_only, &signed).await), "exchange_not_allowed");
    let sealed = Envelope::default().seal(&signed);
    assert_eq!(outcome(&show(&signs_in_only, &sealed).await), "exchange_not_allowed");
    let nobody = show_to(&[], &URL_SAFE_NO_PAD.encode(&signed)).await;
    assert_eq!(outcome(&nobody), "issuer_mismatch");
    std::fs::remove_file(corp.directory.path().join("idp.xml")).unwrap();
    let unread = stage();
    std::fs::remove_file(unread.directory.path().join("idp.xml")).unwrap();
    assert_eq!(outcome(&show(&unread, &signed).await), "metadata_unavailable");
}

#[tokio::test]
async fn who_left_or_signed_out_is_proved_by_no_assertion_of_before() {
    let stage = stage();
    let session = " SessionIndex=\"s1\"".to_owned();
    let text = URL_SAFE_NO_PAD.encode(stage.idp.sign(&Draft { session, ..draft() }.assertion()));
    let (issuer, at) = (Arc::<str>::from("corp"), |it: i64| Timestamp::from_millis(it * 1000));
    let subject = |it: &str| Whose::IssuerSubject { issuer: issuer.clone(), subject: it.into() };
    let session = |it: &str| Whose::IssuerSession { issuer: issuer.clone(), session: it.into() };
    for (whose, when, expected) in [
        (Whose::Subject(ALICE.into()), NOW + 1, "session_ended"),
        (subject("alice@example.com"), NOW + 1, "session_ended"),
        (session("s1"), NOW + 1, "session_ended"),
        (session("s2"), NOW + 1, ALICE),
        (Whose::Subject(ALICE.into()), NOW, ALICE),
    ] {
        let verifier = verifier();
        verifier.end_sessions(Arc::new(CutOffs::default().with([(whose.clone(), at(when))])));
        let result = verifier.prove_saml(&text, std::slice::from_ref(&stage.sign_in)).await;
        assert_eq!(outcome(&result), expected, "{whose}");
    }
}
