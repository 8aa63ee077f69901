//! Attacks the judge of DPoP proofs: with texts that nobody signed, and with headers and claims that
//! the holder's key has signed. What passes is, by another reading, a proof of the holder's public
//! key for this method, URL, token and time; and it passes once.
//!
//! An input that begins with `s` is a header, a line end and claims, to be signed; in it `$JWK` and
//! `$ATH` stand for the holder's key and the token's hash. Anything else is a proof as it stands.

#![no_main]

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    Asked, ForgedLimits, Home, Http, IssuerConfig, Presented, Verifier, VerifierOptions,
};
use countersign_model::{Clock, Timestamp};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::{
    collections::HashSet,
    io::{Read, Write},
    net::TcpListener,
    sync::{LazyLock, Mutex},
    thread,
};
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://id.example";
const HOME: &str = "https://gateway.example";
const PATH: &str = "/call/billing.refunds.create";
const NOW: i64 = 1_800_000_000;

struct World {
    runtime: Runtime,
    verifier: Verifier,
    home: Home,
    holder: EcdsaKeyPair,
    jwk: Value,
    token: String,
    passed: Mutex<HashSet<String>>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    countersign_identity::install_crypto();
    let ((issuer, issuer_jwk), (holder, jwk)) = (key(7), key(9));
    let keys = json!({"keys": [issuer_jwk]}).to_string();
    let port = publish(keys);
    let config = json!({
        "name": "corp", "url": ISSUER, "audiences": [HOME],
        "jwks_url": format!("http://127.0.0.1:{port}/keys"),
    });
    let config: IssuerConfig = serde_json::from_value(config).expect("a configuration");
    let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
    // The clock stands still, so what failed would never be forgotten.
    let options = VerifierOptions { forged: ForgedLimits::LARGEST, ..VerifierOptions::default() };
    let verifier = Verifier::with(vec![config], Http::new(), clock, options).expect("no fault");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let claims = json!({
        "iss": ISSUER, "sub": "riley", "aud": HOME, "iat": NOW, "exp": NOW + 300,
        "cnf": {"jkt": encode(sha256(jwk.to_string().as_bytes()))},
    });
    let header = json!({"typ": "at+jwt", "alg": "ES256"}).to_string();
    let token = sign(&issuer, header.as_bytes(), claims.to_string().as_bytes());
    let (home, passed) = (Home::new(HOME), Mutex::default());
    let world = World { runtime, verifier, home, holder, jwk, token, passed };
    let good = good(&world);
    assert!(world.passes(&good), "a good proof passes");
    assert!(!world.passes(&good), "and once");
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let Some((b's', rest)) = bytes.split_first() else {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        assert!(!world.passes(text), "nobody has signed {text}");
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let text = text
        .replace("$JWK", &world.jwk.to_string())
        .replace("$ATH", &encode(sha256(world.token.as_bytes())));
    let Some((header, claims)) = text.split_once('\n') else { return };
    if world.passes(&sign(&world.holder, header.as_bytes(), claims.as_bytes())) {
        judge(world, header, claims);
    }
});

/// Another reading of what passed.
fn judge(world: &World, header: &str, claims: &str) {
    let header: Map<String, Value> = serde_json::from_str(header).expect("JSON");
    let claims: Map<String, Value> = serde_json::from_str(claims).expect("JSON");
    let text = |name: &str| claims.get(name).and_then(Value::as_str).expect("a text");
    let typ = header["typ"].as_str().expect("a text").to_ascii_lowercase();
    assert!(["dpop+jwt", "application/dpop+jwt"].contains(&&*typ), "{typ}");
    assert_eq!(header["alg"], "ES256");
    for name in ["kty", "crv", "x", "y"] {
        assert_eq!(header["jwk"][name], world.jwk[name], "{name}");
    }
    let unsafe_members = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
    assert!(unsafe_members.iter().all(|it| header["jwk"].get(it).is_none()));
    assert!(["crit", "b64", "zip", "enc"].iter().all(|it| !header.contains_key(*it)));
    assert_eq!(text("htm"), "POST");
    assert_eq!(text("ath"), encode(sha256(world.token.as_bytes())));
    let made = claims["iat"].as_i64().expect("a whole second");
    assert!((NOW - 60..=NOW + 30).contains(&made), "{made}");
    let url = url::Url::parse(text("htu")).expect("a URL");
    assert_eq!((url.scheme(), url.host_str()), ("https", Some("gateway.example")));
    assert_eq!((url.port(), url.username(), url.password()), (None, "", None));
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().expect("text");
    assert_eq!(path, PATH);
    let jti = text("jti");
    assert!((1..=256).contains(&jti.len()));
    let mut passed = world.passed.lock().expect("one thread");
    assert!(passed.insert(jti.to_owned()), "{jti} passed twice");
}

impl World {
    fn passes(&self, proof: &str) -> bool {
        let mut headers = HeaderMap::new();
        let token = HeaderValue::from_str(&format!("DPoP {}", self.token)).expect("a header");
        headers.insert(http::header::AUTHORIZATION, token);
        let Ok(proof) = HeaderValue::from_str(proof) else { return false };
        headers.insert("dpop", proof);
        let asked = Asked { method: &Method::POST, home: &self.home, host: None, path: PATH };
        let Ok(presented) = Presented::of(&headers, asked) else { return false };
        self.runtime.block_on(self.verifier.identify(presented)).is_ok()
    }
}

fn good(world: &World) -> String {
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": world.jwk}).to_string();
    let claims = json!({
        "jti": "the first", "htm": "POST", "htu": format!("{HOME}{PATH}"), "iat": NOW,
        "ath": encode(sha256(world.token.as_bytes())),
    });
    sign(&world.holder, header.as_bytes(), claims.to_string().as_bytes())
}

fn key(seed: u8) -> (EcdsaKeyPair, Value) {
    let seed = [seed; 32];
    let point = PrivateKey::from_private_key(&ECDH_P256, &seed).expect("a scalar");
    let point = point.compute_public_key().expect("a point");
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &seed, point.as_ref());
    let (x, y) = point.as_ref()[1..].split_at(32);
    let jwk = json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)});
    (pair.expect("a key pair"), jwk)
}

fn sign(key: &EcdsaKeyPair, header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", encode(signature))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// Publishes the issuer's keys to whoever asks, and says on which port.
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
