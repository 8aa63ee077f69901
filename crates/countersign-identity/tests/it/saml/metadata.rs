//! The provider's metadata: which keys of theirs count, what happens when they are away or change, and
//! what ours say.

use super::{
    AUDIENCE, ENTITY, NOW, RECIPIENT, Stage,
    idp::{Draft, Idp, Keys, Style, time},
    outcome,
};
use countersign_identity::{Http, SamlConfig, SamlSignIn, SamlSurroundings};
use countersign_model::{Clock, Timestamp};
use serde_json::{Value, json};

/// What a sign-in comes to when the provider's metadata are these.
async fn signs_in(metadata: &str, changes: Value) -> String {
    let stage = Stage::with(changes);
    std::fs::write(stage.directory.path().join("idp.xml"), metadata).unwrap();
    match stage.sign_in.begin(&crate::signin::entropy()).await {
        Err(refused) => refused.code().to_owned(),
        Ok((request, pending)) => {
            let url = super::address(request);
            let request = super::idp::request_of(&url);
            let id = request.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
            let draft = Draft::new(id).signed(&stage.idp);
            let waiting = super::Waiting { url, pending, request: id.to_owned() };
            outcome(&stage.finish(&waiting, &draft).await)
        }
    }
}

#[tokio::test]
async fn metadata_that_are_not_this_providers_are_not_used() {
    let good = Idp::new(&Keys::shared().provider).metadata("");
    let redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    let table = [
        ("the control", good.clone(), "corp:alice@example.com"),
        ("with a mark of byte order", format!("\u{FEFF}{good}"), "corp:alice@example.com"),
        (
            "of another entity",
            good.replace(ENTITY, "https://idp.example/other"),
            "metadata_unavailable",
        ),
        ("not XML", "{}".to_owned(), "metadata_unavailable"),
        ("with a document type", format!("<!DOCTYPE r>{good}"), "metadata_unavailable"),
        (
            "no provider",
            good.replace("IDPSSODescriptor", "SPSSODescriptor"),
            "metadata_unavailable",
        ),
        (
            "of SAML 1.1",
            good.replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
            "metadata_unavailable",
        ),
        (
            "without the redirect binding",
            good.replace(redirect, "urn:other"),
            "metadata_unavailable",
        ),
        (
            "with a location that is no URL",
            good.replace("https://idp.example/sso?tenant=1", "javascript:alert(1)"),
            "metadata_unavailable",
        ),
        (
            "a key for encryption only",
            good.replace("use=\"signing\"", "use=\"encryption\""),
            "metadata_unavailable",
        ),
        ("a key for everything", good.replace(" use=\"signing\"", ""), "corp:alice@example.com"),
        (
            "a key that is none",
            good.replace("<ds:X509Certificate>\nM", "<ds:X509Certificate>\nN"),
            "metadata_unavailable",
        ),
        (
            "ended",
            good.replace("entityID", &format!("validUntil=\"{}\" entityID", time(NOW))),
            "metadata_unavailable",
        ),
        (
            "not ended",
            good.replace("entityID", &format!("validUntil=\"{}\" entityID", time(NOW + 1))),
            "corp:alice@example.com",
        ),
        ("of another key", Idp::new(&Keys::shared().attacker).metadata(""), "signature_invalid"),
    ];
    for (name, metadata, expected) in table {
        assert_eq!(signs_in(&metadata, json!({})).await, expected, "{name}");
    }
}

#[tokio::test]
async fn only_pinned_keys_sign() {
    let keys = Keys::shared();
    let good = Idp::new(&keys.provider).metadata("");
    let attacker = Idp::new(&keys.attacker).metadata("");
    let pins = |pins: &[String]| json!({"signing_certificates": pins});
    let own = keys.provider.fingerprint();
    assert_eq!(signs_in(&good, pins(std::slice::from_ref(&own))).await, "corp:alice@example.com");
    let plain = own.replace(':', "").to_lowercase();
    assert_eq!(
        signs_in(&good, pins(&[keys.attacker.fingerprint(), plain])).await,
        "corp:alice@example.com"
    );
    assert_eq!(signs_in(&good, pins(&[keys.attacker.fingerprint()])).await, "metadata_unavailable");
    // Metadata that somebody changed bring no key.
    assert_eq!(signs_in(&attacker, pins(&[own])).await, "metadata_unavailable");
}

