use super::*;
use crate::{Verifier, VerifierOptions};
use countersign_model::{Caller, CallerKind, CutOffs, cut_off::Whose};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn own(master: u8, generation: u32) -> OwnIssuer {
    let settings = OwnSettings { generation, ..OwnSettings::default() };
    let seed = |generation: u32| {
        let mut seed = [master; 32];
        seed[..4].copy_from_slice(&generation.to_be_bytes());
        seed
    };
    OwnIssuer::new("https://gateway.example/", settings, seed).unwrap()
}

fn verifier(own: &OwnIssuer, at: Timestamp) -> Verifier {
    crate::install_crypto();
    let options = VerifierOptions { own: Some(own.clone()), ..VerifierOptions::default() };
    Verifier::with(vec![], Http::new(), Clock::stopped_at(at), options).unwrap()
}

fn caller() -> Caller {
    Caller {
        subject: "okta:riley".into(),
        kind: CallerKind::Person,
        actors: vec!["agent:second".into(), "agent:dunning".into()],
        client: Some("dunning-client".into()),
        issuer: OWN_ISSUER.into(),
        groups: ["okta:ops".into(), "okta:\"odd\" grüppe".into()].into(),
        scopes: ["read".into(), "write".into()].into(),
        name: Some("Riley Tan".into()),
        email: Some("riley@acme.example".into()),
        expires_at: NOW.plus(Span::from_seconds(300)),
        issued: Issued {
            issuer: Some("okta".into()),
            at: Some(NOW.minus(Span::from_seconds(60))),
            subject: Some("00u1".into()),
            session: Some("s1".into()),
            authenticated_at: None,
        },
    }
}

fn token(own: &OwnIssuer) -> String {
    let issued = own
        .issue(&Exchanged::made_up(caller()), &Confirmation::nothing(), NOW, &entropy())
        .unwrap();
    assert_eq!(issued.expires_in_seconds, 300);
    issued.token.reveal().to_owned()
}

fn entropy() -> Entropy {
    Entropy::new(|bytes| bytes.fill(7))
}

async fn code(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.identify(token).await {
        Ok(_) => "accepted",
        Err(refused) => refused.code(),
    }
}

#[tokio::test]
async fn a_token_is_read_back_as_it_was_judged() {
    let own = own(1, 1);
    let proved = verifier(&own, NOW).identify(&token(&own)).await.unwrap();
    assert_eq!(**proved.caller(), caller());
}

#[tokio::test]
async fn every_gateway_of_an_installation_accepts_it_and_no_other_does() {
    let token = token(&own(1, 1));
    for (reader, expect) in [
        (own(1, 1), "accepted"),
        // Restarted one after the other, with the next key.
        (own(1, 2), "accepted"),
        (own(1, 3), "key_unknown"),
        (own(2, 1), "key_unknown"),
    ] {
        assert_eq!(code(&verifier(&reader, NOW), &token).await, expect);
    }
    let next = self::token(&own(1, 2));
    assert_eq!(code(&verifier(&own(1, 1), NOW), &next).await, "accepted");
    let elsewhere =
        OwnIssuer::new("https://other.example", OwnSettings::default(), |_| [1; 32]).unwrap();
    assert_eq!(code(&verifier(&elsewhere, NOW), &token).await, "issuer_unknown");
    let without = Verifier::new(vec![], Http::new(), Clock::stopped_at(NOW)).unwrap();
    assert_eq!(code(&without, &token).await, "issuer_unknown");
}

#[tokio::test]
async fn it_ends_with_its_time() {
    let own = own(1, 1);
    let token = token(&own);
    let after = |seconds| NOW.plus(Span::from_seconds(seconds));
    assert_eq!(code(&verifier(&own, after(329)), &token).await, "accepted");
    assert_eq!(code(&verifier(&own, after(330)), &token).await, "token_expired");
    assert_eq!(code(&verifier(&own, after(-31)), &token).await, "token_not_yet_valid");
}

