//! A small authenticator in software, of each kind of key.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use countersign_model::{
    Digest, PasskeyId,
    passkey::{PasskeyBytes, PasskeyProof, SignedKind, SignedWithPasskey, signing_challenge},
};
use serde_json::json;

pub(crate) const ORIGIN: &str = "https://gateway.example";
pub(crate) const PARTY: &str = "gateway.example";

pub(crate) struct Device {
    pub(crate) id: Vec<u8>,
    pub(crate) cose: Vec<u8>,
    key: Key,
}

enum Key {
    Edwards(Ed25519KeyPair),
    Curve(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// What is changed about a signature.
pub(crate) struct Said<'s> {
    pub(crate) party: &'s str,
    pub(crate) origin: &'s str,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    pub(crate) kind: SignedKind,
}

impl Default for Said<'_> {
    fn default() -> Self {
        let kind = SignedKind::ReviewSignOff;
        Self { party: PARTY, origin: ORIGIN, flags: 5, counter: 7, kind }
    }
}

impl Device {
    pub(crate) fn edwards(seed: u8) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let mut cose = vec![0xA4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
        cose.extend(key.public_key().as_ref());
        Self { id: vec![seed; 16], cose, key: Key::Edwards(key) }
    }

    pub(crate) fn curve() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        let mut cose = vec![0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 32]);
        cose.extend(&point[33..]);
        Self { id: vec![2; 32], cose, key: Key::Curve(key) }
    }

    pub(crate) fn rsa() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // PKCS #1 in DER: a modulus of 257 bytes with its zero, and an exponent of three.
        let der = key.public_key().as_ref();
        let mut cose = vec![0xA4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0];
        cose.extend(&der[9..265]);
        cose.extend([0x21, 0x43]);
        cose.extend(&der[267..270]);
        Self { id: vec![3; 32], cose, key: Key::Rsa(key) }
    }

    pub(crate) fn sign(
        &self,
        passkey: PasskeyId,
        digest: &Digest,
        said: &Said<'_>,
    ) -> SignedWithPasskey {
        let nonce = [5; 32];
        let challenge = signing_challenge(said.kind, digest, &nonce);
        let challenge = PasskeyBytes(challenge.to_vec()).text();
        let client = json!({
            "type": "webauthn.get", "challenge": challenge, "origin": said.origin,
            "crossOrigin": false,
        });
        let client = client.to_string().into_bytes();
        let mut data = Digest::of(said.party.as_bytes()).0.to_vec();
        data.push(said.flags);
        data.extend(said.counter.to_be_bytes());
        let signature = self.signature(&[data.as_slice(), &Digest::of(&client).0].concat());
        let proof = PasskeyProof {
            credential: PasskeyBytes(self.id.clone()),
            public_key: PasskeyBytes(self.cose.clone()),
            authenticator_data: PasskeyBytes(data),
            client_data: PasskeyBytes(client),
            signature: PasskeyBytes(signature),
            nonce: PasskeyBytes(nonce.to_vec()),
        };
        SignedWithPasskey { passkey, origin: said.origin.to_owned(), proof }
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Edwards(key) => key.sign(signed).as_ref().to_vec(),
            Key::Curve(key) => key.sign(&random, signed).unwrap().as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).unwrap();
                signature
            }
        }
    }
}
