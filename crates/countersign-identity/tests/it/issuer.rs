//! An issuer in this process: a real server on a port of its own, with keys that it can change and
//! faults that it can be told to have.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use countersign_identity::{Http, IssuerConfig, Verifier};
use countersign_model::{Clock, Timestamp};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub(crate) const AUDIENCE: &str = "https://gateway.example";
/// Seconds since the epoch at which the tests' clock starts.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A clock that tests move.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW * 1000)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

enum Pair {
    Rsa(&'static RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key that signs.
pub(crate) struct Key {
    pub(crate) kid: &'static str,
    pub(crate) algorithm: &'static str,
    pair: Pair,
}

/// RSA keys are slow to make: tests share two.
fn rsa_pair(which: usize) -> &'static RsaKeyPair {
    static PAIRS: [OnceLock<RsaKeyPair>; 2] = [OnceLock::new(), OnceLock::new()];
    PAIRS[which].get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

impl Key {
    pub(crate) fn rsa(kid: &'static str, algorithm: &'static str) -> Self {
        Self { kid, algorithm, pair: Pair::Rsa(rsa_pair(0)) }
    }

    pub(crate) fn other_rsa(kid: &'static str) -> Self {
        Self { kid, algorithm: "RS256", pair: Pair::Rsa(rsa_pair(1)) }
    }

    pub(crate) fn ec(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid, algorithm: "ES256", pair: Pair::Ec(pair) }
    }

    pub(crate) fn p384(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self { kid, algorithm: "ES384", pair: Pair::Ec(pair) }
    }

    pub(crate) fn ed(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self { kid, algorithm: "EdDSA", pair: Pair::Ed(pair) }
    }

    /// The public key, as the issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The RSA public key as PKCS #1 DER, for confusion attacks.
    pub(crate) fn der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if self.algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, text, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(text).as_ref().to_vec(),
        }
    }

    /// A token with these header members and claims over the usual ones; `null` takes one away.
    pub(crate) fn token(&self, issuer: &str, header: &Value, claims: &Value) -> String {
        let base = json!({"alg": self.algorithm, "kid": self.kid, "typ": "at+jwt"});
        let header = merged(base, header).to_string();
        let claims = merged(access_claims(issuer), claims).to_string();
        self.token_of(header.as_bytes(), claims.as_bytes())
    }

    /// A signed token of exactly these bytes.
    pub(crate) fn token_of(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

pub(crate) fn access_claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "sub": "riley", "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW - 5,
        "iat": NOW - 5, "client_id": "web", "scope": "call", "groups": ["ops"],
    })
}

pub(crate) fn merged(mut base: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

/// Modulus and exponent of a PKCS #1 public key.
fn rsa_numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, at) = match der[1] {
            0x81 => (usize::from(der[2]), 3),
            0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
            short => (usize::from(short), 2),
        };
        (&der[at..at + length], &der[at + length..])
    }
    let (inner, _) = value(der);
    let (n, rest) = value(inner);
    let (e, _) = value(rest);
    let n = if n[0] == 0 { &n[1..] } else { n };
    (n.to_vec(), e.to_vec())
}

/// How the issuer behaves when its keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// As it should.
    Published,
    /// With an error.
    Failing,
    /// With a body that does not end.
    Huge,
    /// With a redirect to a place that would answer.
    Redirecting,
    /// With something that is no key set.
    Nonsense,
    /// When the gate opens.
    Gated,
}

