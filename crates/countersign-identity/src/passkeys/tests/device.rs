//! A small authenticator in software: keys of the test's own, and the bytes that one would write.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use countersign_model::Digest;
use std::sync::{Arc, LazyLock};

pub(super) const PARTY: &str = "gateway.example";

#[derive(Clone)]
pub(super) struct Device {
    pub(super) name: &'static str,
    pub(super) id: Vec<u8>,
    pub(super) cose: Vec<u8>,
    /// The public numbers.
    pub(super) numbers: [Vec<u8>; 2],
    pub(super) key: Arc<Key>,
}

pub(super) enum Key {
    Edwards(Ed25519KeyPair),
    Curve(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

static RSA: LazyLock<Device> = LazyLock::new(|| {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // PKCS #1 in DER: a modulus of 257 bytes with its zero, and an exponent of three.
    let der = key.public_key().as_ref().to_vec();
    let (n, e) = (der[9..265].to_vec(), der[267..270].to_vec());
    let cose = map(&[
        (number(1), number(3)),
        (number(3), number(-257)),
        (number(-1), bytes(&n)),
        (number(-2), bytes(&e)),
    ]);
    Device { name: "RS256", id: vec![3; 32], cose, numbers: [n, e], key: Arc::new(Key::Rsa(key)) }
});

impl Device {
    /// `EdDSA`, ES256, RS256.
    pub(super) fn of_each_kind() -> [Self; 3] {
        let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let x = key.public_key().as_ref().to_vec();
        let cose = map(&[
            (number(1), number(1)),
            (number(3), number(-8)),
            (number(-1), number(6)),
            (number(-2), bytes(&x)),
        ]);
        let key = Arc::new(Key::Edwards(key));
        let edwards = Self { name: "EdDSA", id: vec![1; 16], cose, numbers: [x, Vec::new()], key };
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = key.public_key().as_ref().to_vec();
        let (x, y) = (point[1..33].to_vec(), point[33..].to_vec());
        let cose = map(&[
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), bytes(&x)),
            (number(-3), bytes(&y)),
        ]);
        let key = Arc::new(Key::Curve(key));
        let curve = Self { name: "ES256", id: vec![2; 64], cose, numbers: [x, y], key };
        [edwards, curve, RSA.clone()]
    }

    pub(super) fn sign(&self, data: &[u8], client: &[u8]) -> Vec<u8> {
        let signed = [data, &Digest::of(client).0].concat();
        let random = SystemRandom::new();
        match &*self.key {
            Key::Edwards(key) => key.sign(&signed).as_ref().to_vec(),
            Key::Curve(key) => key.sign(&random, &signed).unwrap().as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, &signed, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// Authenticator data.
pub(super) struct Data<'d> {
    pub(super) party: &'d str,
    pub(super) flags: u8,
    pub(super) counter: u32,
    pub(super) device: Option<&'d Device>,
}

impl<'d> Data<'d> {
    pub(super) fn used(counter: u32) -> Self {
        Self { party: PARTY, flags: 0b0000_0101, counter, device: None }
    }

    pub(super) fn created(device: &'d Device) -> Self {
        Self { party: PARTY, flags: 0b0100_0101, counter: 1, device: Some(device) }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Digest::of(self.party.as_bytes()).0.to_vec();
        out.push(self.flags);
        out.extend(self.counter.to_be_bytes());
        if let Some(device) = self.device {
            out.extend([0; 16]);
            out.extend(u16::try_from(device.id.len()).unwrap().to_be_bytes());
            out.extend(&device.id);
            out.extend(&device.cose);
        }
        out
    }
}

pub(super) fn attestation(data: &[u8]) -> Vec<u8> {
    map(&[
        (text("fmt"), text("none")),
        (text("attStmt"), map(&[])),
        (text("authData"), bytes(data)),
    ])
}

// --- CBOR ----------------------------------------------------------------------------------------

fn head(major: u8, value: u64) -> Vec<u8> {
    let first = |info: u8| major << 5 | info;
    match value {
        0..24 => vec![first(u8::try_from(value).unwrap())],
        24..256 => vec![first(24), u8::try_from(value).unwrap()],
        256..65_536 => [vec![first(25)], value.to_be_bytes()[6..].to_vec()].concat(),
        _ => [vec![first(26)], value.to_be_bytes()[4..].to_vec()].concat(),
    }
}

pub(super) fn number(value: i64) -> Vec<u8> {
    if value < 0 { head(1, value.unsigned_abs() - 1) } else { head(0, value.unsigned_abs()) }
}

pub(super) fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, u64::try_from(value.len()).unwrap()), value.to_vec()].concat()
}

pub(super) fn text(value: &str) -> Vec<u8> {
    [head(3, u64::try_from(value.len()).unwrap()), value.as_bytes().to_vec()].concat()
}

/// In the order in which they are given.
pub(super) fn map(members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = head(5, u64::try_from(members.len()).unwrap());
    for (key, value) in members {
        out.extend(key);
        out.extend(value);
    }
    out
}

// --- DER -----------------------------------------------------------------------------------------

/// The two numbers of an ECDSA signature, as DER writes them.
pub(super) fn parts(signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let r = usize::from(signature[3]);
    (signature[4..4 + r].to_vec(), signature[6 + r..].to_vec())
}

pub(super) fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |it: &[u8]| [&[2, u8::try_from(it.len()).unwrap()][..], it].concat();
    let both = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
}
