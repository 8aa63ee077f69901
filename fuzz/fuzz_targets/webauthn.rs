//! Attacks the judge of passkeys: with registrations made of any bytes, and with signatures that the key
//! has made over any authenticator data and any words of a browser. What passes is, by another reading,
//! for this host, this page and this thing, with a person there who was checked; and a public key that
//! was taken is written in one way only.
//!
//! An input that begins with `s` is authenticator data after its length, then the browser's words, to be
//! signed; in both `$C` stands for the challenge (and in the data, at its begin, `$P` for the host's
//! hash). One that begins with `c` is a registration's attestation object. Anything else is a signature
//! as it stands.

#![no_main]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use countersign_identity::{NewPasskey, RelyingParty, registration_challenge, verify_passkey};
use countersign_model::{
    Digest,
    passkey::{PasskeyBytes, PasskeyProof, SignedKind, signing_challenge},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const ORIGIN: &str = "https://gateway.example";
const HOST: &str = "gateway.example";
const NONCE: [u8; 32] = [5; 32];
const KIND: SignedKind = SignedKind::ReviewSignOff;

struct World {
    key: Ed25519KeyPair,
    cose: Vec<u8>,
    party: RelyingParty,
    thing: Digest,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a key");
    let mut cose = vec![0xA4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
    cose.extend(key.public_key().as_ref());
    let party = RelyingParty::of(ORIGIN).expect("a host name");
    let world = World { key, cose, party, thing: Digest::of(b"a thing") };
    let data = [&Digest::of(HOST.as_bytes()).0[..], &[5, 0, 0, 0, 1]].concat();
    let client = json!({"type": "webauthn.get", "challenge": world.challenge(), "origin": ORIGIN});
    assert!(world.passes(&world.signed(&data, client.to_string().as_bytes())), "a good one passes");
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    match bytes.split_first() {
        Some((b's', rest)) => {
            let Some((&length, rest)) = rest.split_first() else { return };
            let Some((data, client)) = rest.split_at_checked(usize::from(length)) else { return };
            let data = match data.strip_prefix(b"$P") {
                Some(rest) => [&Digest::of(HOST.as_bytes()).0[..], rest].concat(),
                None => data.to_vec(),
            };
            let Ok(client) = std::str::from_utf8(client) else { return };
            let client = client.replace("$C", &world.challenge());
            if world.passes(&world.signed(&data, client.as_bytes())) {
                judge(world, &data, &client);
            }
        }
        Some((b'c', attestation)) => register(world, attestation),
        Some(_) | None => {
            let half = bytes.len() / 2;
            let proof = PasskeyProof {
                signature: PasskeyBytes(bytes[half..].to_vec()),
                ..world.signed(&bytes[..half], b"{}")
            };
            assert!(!world.passes(&proof), "nobody has signed it");
        }
    }
});

/// Another reading of what passed.
fn judge(world: &World, data: &[u8], client: &str) {
    let client: Map<String, Value> = serde_json::from_str(client).expect("JSON");
    assert_eq!(client["type"], "webauthn.get");
    assert_eq!(client["challenge"], world.challenge());
    assert_eq!(client["origin"], ORIGIN);
    assert!(client.get("crossOrigin").is_none_or(|it| *it == json!(false)));
    assert!(!client.contains_key("topOrigin"));
    assert_eq!(data[..32], Digest::of(HOST.as_bytes()).0);
    let flags = data[32];
    assert_eq!(flags & 0b0110_0111, 0b0000_0101, "{flags:b}");
    assert!(flags & 0b1_0000 == 0 || flags & 0b1000 != 0, "{flags:b}");
    assert_eq!(data.len() > 37, flags & 0b1000_0000 != 0, "{flags:b}");
}

fn register(world: &World, attestation: &[u8]) {
    let challenge = registration_challenge(&world.thing, &NONCE);
    let text = PasskeyBytes(challenge.to_vec()).text();
    let client = json!({"type": "webauthn.create", "challenge": text, "origin": ORIGIN});
    // Wherever a name of sixteen bytes may stand in it, it is this one.
    let new = NewPasskey {
        id: PasskeyBytes(vec![b'i'; 16]),
        client_data: PasskeyBytes(client.to_string().into_bytes()),
        attestation: PasskeyBytes(attestation.to_vec()),
        transports: Vec::new(),
    };
    let Ok(registered) = new.register(&world.party, &challenge) else { return };
    let key = &registered.public_key.0;
    let found = attestation.windows(key.len()).any(|it| it == key.as_slice());
    assert!(found && !key.is_empty(), "the key stands in it as it was taken");
    assert!(["EdDSA", "ES256", "RS256"].contains(&registered.algorithm));
    assert!(attestation.windows(16).any(|it| it == [b'i'; 16]));
}

impl World {
    fn challenge(&self) -> String {
        PasskeyBytes(signing_challenge(KIND, &self.thing, &NONCE).to_vec()).text()
    }

    fn signed(&self, data: &[u8], client: &[u8]) -> PasskeyProof {
        let signed = [data, &Digest::of(client).0].concat();
        PasskeyProof {
            credential: PasskeyBytes(vec![1; 16]),
            public_key: PasskeyBytes(self.cose.clone()),
            authenticator_data: PasskeyBytes(data.to_vec()),
            client_data: PasskeyBytes(client.to_vec()),
            signature: PasskeyBytes(self.key.sign(&signed).as_ref().to_vec()),
            nonce: PasskeyBytes(NONCE.to_vec()),
        }
    }

    fn passes(&self, proof: &PasskeyProof) -> bool {
        verify_passkey(proof, HOST, ORIGIN, KIND, &self.thing).is_ok()
    }
}
