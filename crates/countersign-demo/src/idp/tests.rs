//! The provider as programs and browsers meet it: through its router, nested where the binary
//! nests it.

mod authorize;
mod device;
mod rest;
mod token;

use super::{Client, ClientKind, Idp, IdpConfig, IdpError, SigningSeed};
use crate::{
    Secret,
    people::{agents, people},
    testing::{Answer, Hand, entropy, form, request, send},
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

const ISSUER: &str = "http://127.0.0.1:7070/demo/idp";
const AUDIENCE: &str = "http://127.0.0.1:7070";
const CALLBACK: &str = "http://127.0.0.1:50123/callback";
const CONSOLE_CALLBACK: &str = "http://127.0.0.1:7070/console/callback";
const CONSOLE_GOODBYE: &str = "http://127.0.0.1:7070/console/goodbye";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

fn config() -> IdpConfig {
    let client = |id: &str, name: &str, kind| Client { id: id.into(), name: name.into(), kind };
    let web = ClientKind::Web {
        secret: Secret::new("console secret & co"),
        redirect_uris: vec![CONSOLE_CALLBACK.into()],
        post_logout_redirect_uris: vec![CONSOLE_GOODBYE.into()],
    };
    let agent =
        ClientKind::Agent { secret: Secret::new("agent-secret"), subject: "agent:dunning".into() };
    IdpConfig {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        clients: vec![
            client("cli", "Countersign <CLI>", ClientKind::Cli),
            client("console", "Countersign console", web),
            client("dunning-agent", "Dunning agent", agent),
        ],
        people: people(),
        agents: agents(),
        clock: Hand::new().clock(),
        entropy: entropy(),
        signing_seed: SigningSeed::new([7; 32]),
    }
}

/// The provider, its routes, and the hand on its clock.
struct World {
    idp: Idp,
    router: Router,
    hand: Hand,
}

impl World {
    fn new() -> Self {
        let hand = Hand::new();
        let idp = Idp::new(IdpConfig { clock: hand.clock(), ..config() }).unwrap();
        let router = Router::new().nest("/demo/idp", idp.router());
        Self { idp, router, hand }
    }

    async fn get(&self, path: &str) -> Answer {
        send(&self.router, request("GET", &format!("/demo/idp{path}"), &[], "")).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        send(&self.router, form(&format!("/demo/idp{path}"), &[], fields)).await
    }

    async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Answer {
        send(&self.router, form(&format!("/demo/idp{path}"), headers, fields)).await
    }

    /// Signs Riley in at the CLI with this scope, and returns the code.
    async fn code(&self, scope: &str) -> String {
        let challenge = challenge_of(VERIFIER);
        let mut fields = asking(&challenge);
        fields.push(("scope", scope));
        fields.push(("nonce", "n-1"));
        fields.push(("chosen", "riley@acme.example"));
        let answer = self.post("/authorize", &fields).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        parameter(answer.header("location"), "code").unwrap()
    }

    async fn tokens(&self, scope: &str) -> Value {
        let code = self.code(scope).await;
        let answer = self.post("/token", &redeeming(&code)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The claims of a token, after an independent library checked signature, issuer and audience
    /// against the published keys.
    async fn claims(&self, token: &str, typ: &str, audience: &str) -> Value {
        let keys: JwkSet = serde_json::from_slice(&self.get("/jwks").await.bytes).unwrap();
        let header = decode_header(token).unwrap();
        assert_eq!(header.typ.as_deref(), Some(typ));
        let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap());
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        decode::<Value>(token, &key.unwrap(), &validation).unwrap().claims
    }
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A good authorization request of the CLI.
fn asking(challenge: &str) -> Vec<(&str, &str)> {
    vec![
        ("client_id", "cli"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "s 1&"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

/// A good token request of the CLI.
fn redeeming(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "cli"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// The same fields with one of them other, or, if the value is empty, left out.
fn with<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<_> = fields.iter().copied().filter(|(it, _)| *it != name).collect();
    if !value.is_empty() {
        fields.push((name, value));
    }
    fields
}

/// A query parameter of an address, decoded.
fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    query.split('&').find_map(|pair| {
        let value = pair.strip_prefix(name)?.strip_prefix('=')?;
        let value = percent_encoding::percent_decode_str(value);
        Some(value.decode_utf8().unwrap().into_owned())
    })
}

fn query(fields: &[(&str, &str)]) -> String {
    super::authorize::with_query("", fields)
}

#[test]
fn only_loopback_issuers_come_to_be() {
    let check = |issuer: &str, expect: Result<(), IdpError>| {
        let made = Idp::new(IdpConfig { issuer: issuer.into(), ..config() });
        assert_eq!(made.map(|_| ()), expect, "{issuer}");
    };
    for good in [ISSUER, "http://localhost:7070", "https://[::1]:7070/x", "http://127.9.9.9/idp"] {
        check(good, Ok(()));
    }
    let foreign = [
        "https://login.acme.example/idp",
        "http://10.0.0.1:7070",
        "http://0.0.0.0:7070",
        "http://127.0.0.1.acme.example/idp",
        "http://localhost.acme.example",
    ];
    for issuer in foreign {
        let host = issuer.split('/').nth(2).unwrap();
        check(issuer, Err(IdpError::IssuerNotLoopback(host.into())));
    }
    for unreadable in [
        "",
        "127.0.0.1:7070",
        "ftp://127.0.0.1/",
        "http://127.0.0.1/idp/",
        "http://u@127.0.0.1",
        "/x",
    ] {
        check(unreadable, Err(IdpError::IssuerUnreadable(unreadable.into())));
    }
}

#[test]
fn contradictions_in_the_configuration_are_found() {
    let mut twice = config();
    twice.people.push(people().remove(0));
    assert_eq!(Idp::new(twice).unwrap_err(), IdpError::ListedTwice("riley@acme.example".into()));
    let nobody = Idp::new(IdpConfig { agents: Vec::new(), ..config() });
    assert!(matches!(nobody, Err(IdpError::UnknownAgent { .. })));
    for seed in [[0; 32], [0xff; 32]] {
        let made = Idp::new(IdpConfig { signing_seed: SigningSeed::new(seed), ..config() });
        assert_eq!(made.unwrap_err(), IdpError::SeedUnusable);
    }
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?} {:?}", config(), Idp::new(config()).unwrap());
    for secret in ["agent-secret", "console secret", "[7, 7"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
