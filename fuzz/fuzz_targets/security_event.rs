//! Attacks the judge of security event tokens (RFC 8417, SSF 1.0): with texts that nobody signed, and
//! with headers and claims that the transmitter's key has signed. What passes is, by another reading,
//! an event of this transmitter for this receiver, and acts on the people of the listed issuer only.
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
    Act, ForgedLimits, Http, IssuerConfig, Received, Receiver, TransmitterConfig, Verifier,
    VerifierOptions,
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
const TRANSMITTER: &str = "https://signals.example";
const RECEIVER: &str = "https://gateway.example/ssf";
const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 60;
const DAY: i64 = 86_400;

struct World {
    runtime: Runtime,
    receiver: Receiver,
    key: EcdsaKeyPair,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    countersign_identity::install_crypto();
    let (key, jwk) = key(7);
    let port = publish(json!({"keys": [jwk]}).to_string());
    let keys = format!("http://127.0.0.1:{port}/keys");
    let issuer = |name: &str, url: &str| {
        let config = json!({
            "name": name, "url": url, "audiences": ["https://gateway.example"], "jwks_url": keys,
            "claims": {"subject_prefix": format!("{name}:")},
        });
        serde_json::from_value::<IssuerConfig>(config).expect("a configuration")
    };
    let issuers = vec![issuer("corp", ISSUER), issuer("other", "https://other.example")];
    let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
    // The clock stands still, so what failed would never be forgotten.
    let options = VerifierOptions { forged: ForgedLimits::LARGEST, ..VerifierOptions::default() };
    let verifier = Verifier::with(issuers, Http::new(), clock, options).expect("no fault");
    let transmitter = json!({
        "name": "signals", "url": TRANSMITTER, "audience": RECEIVER, "issuers": ["corp"],
        "jwks_url": keys,
    });
    let transmitter: TransmitterConfig =
        serde_json::from_value(transmitter).expect("a transmitter");
    let receiver = Receiver::new(vec![transmitter], &verifier, |_| None).expect("a receiver");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = World { runtime, receiver, key };
    let claims = json!({
        "iss": TRANSMITTER, "aud": RECEIVER, "iat": NOW, "jti": "one",
        "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": "riley"},
        "events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}},
    });
    let header = br#"{"alg":"ES256","typ":"secevent+jwt"}"#;
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
fn read_again(header: &Map<String, Value>, claims: &Map<String, Value>, passed: &Received) {
    assert_eq!(typ(header).as_deref(), Some("secevent+jwt"));
    assert_eq!(claims["iss"], TRANSMITTER);
    assert!(is_for(claims, RECEIVER));
    assert!(["sub", "exp", "nonce"].iter().all(|it| !claims.contains_key(*it)));
    let issued = claims["iat"].as_i64().expect("a whole second");
    assert!((NOW - DAY - SKEW..=NOW + SKEW).contains(&issued), "{issued}");
    assert!(!claims["jti"].as_str().expect("a text").is_empty());
    let events = claims["events"].as_object().expect("an object");
    assert!((1..=10).contains(&events.len()) && events.values().all(Value::is_object));
    assert_eq!(passed.acts.len(), events.len());
    assert_eq!(passed.transmitter, "signals");
    for act in &passed.acts {
        let (whose, before) = match act {
            Act::EndSessions { whose, before, .. } => (whose, before),
            Act::Suspend { whose, before, subject, known_as } => {
                assert!(subject.as_ref().is_none_or(|it| it.as_str().starts_with("corp:")));
                assert!(known_as.as_ref().is_none_or(|(issuer, _)| &**issuer == "corp"));
                (whose, before)
            }
            Act::Verified | Act::Ignored(_) => continue,
        };
        // Nothing that comes later ends with it.
        assert!(before.seconds() <= issued + 1 && !whose.is_empty());
        for whose in whose {
            match whose {
                Whose::IssuerSession { issuer, .. } | Whose::IssuerSubject { issuer, .. } => {
                    assert_eq!(&**issuer, "corp");
                }
                Whose::Subject(subject) => assert!(subject.as_str().starts_with("corp:")),
            }
        }
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
    fn judge(&self, token: &str) -> Option<Received> {
        self.runtime.block_on(self.receiver.judge(None, token)).ok()
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
