//! Attacks the judge of logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6): with texts that
//! nobody signed, and with headers and claims that the issuer's key has signed. What passes is, by
//! another reading, a logout of this issuer for this client, and ends nobody's sessions but those it
//! names.
//!
//! An input that begins with `s` is a header, a line end and claims, to be signed. Anything else is a
//! token as it stands.

#![no_main]

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    ForgedLimits, Http, IssuerConfig, Logout, SignIn, Verifier, VerifierOptions,
};
use countersign_model::{Clock, Timestamp, Whose};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::LazyLock,
    thread,
};
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://id.example";
const CLIENT: &str = "console";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 60;

struct World {
    runtime: Runtime,
    sign_in: SignIn,
    key: EcdsaKeyPair,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    countersign_identity::install_crypto();
    let (key, jwk) = key(7);
    let port = publish(json!({"keys": [jwk]}).to_string());
    let config = json!({
        "name": "corp", "url": ISSUER, "audiences": ["https://gateway.example"],
        "jwks_url": format!("http://127.0.0.1:{port}/keys"), "sign_in": {"client_id": CLIENT},
    });
    let config: IssuerConfig = serde_json::from_value(config).expect("a configuration");
    let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
    // The clock stands still, so what failed would never be forgotten.
    let options = VerifierOptions { forged: ForgedLimits::LARGEST, ..VerifierOptions::default() };
    let verifier = Verifier::with(vec![config], Http::new(), clock, options).expect("no fault");
    let sign_in = SignIn::new(&verifier, "corp", |_| None).expect("a way to sign in");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = World { runtime, sign_in, key };
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "one", "sub": "riley",
        "events": {EVENT: {}},
    });
    let header = br#"{"alg":"ES256","typ":"logout+jwt"}"#;
    let good = sign(&world.key, header, claims.to_string().as_bytes());
    assert!(world.judge(&good).is_some(), "a good token passes");
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let Some((b's', rest)) = bytes.split_first() else {
        let Ok(token) = std::str::from_utf8(bytes) else { return };
        assert!(world.judge(token).is_none(), "nobody has signed {token}");
        return;
    };
    let Some(cut) = rest.iter().position(|it| *it == b'\n') else { return };
    let (header, claims) = (&rest[..cut], &rest[cut + 1..]);
    if let Some(passed) = world.judge(&sign(&world.key, header, claims)) {
        let header: Map<String, Value> = serde_json::from_slice(header).expect("JSON");
        let claims: Map<String, Value> = serde_json::from_slice(claims).expect("JSON");
        read_again(&header, &claims, &passed);
    }
});

/// Another reading of what passed.
fn read_again(header: &Map<String, Value>, claims: &Map<String, Value>, passed: &Logout) {
    assert!(matches!(typ(header).as_deref(), None | Some("jwt" | "logout+jwt")));
    assert_eq!(claims["iss"], ISSUER);
    assert!(is_for(claims, CLIENT));
    let (issued, ends) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let (issued, ends) = (issued.expect("a whole second"), ends.expect("a whole second"));
    assert!(issued <= NOW + SKEW && NOW < ends + SKEW, "{issued} {ends}");
    assert!(claims["events"][EVENT].is_object() && !claims.contains_key("nonce"));
    assert!(!claims["jti"].as_str().expect("a text").is_empty());
    assert_eq!(&*passed.issuer, "corp");
    assert!(!passed.whose.is_empty());
    for whose in &passed.whose {
        let (name, said) = match whose {
            Whose::IssuerSession { issuer, session } => {
                assert_eq!(&**issuer, "corp");
                ("sid", session.to_string())
            }
            Whose::IssuerSubject { issuer, subject } => {
                assert_eq!(&**issuer, "corp");
                ("sub", subject.to_string())
            }
            Whose::Subject(subject) => ("sub", subject.to_string()),
        };
        assert_eq!(claims[name], said.as_str());
    }
}

fn typ(header: &Map<String, Value>) -> Option<String> {
    assert_eq!(header["alg"], "ES256");
    assert!(["crit", "b64", "zip", "jwk", "enc"].iter().all(|it| !header.contains_key(*it)));
    let name = header.get("typ")?.as_str().expect("a text").to_ascii_lowercase();
    Some(name.strip_prefix("application/").unwrap_or(&name).to_owned())
}

fn is_for(claims: &Map<String, Value>, audience: &str) -> bool {
    match &claims["aud"] {
        Value::String(one) => one == audience,
        Value::Array(many) => many.iter().any(|it| it == audience),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

impl World {
    fn judge(&self, token: &str) -> Option<Logout> {
        self.runtime.block_on(self.sign_in.judge_logout(token)).ok()
    }
}

fn key(seed: u8) -> (EcdsaKeyPair, Value) {
    let seed = [seed; 32];
    let point = PrivateKey::from_private_key(&ECDH_P256, &seed).expect("a scalar");
    let point = point.compute_public_key().expect("a point");
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &seed, point.as_ref());
    let (x, y) = point.as_ref()[1..].split_at(32);
    let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
    let jwk = json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)});
    (pair.expect("a key pair"), jwk)
}

fn sign(key: &EcdsaKeyPair, header: &[u8], claims: &[u8]) -> String {
    let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", encode(signature.as_ref()))
}

/// Publishes the keys to whoever asks, and says on which port.
fn publish(keys: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let read = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n",
                keys.len()
            );
            let sent = stream.write_all(head.as_bytes());
            drop((read, sent.and_then(|()| stream.write_all(keys.as_bytes()))));
        }
    });
    port
}
