//! Judges one DPoP proof (RFC 9449 §4.3), with bounded work: from cheap to dear, the signature
//! last. Whether the proof was used before is not its affair. A proof goes with a token that is
//! bound to its key (§7), or asks for one that will be (§5).
//!
//! A proof is never taken for a token, nor a token for a proof: their types differ, and each is
//! asked for its own.

use crate::{
    Algorithm, Fault, Refused,
    bound::BoundKey,
    jws,
    keys::{self, NotPublic},
    presented::{Asked, sha256},
    refused::shown,
    strict_json,
};
use aws_lc_rs::signature::ParsedPublicKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// A proof whose key, signature, request, token and time are right.
pub(crate) struct Proof {
    /// Its name, unique among the proofs of its key.
    pub(crate) jti: String,
    /// The moment at which it was made, in seconds; it is good for [`AGE_SECONDS_MAX`] from then.
    pub(crate) made: i64,
    /// Its key's (RFC 7638).
    pub(crate) thumbprint: [u8; 32],
}

/// What a proof must be made for.
pub(crate) struct For<'p> {
    pub(crate) asked: Asked<'p>,
    pub(crate) token: ProofToken<'p>,
    /// Seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// The token that a proof has to do with.
#[derive(Clone, Copy)]
pub(crate) enum ProofToken<'p> {
    /// It goes with this one, which is bound to this key.
    Bound { token: &'p str, key: &'p BoundKey },
    /// One is asked for, which will be bound to whatever key it shows.
    Wanted,
}

impl Proof {
    /// Judges a proof; `nonce` says whether its nonce is as it has to be.
    pub(crate) fn check(
        text: &str,
        wanted: &For<'_>,
        nonce: impl FnOnce(Option<&str>) -> Result<(), Refused>,
    ) -> Result<Self, Refused> {
        if text.len() > PROOF_BYTES_MAX {
            return Err(malformed("longer than 8 KiB"));
        }
        let (header, payload, signature) =
            jws::parts(text).map_err(|_| malformed("not three parts"))?;
        let members = object(header, "header")?;
        let algorithm = check_header(&members)?;
        let jwk = members.get("jwk").and_then(Value::as_object);
        let jwk = jwk.ok_or_else(|| malformed("no jwk"))?;
        let key = keys::Public::read(jwk, algorithm).map_err(not_public)?;
        let thumbprint = key.thumbprint();
        let bound = match wanted.token {
            ProofToken::Bound { key, .. } if key.thumbprint != thumbprint => {
                return Err(Fault::ProofKeyMismatch.into());
            }
            ProofToken::Bound { key, .. } => Some(key),
            ProofToken::Wanted => None,
        };
        let claims = object(payload, "payload")?;
        let (jti, made) = check_claims(&claims, wanted)?;
        nonce(claims.get("nonce").map(|it| it.as_str().unwrap_or_default()))?;

        let signature = jws::decoded(signature, "signature").map_err(|_| malformed("signature"))?;
        let signed = text.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let good = |key: &ParsedPublicKey| key.verify_sig(signed, &signature).is_ok();
        // A key that is known needs not be read again, if it is used in the same way.
        let known = bound.and_then(|it| it.known.get()).filter(|(it, _)| *it == algorithm);
        let is_good = match known {
            Some((_, key)) => good(key),
            None => {
                let parsed = key.parsed().ok_or(Fault::ProofKeyNotAccepted)?;
                let is_good = good(&parsed);
                if let (true, Some(bound)) = (is_good, bound) {
                    drop(bound.known.set((algorithm, parsed)));
                }
                is_good
            }
        };
        if is_good {
            Ok(Self { jti, made, thumbprint })
        } else {
            Err(Fault::ProofSignatureInvalid.into())
        }
    }
}

fn check_header(members: &Map<String, Value>) -> Result<Algorithm, Refused> {
    match members.get("typ").and_then(Value::as_str) {
        Some(name) if jws::media_type(name) == "dpop+jwt" => {}
        Some(name) => return Err(Refused::new(Fault::ProofTypeNotAccepted, shown(name))),
        None => return Err(Refused::new(Fault::ProofTypeNotAccepted, "no typ")),
    }
    for name in ["crit", "b64", "zip", "enc"] {
        if members.contains_key(name) {
            return Err(malformed(&format!("the header has {name}")));
        }
    }
    let name = members.get("alg").and_then(Value::as_str).ok_or_else(|| malformed("no alg"))?;
    let algorithm = Algorithm::from_name(name).filter(|it| Algorithm::PROOFS.contains(it));
    algorithm.ok_or_else(|| Refused::new(Fault::ProofAlgorithmNotAllowed, shown(name)))
}

/// The proof's name, and when it was made.
fn check_claims(claims: &Map<String, Value>, wanted: &For<'_>) -> Result<(String, i64), Refused> {
    let text = |name: &'static str| {
        let text = claims.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
        text.ok_or_else(|| malformed(&format!("no {name}")))
    };
    let jti = text("jti")?;
    if jti.len() > JTI_BYTES_MAX {
        return Err(malformed("a long jti"));
    }
    let Asked { method, home, host, path } = wanted.asked;
    // Methods are compared with their case (RFC 9110 §9.1).
    let htm = text("htm")?;
    if htm != method.as_str() {
        return Err(Refused::new(Fault::ProofMethodMismatch, format!("htm {}", shown(htm))));
    }
    let htu = text("htu")?;
    if !home.is(htu, host, path) {
        return Err(Refused::new(Fault::ProofUrlMismatch, format!("htu {}", shown(htu))));
    }
    match wanted.token {
        ProofToken::Bound { token, .. } => {
            if text("ath")? != URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())) {
                return Err(Fault::ProofTokenMismatch.into());
            }
        }
        // One that was made to go with a token is for a call.
        ProofToken::Wanted => {
            if claims.contains_key("ath") {
                return Err(Fault::ProofTokenMismatch.into());
            }
        }
    }
    let made = claims.get("iat").and_then(Value::as_i64).ok_or_else(|| malformed("no iat"))?;
    let age = wanted.now.saturating_sub(made);
    if !(-AHEAD_SECONDS_MAX..=AGE_SECONDS_MAX).contains(&age) {
        return Err(Refused::new(Fault::ProofTimeNotAccepted, format!("{age} seconds old")));
    }
    Ok((jti.to_owned(), made))
}

fn object(part: &str, what: &str) -> Result<Map<String, Value>, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed("not base64url"))?;
    strict_json::object(&bytes).map_err(|bad| malformed(&format!("the {what} is {bad}")))
}

fn not_public(bad: NotPublic) -> Refused {
    Refused::new(Fault::ProofKeyNotAccepted, bad.to_string())
}

fn malformed(detail: &str) -> Refused {
    Refused::new(Fault::ProofMalformed, detail)
}

/// A proof is good for so long after it was made: it is made for one request.
pub(crate) const AGE_SECONDS_MAX: i64 = 60;
/// How far ahead the caller's clock may be.
pub(crate) const AHEAD_SECONDS_MAX: i64 = 30;
const PROOF_BYTES_MAX: usize = 8 * 1024;
const JTI_BYTES_MAX: usize = 256;
