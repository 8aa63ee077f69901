//! An issuer's public keys, parsed once (RFC 7517). A key that is private, too small, for another
//! use or of an unknown kind is left out; it never makes another key unusable.

use crate::{Algorithm, Fault, Refused, algorithm::KeyKind, refused::shown, strict_json};
use aws_lc_rs::{
    digest,
    signature::{ParsedPublicKey, RsaPublicKeyComponents},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The keys of one issuer as of one reading.
#[derive(Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    digest: Vec<u8>,
    /// How many keys of the document were left out.
    pub(crate) left_out: usize,
}

struct Key {
    kid: Option<Box<str>>,
    /// What tells keys apart: kind and public numbers.
    material: Vec<u8>,
    checks: Vec<(Algorithm, ParsedPublicKey)>,
}

/// A document that is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadKeySet {
    #[error("not a JSON object")]
    NotJson,
    #[error("without a list of keys")]
    NoKeys,
    #[error("of more than {KEYS_MAX} keys")]
    TooMany,
}

impl KeySet {
    /// Parses a JWK set; keys are made ready for the algorithms of `allowed` only.
    pub(crate) fn parse(document: &[u8], allowed: &[Algorithm]) -> Result<Self, BadKeySet> {
        let members = strict_json::object(document).map_err(|_| BadKeySet::NotJson)?;
        let listed = members.get("keys").and_then(Value::as_array).ok_or(BadKeySet::NoKeys)?;
        if listed.len() > KEYS_MAX {
            return Err(BadKeySet::TooMany);
        }
        let mut keys: Vec<Key> = Vec::new();
        for listed in listed {
            let Some(key) = listed.as_object().and_then(|jwk| Key::parse(jwk, allowed)) else {
                continue;
            };
            // The same key twice is one key, not an ambiguity.
            if !keys.iter().any(|it| it.kid == key.kid && it.material == key.material) {
                keys.push(key);
            }
        }
        let left_out = listed.len() - keys.len();
        Ok(Self { digest: digest_of(&keys), keys, left_out })
    }

    /// The one key that may have signed: the one with this `kid`, or, without a `kid`, the only
    /// one that fits the algorithm.
    pub(crate) fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&ParsedPublicKey, Refused> {
        let named = self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let mut fitting = named.clone().filter_map(|key| key.check(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Fault::KeyAmbiguous.into()),
            (None, _) if kid.is_some() && named.clone().next().is_some() => {
                let detail = format!("the key is not for {algorithm}");
                Err(Refused::new(Fault::KeyAlgorithmMismatch, detail))
            }
            (None, _) => {
                let kid = kid.map_or_else(|| "no kid".into(), |kid| format!("kid {}", shown(kid)));
                Err(Refused::new(Fault::KeyUnknown, kid))
            }
        }
    }

    /// Whether both hold the same keys under the same names.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    fn parse(jwk: &Map<String, Value>, allowed: &[Algorithm]) -> Option<Self> {
        if is_private(jwk) || !is_for_verifying(jwk) {
            return None;
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str().into()),
            Some(_) => return None,
        };
        let only = match jwk.get("alg") {
            None => None,
            Some(Value::String(name)) => Some(Algorithm::from_name(name)?),
            Some(_) => return None,
        };
        let (kind, numbers) = public_numbers(jwk)?;
        let fits =
            |it: &Algorithm| it.key_kind() == kind && only.is_none_or(|only| same(*it, only));
        let checks: Vec<_> = allowed
            .iter()
            .copied()
            .filter(fits)
            .filter_map(|it| Some((it, ready(it, &numbers)?)))
            .collect();
        let material = numbers.concat();
        (!checks.is_empty()).then_some(Self { kid, material, checks })
    }

    fn check(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.checks.iter().find(|(it, _)| *it == algorithm).map(|(_, key)| key)
    }
}

/// A public key that came with a proof (RFC 9449 §4.2), read as far as it costs little.
pub(crate) struct Public {
    algorithm: Algorithm,
    numbers: Vec<Vec<u8>>,
    /// The JSON of RFC 7638 §3.2: required members, in their order.
    canonical: String,
}

/// A key that nobody should send, or that nothing should be proved with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotPublic {
    #[error("a private or symmetric key")]
    Private,
    #[error("no public key of an accepted kind and size")]
    Unusable,
    #[error("a key for another algorithm")]
    OtherAlgorithm,
}

impl Public {
    /// Reads a key that is to be used with one algorithm.
    pub(crate) fn read(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<Self, NotPublic> {
        if is_private(jwk) || jwk.get("kty").is_some_and(|it| it == "oct") {
            return Err(NotPublic::Private);
        }
        let (kind, numbers) = public_numbers(jwk).ok_or(NotPublic::Unusable)?;
        if numbers.iter().any(|it| it.len() > PROOF_RSA_BYTES_MAX) {
            return Err(NotPublic::Unusable);
        }
        if kind != algorithm.key_kind() {
            return Err(NotPublic::OtherAlgorithm);
        }
        // Each text was decoded in the one way in which it can be written, so it needs no escapes.
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let canonical = match kind {
            KeyKind::Rsa => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text("e"), text("n")),
            KeyKind::P256 | KeyKind::P384 => {
                let (crv, x, y) = (text("crv"), text("x"), text("y"));
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            KeyKind::Ed25519 => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text("x")),
        };
        Ok(Self { algorithm, numbers, canonical })
    }

