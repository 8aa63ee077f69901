//! The rules that the claims of a token must keep (RFC 7519 §4.1), each on its own: issuer,
//! audience and times. Texts are compared byte for byte; numbers are whole and in range.

use crate::{Fault, Refused, refused::shown};
use serde_json::{Map, Value};

/// The times of a token, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The first second at which it is no longer valid.
    pub(crate) expires: i64,
    /// The first second at which it is valid: the later of `nbf` and `iat`.
    pub(crate) begins: i64,
}

impl Times {
    /// Reads `exp` (required), `nbf` and `iat`.
    pub(crate) fn read(claims: &Map<String, Value>) -> Result<Self, Refused> {
        let expires = seconds(claims, "exp")?.ok_or(Fault::ExpiryMissing)?;
        let not_before = seconds(claims, "nbf")?.unwrap_or(0);
        let issued = seconds(claims, "iat")?.unwrap_or(0);
        Ok(Self { expires, begins: not_before.max(issued) })
    }

    /// Whether the token is valid at this second, with a clock that may be off by `skew`.
    pub(crate) fn check(self, now: i64, skew: i64) -> Result<(), Fault> {
        if now >= self.expires.saturating_add(skew) {
            return Err(Fault::TokenExpired);
        }
        if now < self.begins.saturating_sub(skew) {
            return Err(Fault::TokenNotYetValid);
        }
        Ok(())
    }
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Refused> {
    let invalid = || Refused::new(Fault::ClaimInvalid, format!("{name} is no whole second"));
    let Some(value) = claims.get(name) else { return Ok(None) };
    // A fraction, an exponent, a text or a boolean is none: two readers round them differently.
    let seconds = value.as_i64().ok_or_else(invalid)?;
    if (0..=SECONDS_MAX).contains(&seconds) { Ok(Some(seconds)) } else { Err(invalid()) }
}

/// The `iss` claim, as text.
pub(crate) fn issuer(claims: &Map<String, Value>) -> Result<&str, Refused> {
    match claims.get("iss") {
        Some(Value::String(issuer)) => Ok(issuer),
        Some(_) => Err(Refused::new(Fault::ClaimInvalid, "iss is no text")),
        None => Err(Refused::new(Fault::IssuerUnknown, "no iss")),
    }
}

/// Whether `aud`, a text or a list of texts, names one of the accepted audiences.
pub(crate) fn check_audience(
    claims: &Map<String, Value>,
    accepted: &[String],
) -> Result<(), Refused> {
    let invalid = || Refused::new(Fault::ClaimInvalid, "aud is neither a text nor a list of texts");
    let audiences: Vec<&str> = match claims.get("aud") {
        None => return Err(Refused::new(Fault::AudienceMismatch, "no aud")),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(invalid)?
        }
        Some(_) => return Err(invalid()),
    };
    if audiences.iter().any(|it| accepted.iter().any(|accepted| accepted == it)) {
        return Ok(());
    }
    let first = audiences.first().copied().unwrap_or_default();
    Err(Refused::new(Fault::AudienceMismatch, format!("aud {}", shown(first))))
}

/// A claim by its name as it stands, else by a dotted path. A path that begins with `/` is a JSON
/// pointer (RFC 6901), for names with dots in them.
pub(crate) fn at_path<'c>(claims: &'c Map<String, Value>, path: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    if let Some(pointer) = path.strip_prefix('/') {
        let mut names = pointer.split('/').map(|it| it.replace("~1", "/").replace("~0", "~"));
        let first = claims.get(&names.next()?)?;
        return names.try_fold(first, |value, name| value.as_object()?.get(&name));
    }
    let mut names = path.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name))
}

/// A text, or a list of texts: `None` if absent.
pub(crate) fn texts<'c>(value: &'c Value, name: &str) -> Result<Vec<&'c str>, Refused> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(one) => Ok(vec![one]),
        Value::Array(many) => {
            many.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(|| {
                Refused::new(Fault::ClaimInvalid, format!("{} holds other than texts", shown(name)))
            })
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let detail = format!("{} is neither a text nor a list", shown(name));
            Err(Refused::new(Fault::ClaimInvalid, detail))
        }
    }
}

/// The end of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;
