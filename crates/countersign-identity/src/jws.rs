//! Takes a compact JWS (RFC 7515 §7.1) apart, with bounded work and before any key is touched.
//!
//! It never fetches what a header points to (`jku`, `x5u`), never takes a key out of a header
//! (`jwk`, `x5c`), and knows no algorithm without a public key.

use crate::{Algorithm, Fault, Refused, refused::shown, strict_json};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// A token in its parts. Nothing about it is proved yet.
pub(crate) struct Unproved<'t> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    /// The media type of `typ`, in lower case, without `application/`.
    pub(crate) token_type: Option<String>,
    pub(crate) claims: Map<String, Value>,
    /// All of it, as it came.
    pub(crate) text: &'t str,
    /// What the signature is over.
    pub(crate) signed: &'t [u8],
    pub(crate) signature: Vec<u8>,
}

/// Takes the token apart.
pub(crate) fn parse(token: &str) -> Result<Unproved<'_>, Refused> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Fault::TokenTooLarge.into());
    }
    let (header, payload, signature) = parts(token)?;
    let members = decoded_object(header, "header")?;
    let algorithm = header_algorithm(&members)?;
    refuse_features(&members)?;
    let kid = match members.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= KID_BYTES_MAX => Some(kid.clone()),
        Some(_) => return Err(Refused::new(Fault::TokenMalformed, "kid is no text, or too long")),
    };
    let token_type = match members.get("typ") {
        None => None,
        Some(Value::String(name)) => Some(media_type(name)),
        Some(_) => return Err(Refused::new(Fault::TokenMalformed, "typ is no text")),
    };
    let claims = decoded_object(payload, "payload")?;
    let signature = decoded(signature, "signature")?;
    let signed = token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
    Ok(Unproved { algorithm, kid, token_type, claims, text: token, signed, signature })
}

/// RFC 7515 §4.1.9: compared without case, and `application/` may be left out.
pub(crate) fn media_type(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => name,
    }
}

pub(crate) fn parts(token: &str) -> Result<(&str, &str, &str), Refused> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok((header, payload, signature)),
        _ if token.bytes().filter(|byte| *byte == b'.').count() == 4 => {
            Err(Fault::TokenEncrypted.into())
        }
        _ => Err(Refused::new(Fault::TokenMalformed, "not three parts")),
    }
}

pub(crate) fn decoded(part: &str, what: &'static str) -> Result<Vec<u8>, Refused> {
    // This engine refuses padding, other alphabets, white space and stray bits at the end.
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refused::new(Fault::TokenMalformed, format!("the {what} is not base64url")))
}

fn decoded_object(part: &str, what: &'static str) -> Result<Map<String, Value>, Refused> {
    strict_json::object(&decoded(part, what)?)
        .map_err(|bad| Refused::new(Fault::TokenMalformed, format!("the {what} is {bad}")))
}

fn header_algorithm(members: &Map<String, Value>) -> Result<Algorithm, Refused> {
    match members.get("alg") {
        Some(Value::String(name)) => Algorithm::from_name(name).ok_or_else(|| {
            Refused::new(Fault::AlgorithmNotAllowed, format!("alg {}", shown(name)))
        }),
        Some(_) => Err(Refused::new(Fault::TokenMalformed, "alg is no text")),
        None => Err(Refused::new(Fault::TokenMalformed, "no alg")),
    }
}

fn refuse_features(members: &Map<String, Value>) -> Result<(), Refused> {
    if members.contains_key("enc") {
        return Err(Fault::TokenEncrypted.into());
    }
    // `crit` (RFC 7515 §4.1.11): no extension is understood. `b64` (RFC 7797), `zip`: they change
    // what is signed or read. `jwk`: whoever sends the key has proved nothing.
    for name in ["crit", "b64", "zip", "jwk"] {
        if members.contains_key(name) {
            return Err(Refused::new(Fault::HeaderNotAllowed, format!("the header has {name}")));
        }
    }
    match members.get("cty") {
        Some(Value::String(name)) if media_type(name) == "jwt" => {
            Err(Refused::new(Fault::HeaderNotAllowed, "a token within the token"))
        }
        _ => Ok(()),
    }
}

/// No access token that a header line carries is longer.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;
const KID_BYTES_MAX: usize = 256;