pub(crate) struct State {
    pub(crate) keys: Mutex<Vec<Value>>,
    pub(crate) behaviour: Mutex<Keys>,
    pub(crate) gate: watch::Sender<bool>,
    pub(crate) key_readings: AtomicUsize,
    /// `Authorization` headers with which `/keys-for-known` was asked.
    pub(crate) shown_to_keys: Mutex<Vec<String>>,
    /// Extra members of the discovery document.
    pub(crate) discovery: Mutex<Value>,
    /// What the token endpoint answers, in order.
    pub(crate) answers: Mutex<VecDeque<(u16, Value)>>,
    pub(crate) userinfo: Mutex<(u16, Value)>,
    pub(crate) device: Mutex<Value>,
    /// What is said about opaque tokens: status, type and body.
    pub(crate) introspected: Mutex<(u16, &'static str, String)>,
    pub(crate) questions: AtomicUsize,
    /// The forms that were posted, with their `Authorization` header as `authorization`.
    pub(crate) forms: Mutex<Vec<HashMap<String, String>>>,
}

/// The running issuer. Dropping it ends the server.
pub(crate) struct Op {
    pub(crate) url: String,
    pub(crate) state: Arc<State>,
    server: JoinHandle<()>,
}

impl Drop for Op {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Op {
    pub(crate) async fn start(keys: &[&Key]) -> Self {
        countersign_identity::install_crypto();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            keys: Mutex::new(keys.iter().map(|it| it.jwk()).collect()),
            behaviour: Mutex::new(Keys::Published),
            gate: watch::Sender::new(false),
            key_readings: AtomicUsize::new(0),
            shown_to_keys: Mutex::default(),
            discovery: Mutex::new(json!({})),
            answers: Mutex::default(),
            userinfo: Mutex::new((404, json!({}))),
            device: Mutex::new(json!({})),
            introspected: Mutex::new((
                200,
                "application/json",
                json!({"active": false}).to_string(),
            )),
            questions: AtomicUsize::new(0),
            forms: Mutex::default(),
        });
        let (served, own_url) = (Arc::clone(&state), url.clone());
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, url) = (Arc::clone(&served), own_url.clone());
                let service = service_fn(move |request| {
                    let (state, url) = (Arc::clone(&state), url.clone());
                    async move { answer(&state, &url, request).await }
                });
                // The connection's fate is the client's to see.
                drop(tokio::spawn(async move {
                    let served = http1::Builder::new();
                    drop(served.serve_connection(TokioIo::new(stream), service).await);
                }));
            }
        });
        Self { url, state, server }
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        *self.state.keys.lock().unwrap() = keys.iter().map(|it| it.jwk()).collect();
    }

    pub(crate) fn behave(&self, behaviour: Keys) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn key_readings(&self) -> usize {
        self.state.key_readings.load(Ordering::SeqCst)
    }

    pub(crate) fn config(&self, changes: &Value) -> IssuerConfig {
        let base = json!({
            "name": "acme", "url": self.url, "audiences": [AUDIENCE, "urn:second"],
            "algorithms": ["RS256", "ES256", "EdDSA", "PS256"],
        });
        serde_json::from_value(merged(base, changes)).unwrap()
    }

    pub(crate) fn verifier(&self, changes: &Value, clock: &TestClock) -> Verifier {
        Verifier::new(vec![self.config(changes)], Http::new(), clock.clock()).unwrap()
    }
}

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(state: &State, url: &str, request: Request<Incoming>) -> Answer {
    match request.uri().path() {
        "/.well-known/openid-configuration" => {
            let base = json!({
                "issuer": url, "jwks_uri": format!("{url}/keys"),
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "userinfo_endpoint": format!("{url}/userinfo"),
                "device_authorization_endpoint": format!("{url}/device"),
                "end_session_endpoint": format!("{url}/end"),
                "introspection_endpoint": format!("{url}/introspect"),
            });
            respond(200, &merged(base, &state.discovery.lock().unwrap()))
        }
        "/keys" => keys(state, url).await,
        "/keys-for-known" => {
            let Some(shown) = request.headers().get(header::AUTHORIZATION) else {
                return respond(401, &json!({}));
            };
            state.shown_to_keys.lock().unwrap().push(shown.to_str().unwrap().to_owned());
            respond(200, &json!({"keys": *state.keys.lock().unwrap()}))
        }
        "/keys-elsewhere" => respond(200, &json!({"keys": *state.keys.lock().unwrap()})),
        "/userinfo" => {
            let (status, body) = state.userinfo.lock().unwrap().clone();
            respond(status, &body)
        }
        "/introspect" => {
            state.questions.fetch_add(1, Ordering::SeqCst);
            note(state, request).await;
            if *state.behaviour.lock().unwrap() == Keys::Gated {
                drop(state.gate.subscribe().wait_for(|open| *open).await);
            }
            let (status, kind, body) = state.introspected.lock().unwrap().clone();
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
            response.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
            Ok(response)
        }
        "/token" | "/device" => {
            let device = request.uri().path() == "/device";
            note(state, request).await;
            if device {
                return respond(200, &state.device.lock().unwrap().clone());
            }
            let next = state.answers.lock().unwrap().pop_front();
            match next {
                Some((status, body)) => respond(status, &body),
                None => Err(std::io::Error::other("no answer was prepared")),
            }
        }
        _ => respond(404, &json!({})),
    }
}

/// Writes down a form that was posted.
async fn note(state: &State, request: Request<Incoming>) {
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let pairs = url::form_urlencoded::parse(&body).into_owned();
    let mut form: HashMap<String, String> = pairs.collect();
    if let Some(value) = authorization {
        form.insert("authorization".into(), value.to_str().unwrap().to_owned());
    }
    state.forms.lock().unwrap().push(form);
}

async fn keys(state: &State, url: &str) -> Answer {
    state.key_readings.fetch_add(1, Ordering::SeqCst);
    let behaviour = state.behaviour.lock().unwrap().clone();
    match behaviour {
        Keys::Published => {}
        Keys::Failing => return respond(503, &json!({"keys": *state.keys.lock().unwrap()})),
        Keys::Huge => return respond(200, &json!({"keys": [], "x": "x".repeat(600_000)})),
        Keys::Nonsense => return respond(200, &json!({"keys": "none"})),
        Keys::Redirecting => {
            let mut response = respond(302, &json!({"keys": *state.keys.lock().unwrap()}))?;
            let place = format!("{url}/keys-elsewhere").parse().unwrap();
            response.headers_mut().insert(header::LOCATION, place);
            return Ok(response);
        }
        Keys::Gated => {
            let mut gate = state.gate.subscribe();
            drop(gate.wait_for(|open| *open).await);
        }
    }
    respond(200, &json!({"keys": *state.keys.lock().unwrap()}))
}

fn respond(status: u16, body: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
    Ok(response)
}