    /// The key's SHA-256 thumbprint (RFC 7638 §3).
    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        crate::presented::sha256(self.canonical.as_bytes())
    }

    /// The key, ready to verify with; `None` if it is no point of its curve.
    pub(crate) fn parsed(&self) -> Option<ParsedPublicKey> {
        ready(self.algorithm, &self.numbers)
    }
}

fn is_private(jwk: &Map<String, Value>) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.contains_key(*name))
}

fn public_numbers(jwk: &Map<String, Value>) -> Option<(KeyKind, Vec<Vec<u8>>)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    Some(match (text("kty")?, text("crv")) {
        ("RSA", _) => (KeyKind::Rsa, rsa_numbers(number(jwk, "n")?, number(jwk, "e")?)?),
        ("EC", Some("P-256")) => (KeyKind::P256, point(jwk, 32)?),
        ("EC", Some("P-384")) => (KeyKind::P384, point(jwk, 48)?),
        ("OKP", Some("Ed25519")) => (KeyKind::Ed25519, edwards_point(jwk)?),
        _ => return None,
    })
}

/// `EdDSA` and `Ed25519` are two names for the same signature (RFC 9864 §2.2).
fn same(one: Algorithm, other: Algorithm) -> bool {
    let edwards = |it| matches!(it, Algorithm::EdDSA | Algorithm::Ed25519);
    one == other || edwards(one) && edwards(other)
}

fn is_for_verifying(jwk: &Map<String, Value>) -> bool {
    // In a SPIFFE bundle the keys of JWTs are told from those of certificates by a use of their
    // own (SPIFFE JWT-SVID §6.1).
    let signs = jwk.get("use").is_none_or(|it| it == "sig" || it == "jwt-svid");
    let verifies = jwk.get("key_ops").is_none_or(|it| {
        it.as_array().is_some_and(|operations| operations.iter().any(|it| it == "verify"))
    });
    signs && verifies
}

fn number(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok()
}

/// Modulus and exponent, if they are such as a signature can be trusted with.
fn rsa_numbers(modulus: Vec<u8>, exponent: Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let sized = modulus.first() != Some(&0) && (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits);
    // An exponent of 1 makes every text its own signature; an even one makes no key at all.
    let small = exponent.len() == 1 && exponent.first().is_some_and(|it| *it < 3);
    let odd = [&modulus, &exponent].iter().all(|it| it.last().is_some_and(|it| it % 2 == 1));
    let exponent_fits = (1..=4).contains(&exponent.len()) && exponent.first() != Some(&0);
    (sized && odd && exponent_fits && !small).then(|| vec![modulus, exponent])
}

/// The uncompressed point (SEC 1 §2.3.3); whether it lies on the curve is checked by the library.
fn point(jwk: &Map<String, Value>, bytes: usize) -> Option<Vec<Vec<u8>>> {
    let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
    (x.len() == bytes && y.len() == bytes).then(|| vec![vec![4], x, y])
}

/// An Ed25519 key of these bytes, if a signature can be trusted with it.
pub(crate) fn edwards(x: Vec<u8>) -> Option<ParsedPublicKey> {
    ready(Algorithm::EdDSA, &edwards_numbers(x)?)
}

/// An RSA key of this modulus and exponent, if a signature can be trusted with it.
pub(crate) fn rsa(
    algorithm: Algorithm,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
) -> Option<ParsedPublicKey> {
    ready(algorithm, &rsa_numbers(modulus, exponent)?)
}

fn edwards_point(jwk: &Map<String, Value>) -> Option<Vec<Vec<u8>>> {
    edwards_numbers(number(jwk, "x")?)
}

fn edwards_numbers(x: Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let mut unsigned = x.clone();
    *unsigned.last_mut()? &= 0x7F;
    (x.len() == 32 && !SMALL_ORDER.contains(&unsigned.as_slice())).then(|| vec![x])
}

fn ready(algorithm: Algorithm, numbers: &[Vec<u8>]) -> Option<ParsedPublicKey> {
    match (algorithm.rsa(), algorithm.curve(), numbers) {
        (Some(check), _, [n, e]) => {
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(check).ok()
        }
        (None, Some(check), numbers) => ParsedPublicKey::new(check, numbers.concat()).ok(),
        _ => None,
    }
}

fn digest_of(keys: &[Key]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| {
            let names: Vec<_> = key.checks.iter().map(|(it, _)| it.name()).collect();
            let mut line = format!("{:?} {names:?} ", key.kid).into_bytes();
            line.extend(&key.material);
            digest::digest(&digest::SHA256, &line).as_ref().to_vec()
        })
        .collect();
    lines.sort();
    digest::digest(&digest::SHA256, &lines.concat()).as_ref().to_vec()
}

const KEYS_MAX: usize = 100;
const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;
/// Of an RSA key that comes with a proof: each call is verified with it, so it must not be dear.
const PROOF_RSA_BYTES_MAX: usize = 512;

/// The points of Curve25519 with an order of at most 8, without the sign bit: with such a "key"
/// one signature fits many texts.
const SMALL_ORDER: [&[u8]; 7] = [
    b"\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
];

#[cfg(test)]
mod tests;