#[tokio::test]
async fn signed_metadata_are_verified() {
    let keys = Keys::shared();
    let federation = Idp::new(&keys.attacker);
    let scratch = tempfile::tempdir().unwrap();
    let certificate = scratch.path().join("federation.pem");
    std::fs::write(&certificate, &federation.pair.certificate_pem).unwrap();
    let changes = || json!({"metadata_certificate": certificate});
    let document = |attributes: &str| {
        // In canonical form, but for what is replaced at the end.
        let text = Idp::new(&keys.provider).metadata("");
        let (_, text) = text.trim_end().split_once("-->\n").unwrap();
        let text = text.replace("\n   ", " ").replace("/>", "></md:SingleSignOnService>");
        let text = text.replace(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "");
        let text = text.replace(
            "<ds:KeyInfo>",
            "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
        );
        text.replace(" entityID=", " ID=\"_m\" entityID=")
            .replace(&format!("\"{ENTITY}\""), &format!("\"{ENTITY}\"{attributes}"))
    };
    let sign = |idp: &Idp, text: &str| {
        let signature = idp.signature(text, &Style::default());
        text.replacen('>', &format!(">{signature}"), 1)
    };
    let until = format!(" validUntil=\"{}\"", time(NOW + 86_400));
    let whole = document(&until);
    assert_eq!(signs_in(&sign(&federation, &whole), changes()).await, "corp:alice@example.com");
    let changed =
        sign(&federation, &whole).replace("https://idp.example/sso", "https://evil.example/sso");
    let provider = Idp::new(&keys.provider);
    for (name, text) in [
        ("not signed", whole.clone()),
        ("signed by its own key", sign(&provider, &whole)),
        ("changed", changed),
        ("without an end", sign(&federation, &document(""))),
        ("ended", sign(&federation, &document(&format!(" validUntil=\"{}\"", time(NOW - 1))))),
    ] {
        assert_eq!(signs_in(&text, changes()).await, "metadata_unavailable", "{name}");
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_ends() {
    let mut stage = Stage::with(json!({"metadata_refresh": "1h"}));
    let keys = Keys::shared();
    let file = stage.directory.path().join("idp.xml");
    let sign_in = async |stage: &Stage, id: &str| {
        let waiting = stage.begin().await;
        let draft = Draft { id: id.into(), issued: stage_now(stage), from: NOW, ..waiting.draft() };
        let far = stage_now(stage) + 300;
        let draft = Draft { until: far, confirmed_until: far, ..draft };
        outcome(&stage.finish(&waiting, &draft.signed(&stage.idp)).await)
    };
    assert_eq!(sign_in(&stage, "_1").await, "corp:alice@example.com");
    stage.idp = Idp::new(&keys.attacker);
    std::fs::write(&file, stage.idp.metadata("")).unwrap();
    assert_eq!(sign_in(&stage, "_2").await, "signature_invalid", "read a moment ago");
    stage.pass(61);
    assert_eq!(sign_in(&stage, "_3").await, "corp:alice@example.com", "read again for the new key");
    stage.idp = Idp::new(&keys.provider);
    assert_eq!(sign_in(&stage, "_4").await, "signature_invalid", "the old one is gone");
    // Away for less than a day, then for longer.
    stage.idp = Idp::new(&keys.attacker);
    std::fs::remove_file(&file).unwrap();
    stage.pass(23 * 3600);
    assert_eq!(sign_in(&stage, "_5").await, "corp:alice@example.com");
    stage.pass(2 * 3600);
    let refused = stage.sign_in.begin(&crate::signin::entropy()).await.unwrap_err();
    assert_eq!(refused.code(), "metadata_unavailable");
    std::fs::write(&file, stage.idp.metadata("")).unwrap();
    stage.pass(11);
    assert_eq!(sign_in(&stage, "_6").await, "corp:alice@example.com", "it is back");
}

fn stage_now(stage: &Stage) -> i64 {
    stage.seconds.load(std::sync::atomic::Ordering::SeqCst)
}

#[test]
fn ours_say_who_we_are() {
    let metadata = Stage::new().sign_in.metadata();
    for part in [
        format!("entityID=\"{AUDIENCE}\""),
        "AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\"".to_owned(),
        format!(
            "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{RECIPIENT}\""
        ),
        "<md:KeyDescriptor use=\"signing\">".to_owned(),
        "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>"
            .to_owned(),
    ] {
        assert!(metadata.contains(&part), "{part} in {metadata}");
    }
}

#[test]
fn a_key_or_certificate_that_can_not_be_used_is_told_at_the_start() {
    let keys = Keys::shared();
    let scratch = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = (keys.own.pem.clone(), keys.own.certificate_pem.clone());
    let table = [
        (good.clone(), None),
        (("x".to_owned(), good.1.clone()), Some("key")),
        ((super::idp::Pair::elliptic().pem, good.1.clone()), Some("key")),
        ((keys.attacker.pem.clone(), good.1.clone()), Some("key")),
        ((good.0, "x".to_owned()), Some("key")),
    ];
    for (place, ((key, certificate), fault)) in table.into_iter().enumerate() {
        let config: SamlConfig = serde_json::from_value(json!({
            "name": "corp", "entity_id": ENTITY, "metadata": {"file": "idp.xml"},
            "key": {"file": file("key", &key)}, "certificate": file("crt", &certificate),
        }))
        .unwrap();
        let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
        let surroundings = SamlSurroundings { providers: &[], issuers: &[], public_url: "" };
        let made = SamlSignIn::new(config, surroundings, Http::new(), clock, |_| None);
        assert_eq!(made.err().map(|it| it.key), fault, "{place}");
    }
}