#[tokio::test]
async fn no_other_signature_is_taken_for_it() {
    let own = own(1, 1);
    let (good, verifier) = (token(&own), verifier(&own, NOW));
    let parts: Vec<&str> = good.split('.').collect();
    let key = own.key_set()["keys"][0]["x"].as_str().unwrap().to_owned();
    let with = |header: Value, signature: &[u8]| {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{}.{}", parts[1], URL_SAFE_NO_PAD.encode(signature))
    };
    let kid = own.key_set()["keys"][0]["kid"].clone();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    let mac = |text: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
        aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let hs = json!({"alg": "HS256", "kid": kid, "typ": "at+jwt"});
    let hs_text = format!("{}.{}", URL_SAFE_NO_PAD.encode(hs.to_string()), parts[1]);
    let rows = [
        (json!({"alg": "none", "typ": "at+jwt"}), vec![], "algorithm_not_allowed"),
        (hs, mac(&hs_text), "algorithm_not_allowed"),
        (
            json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}),
            signature.clone(),
            "algorithm_not_allowed",
        ),
        (
            json!({"alg": "Ed25519", "kid": kid, "typ": "at+jwt"}),
            signature.clone(),
            "algorithm_not_allowed",
        ),
        (json!({"alg": "EdDSA", "kid": "x", "typ": "at+jwt"}), signature.clone(), "key_unknown"),
        (
            json!({"alg": "EdDSA", "kid": kid, "typ": "JWT"}),
            signature.clone(),
            "token_type_not_accepted",
        ),
        (
            json!({"alg": "EdDSA", "kid": kid, "typ": "oauth-id-jag+jwt"}),
            signature.clone(),
            "token_type_not_accepted",
        ),
        // The same header with a blank more: other bytes than those that were signed.
        (
            json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt", "x": 1}),
            signature,
            "signature_invalid",
        ),
        (json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}), vec![0; 64], "signature_invalid"),
    ];
    for (header, signature, expect) in rows {
        assert_eq!(code(&verifier, &with(header.clone(), &signature)).await, expect, "{header}");
    }
}

#[test]
fn what_no_header_carries_is_not_issued() {
    let mut caller = caller();
    caller.groups =
        (0..500).map(|it| format!("okta:department-{it:030}").as_str().into()).collect();
    assert_eq!(
        own(1, 1)
            .issue(&Exchanged::made_up(caller), &Confirmation::nothing(), NOW, &entropy())
            .unwrap_err(),
        TooLarge
    );
}

#[test]
fn its_keys_are_published_without_their_secrets() {
    let own = own(1, 4);
    let keys = own.key_set()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 3);
    for key in &keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
    assert_eq!(self::own(1, 1).key_set()["keys"].as_array().unwrap().len(), 2);
    assert_eq!(format!("{own:?}"), "OwnIssuer { url: \"https://gateway.example\", .. }");
}

#[test]
fn settings_have_their_limits() {
    for (seconds, generation, fine) in
        [(300, 1, true), (600, 1, true), (601, 1, false), (0, 1, false), (300, 0, false)]
    {
        let lifetime = Span::from_seconds(seconds);
        let settings = OwnSettings { lifetime, generation, ..OwnSettings::default() };
        let made = OwnIssuer::new("https://g.example", settings, |_| [1; 32]);
        assert_eq!(made.is_ok(), fine, "{seconds} {generation}");
    }
    let short = OwnIssuer::new("https://g.example", OwnSettings::default(), |_| [1; 31]);
    assert_eq!(short.unwrap_err(), OwnFault::Seed);
}

#[test]
fn nobody_else_has_its_name_or_url() {
    let issuer = |name: &str, url: &str| {
        serde_json::from_value::<IssuerConfig>(json!({
            "name": name, "url": url, "audiences": ["https://gateway.example"],
        }))
        .unwrap()
    };
    let made = |config| {
        crate::install_crypto();
        let clock = Clock::stopped_at(NOW);
        let options = VerifierOptions { own: Some(own(1, 1)), ..VerifierOptions::default() };
        let made = Verifier::with(vec![config], Http::new(), clock, options);
        made.map(drop).map_err(|faults| faults.iter().map(|it| it.key).collect::<Vec<_>>())
    };
    assert_eq!(made(issuer("acme", "https://op.example")), Ok(()));
    assert_eq!(made(issuer("countersign", "https://op.example")), Err(vec!["name"]));
    for url in ["https://gateway.example", "https://gateway.example/"] {
        assert_eq!(made(issuer("acme", url)), Err(vec!["url"]));
    }
}

#[tokio::test]
async fn it_ends_with_the_session_that_it_came_from() {
    let own = own(1, 1);
    let token = token(&own);
    let ago = |seconds| NOW.minus(Span::from_seconds(seconds));
    let session =
        |issuer: &str| Whose::IssuerSession { issuer: issuer.into(), session: "s1".into() };
    for (whose, at, expect) in [
        (session("okta"), ago(59), "session_ended"),
        // What it came from is newer.
        (session("okta"), ago(60), "accepted"),
        (session("countersign"), ago(0), "accepted"),
        (Whose::Subject("okta:riley".into()), ago(59), "session_ended"),
        (Whose::Subject("agent:dunning".into()), ago(59), "session_ended"),
    ] {
        let verifier = verifier(&own, NOW);
        verifier.end_sessions(Arc::new(CutOffs::default().with([(whose.clone(), at)])));
        assert_eq!(code(&verifier, &token).await, expect, "{whose}");
    }
}
