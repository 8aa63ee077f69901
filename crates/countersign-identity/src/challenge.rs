//! What a protected resource says about itself and to a caller without an accepted token: the
//! RFC 9728 metadata document, the `WWW-Authenticate` value, and the way in for `Authorization`.

use crate::{Algorithm, Fault, Refused, Scheme};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use std::fmt::Write;

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1).
///
/// # Errors
/// [`Fault::TokenMissing`] without the header or with another scheme, [`Fault::TokenMalformed`] with two
/// headers or a text that is no token.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Refused> {
    match credentials(headers)? {
        (Scheme::Bearer, token) => Ok(token),
        (Scheme::Dpop, _) => Err(Refused::new(Fault::TokenMissing, "another scheme than Bearer")),
    }
}

/// Scheme and token of the one `Authorization` header.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<(Scheme, &str), Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Fault::TokenMissing)?;
    if values.next().is_some() {
        return Err(Refused::new(Fault::TokenMalformed, "more than one Authorization header"));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Fault::TokenMalformed)?;
    let (name, token) = text.split_once(' ').unwrap_or((text, ""));
    let scheme = if name.eq_ignore_ascii_case("bearer") {
        Scheme::Bearer
    } else if name.eq_ignore_ascii_case("dpop") {
        Scheme::Dpop
    } else {
        return Err(Refused::new(Fault::TokenMissing, "another scheme than Bearer and DPoP"));
    };
    let token = token.trim_start_matches(' ');
    if token.is_empty() {
        return Err(Refused::from(Fault::TokenMissing));
    }
    if !is_token(token.as_bytes()) {
        return Err(Refused::new(Fault::TokenMalformed, "characters that no token has"));
    }
    Ok((scheme, token))
}

/// Whether all bytes can stand in a token (RFC 6750 §2.1, b64token).
fn is_token(bytes: &[u8]) -> bool {
    // Without early exits, so that the compiler may look at many bytes at once.
    bytes.iter().fold(true, |sound, byte| sound & is_token_byte(*byte))
}

/// `ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" / "="`, without a branch.
const fn is_token_byte(byte: u8) -> bool {
    // `-`, `.`, `/` and the digits stand in a row.
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'-') < 13)
        | (byte == b'_')
        | (byte == b'~')
        | (byte == b'+')
        | (byte == b'=')
}

/// The document under `/.well-known/oauth-protected-resource` (RFC 9728 §2): the resource's
/// identifier, the URLs of the issuers that it trusts, and the scopes that it knows.
pub fn resource_metadata(resource: &str, issuers: &[&str], scopes: &[&str]) -> Value {
    let mut document = json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": Algorithm::PROOFS.map(Algorithm::name),
    });
    if let (false, Some(members)) = (scopes.is_empty(), document.as_object_mut()) {
        members.insert("scopes_supported".into(), json!(scopes));
    }
    document
}

/// The `WWW-Authenticate` value of a 401 (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1), in the scheme
/// that the next try has to use. Without a refusal, or for a request that had no token, it carries
/// no `error` (RFC 6750 §3.1).
pub fn challenge(metadata_url: &str, refused: Option<&Refused>) -> String {
    let mut value = match refused.map_or(Scheme::Bearer, Refused::scheme) {
        Scheme::Bearer => "Bearer ".to_owned(),
        Scheme::Dpop => {
            let algorithms = Algorithm::PROOFS.map(Algorithm::name).join(" ");
            format!("DPoP algs={}, ", quoted(&algorithms))
        }
    };
    let _infallible = write!(value, "resource_metadata={}", quoted(metadata_url));
    if let Some((refused, error)) = refused.and_then(|it| it.challenge_error().map(|e| (it, e))) {
        let description = quoted(refused.sentence());
        let _infallible = write!(value, ", error=\"{error}\", error_description={description}");
    }
    value
}

/// The `WWW-Authenticate` value of a 403 for a token that lacks scopes (RFC 6750 §3.1).
pub fn scope_challenge(metadata_url: &str, scopes: &[&str]) -> String {
    format!(
        "Bearer resource_metadata={}, error=\"insufficient_scope\", scope={}",
        quoted(metadata_url),
        quoted(&scopes.join(" "))
    )
}

/// A quoted-string of visible ASCII (RFC 9110 §5.6.4); anything else becomes `?`.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
