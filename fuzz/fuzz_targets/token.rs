//! Attacks the judge of bearer tokens with whole tokens, and with headers and claims that the
//! issuer's key has signed: nothing passes but what that key signed, and who passes is who another
//! reading of the claims says it is.
//!
//! An input that begins with `s` is a header, a line end and claims, to be signed; one that begins
//! with `b` is the same after three bytes that say which byte of the token to bend, and how;
//! anything else is a token. Of the RSA key nobody has the private half: of its tokens only one can
//! pass.

#![no_main]

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    Fault, ForgedLimits, Http, IssuerConfig, Proved, Refused, Verifier, VerifierOptions,
};
use countersign_model::{
    Caller, CallerKind, Clock, Group, Subject, Timestamp,
    json::{self, FaultKind},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, LazyLock},
    thread,
};
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://gateway.example";
const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 60;
const KEYS: &[u8] = include_bytes!("../seeds/token-keys.json");
/// The tokens that nobody signs here and that are good all the same.
const GOOD: [&str; 2] =
    [include_str!("../seeds/token/whole-es256"), include_str!("../seeds/token/whole-rs256")];

struct World {
    runtime: Runtime,
    verifier: Verifier,
    key: EcdsaKeyPair,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let seed = [7; 32];
    let point = PrivateKey::from_private_key(&ECDH_P256, &seed).expect("a scalar");
    let point = point.compute_public_key().expect("a point");
    let key = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &seed,
        point.as_ref(),
    );
    let port = publish();
    let config = serde_json::json!({
        "name": "corp", "url": ISSUER, "audiences": [AUDIENCE],
        "jwks_url": format!("http://127.0.0.1:{port}/keys"),
        "claims": { "agent": { "claim": "kind", "values": ["agent"] } },
    });
    let config: IssuerConfig = serde_json::from_value(config).expect("a configuration");
    let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
    countersign_identity::install_crypto();
    // The clock stands still, so what failed would never be forgotten.
    let options = VerifierOptions { forged: ForgedLimits::LARGEST, ..VerifierOptions::default() };
    let verifier = Verifier::with(vec![config], Http::new(), clock, options).expect("no fault");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = World { runtime, verifier, key: key.expect("a key pair") };
    for good in GOOD {
        let proved = world.identify(good).expect("a good token passes");
        assert_eq!(proved.subject.as_str(), "riley@acme.example");
    }
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    match bytes {
        [b's', rest @ ..] => {
            let Some((header, claims)) = halves(rest) else { return };
            let token = world.sign(header, claims);
            judge(header, claims, &token, world.identify(&token));
        }
        [b'b', high, low, how, rest @ ..] => {
            let Some((header, claims)) = halves(rest) else { return };
            let token = world.sign(header, claims);
            let mut bent = token.clone().into_bytes();
            let place = usize::from(*high) * 256 + usize::from(*low);
            let place = place % bent.len();
            bent[place] ^= how & 0x7F;
            let Ok(bent) = String::from_utf8(bent) else { return };
            if bent != token {
                assert!(world.identify(&bent).is_err(), "nobody has signed {bent}");
            }
        }
        _ => {
            let Ok(token) = std::str::from_utf8(bytes) else { return };
            if let Ok(proved) = world.identify(token) {
                assert!(GOOD.contains(&token), "{proved:?}: nobody has signed {token}");
            }
        }
    }
});

fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let cut = bytes.iter().position(|it| *it == b'\n')?;
    Some((&bytes[..cut], &bytes[cut + 1..]))
}

fn judge(header: &[u8], claims: &[u8], token: &str, judged: Result<Proved, Refused>) {
    // The reader of JSON is another one than the judge's, and so is each rule below.
    let faults: Vec<_> = [header, claims]
        .iter()
        .filter_map(|it| json::parse(it, Default::default()).err())
        .collect();
    let strict = faults.is_empty();
    let twice = faults.iter().any(|it| matches!(it.kind, FaultKind::DuplicateMember(_)));
    assert!(!(twice && judged.is_ok()), "a member twice: {token}");
    match (expected(header, claims), judged) {
        (Some(expected), Ok(proved)) => {
            // Only cut-offs ask where a token comes from, and here are none.
            let expected = Caller { issued: proved.issued.clone(), ..expected };
            assert_eq!(**proved.caller(), expected, "{token}");
        }
        (None, Ok(proved)) => panic!("{proved:?} of {token}"),
        (None, Err(_)) => {}
        (Some(_), Err(refused)) => {
            let said = refused.fault();
            let allowed = match said {
                Fault::TokenTooLarge => token.len() > 16 * 1024,
                Fault::TokenMalformed => !strict,
                _ => false,
            };
            assert!(allowed, "{refused:?} of {token}");
        }
    }
}

/// Who a token that the EC key signed is of: `None` if it must not pass.
fn expected(header: &[u8], claims: &[u8]) -> Option<Caller> {
    let header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(claims).ok()?;
    let forbidden = ["crit", "b64", "zip", "jwk", "enc"];
    let typ = header.get("typ")?.as_str()?.to_ascii_lowercase();
    let cty = header.get("cty").and_then(Value::as_str).unwrap_or("").to_ascii_lowercase();
    let right = header.get("alg")? == "ES256"
        && header.get("kid").is_none_or(|it| it == "ec")
        && ["at+jwt", "application/at+jwt"].contains(&&*typ)
        && !["jwt", "application/jwt"].contains(&&*cty)
        && !forbidden.iter().any(|it| header.contains_key(*it));
    let audiences = list(claims.get("aud")?)?;
    let exp = second(&claims, "exp")??;
    let times = [second(&claims, "nbf")?, second(&claims, "iat")?];
    let begun = times.into_iter().flatten().all(|it| it <= NOW + SKEW);
    let meant = claims.get("iss")? == ISSUER && audiences.contains(&AUDIENCE);
    (right && meant && begun && NOW < exp + SKEW).then_some(())?;
    caller(&claims, exp)
}

fn caller(claims: &Map<String, Value>, exp: i64) -> Option<Caller> {
    let subject = claims.get("sub")?.as_str().filter(nameable)?;
    let client = match claims.get("client_id").or_else(|| claims.get("azp")) {
        None => None,
        Some(client) => Some(client.as_str().filter(nameable)?),
    };
    let agent = claims.get("kind").map_or(Some(false), |it| Some(list(it)?.contains(&"agent")))?;
    let kind = match (agent, client == Some(subject)) {
        (true, _) => CallerKind::Agent,
        (false, true) => CallerKind::Service,
        (false, false) => CallerKind::Person,
    };
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(actor) = next {
        let actor = actor.as_object().filter(|it| it.get("iss").is_none_or(|it| it == ISSUER))?;
        actors.push(Subject::from(actor.get("sub")?.as_str().filter(nameable)?));
        next = actor.get("act");
    }
    let groups = claims.get("groups").map_or(Some(Vec::new()), list)?;
    let named = groups.iter().all(nameable) && groups.len() <= 2000 && actors.len() <= 5;
    let scopes = ["scope", "scp"].into_iter().filter_map(|it| claims.get(it).map(list));
    let scopes: Vec<_> = scopes.collect::<Option<Vec<_>>>()?.concat();
    let words = scopes.iter().flat_map(|it| it.split(' ')).filter(|it| !it.is_empty());
    named.then(|| Caller {
        subject: subject.into(),
        kind,
        actors,
        client: client.map(Into::into),
        issuer: "corp".into(),
        groups: groups.into_iter().map(Group::from).collect(),
        scopes: words.map(Arc::from).collect::<BTreeSet<_>>(),
        name: shown(claims, "name"),
        email: shown(claims, "email"),
        expires_at: Timestamp::from_millis(exp * 1000),
        issued: countersign_model::Issued::default(),
    })
}

/// A text or texts; `None` for what is neither. Null is no text.
fn list(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn second(claims: &Map<String, Value>, name: &str) -> Option<Option<i64>> {
    let Some(value) = claims.get(name) else { return Some(None) };
    value.as_i64().filter(|it| (0..=253_402_300_799).contains(it)).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "filters pass references")]
fn nameable(text: &&str) -> bool {
    let unseen = |it: char| it.is_control() || hidden(it);
    !text.is_empty() && text.len() <= 255 && text.trim() == *text && !text.chars().any(unseen)
}

fn shown(claims: &Map<String, Value>, name: &str) -> Option<Arc<str>> {
    let text = claims.get(name)?.as_str()?;
    let seen = text.chars().filter(|it| !it.is_control() && !hidden(*it)).take(120);
    let seen = seen.collect::<String>();
    (!seen.trim().is_empty()).then(|| seen.trim().into())
}

/// Characters that nobody sees: formats, fillers, selectors and tags.
fn hidden(it: char) -> bool {
    const RANGES: [(u32, u32); 16] = [
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x2028, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFFB),
        (0xE0000, 0xE007F),
        (0xE0080, 0xE00FF),
        (0xE0100, 0xE0FFF),
    ];
    RANGES.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(it)))
}

impl World {
    fn identify(&self, token: &str) -> Result<Proved, Refused> {
        self.runtime.block_on(self.verifier.identify(token))
    }

    fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature =
            self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

/// Publishes the keys to whoever asks, and says on which port.
fn publish() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let read = stream.read(&mut [0; 4096]);
            let length = KEYS.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n"
            );
            let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(KEYS));
            drop((read, sent));
        }
    });
    port
}
