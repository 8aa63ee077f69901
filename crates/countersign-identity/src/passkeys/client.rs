//! What the browser says (`clientDataJSON`, WebAuthn §5.8.1): which ceremony, for which challenge, asked
//! by which page. Members that are not known are let be, as the specification wants; one that stands
//! there twice is not.

use super::{PasskeyFault, PasskeyRefused};
use crate::{refused::shown, strict_json};
use aws_lc_rs::constant_time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// What a passkey was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Judges what the browser says.
pub(super) fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    challenge: &[u8; 32],
    origin: &str,
) -> Result<(), PasskeyRefused> {
    let odd = |detail: &str| PasskeyRefused::new(PasskeyFault::ClientDataMalformed, detail);
    if bytes.len() > CLIENT_DATA_BYTES_MAX {
        return Err(odd("longer than 4 KiB"));
    }
    let members = strict_json::object(bytes).map_err(|bad| odd(&bad.to_string()))?;
    let text = |name: &str| {
        let text = members.get(name).and_then(Value::as_str);
        text.ok_or_else(|| odd(&format!("no {name}")))
    };
    let named = text("type")?;
    if named != ceremony.name() {
        return Err(PasskeyRefused::new(PasskeyFault::TypeMismatch, shown(named)));
    }
    let given = URL_SAFE_NO_PAD.decode(text("challenge")?);
    let given = given.map_err(|_| odd("a challenge that is no base64url"))?;
    if constant_time::verify_slices_are_equal(&given, challenge).is_err() {
        return Err(PasskeyFault::ChallengeMismatch.into());
    }
    let asked = text("origin")?;
    if asked != origin {
        return Err(PasskeyRefused::new(PasskeyFault::OriginMismatch, shown(asked)));
    }
    check_frame(&members)?;
    check_binding(&members)
}

/// The page stands alone: no site has it in a frame.
fn check_frame(members: &Map<String, Value>) -> Result<(), PasskeyRefused> {
    match (members.get("crossOrigin"), members.get("topOrigin")) {
        (None | Some(Value::Bool(false)), None) => Ok(()),
        (None | Some(Value::Bool(_)), _) => Err(PasskeyFault::CrossOrigin.into()),
        (Some(_), _) => Err(PasskeyRefused::new(
            PasskeyFault::ClientDataMalformed,
            "crossOrigin is neither true nor false",
        )),
    }
}

/// Level 3 has no token binding any more; of what older browsers say, only that they use none passes.
fn check_binding(members: &Map<String, Value>) -> Result<(), PasskeyRefused> {
    let Some(binding) = members.get("tokenBinding") else { return Ok(()) };
    match binding.get("status").and_then(Value::as_str) {
        Some("supported" | "not-supported") if binding.get("id").is_none() => Ok(()),
        Some(_) | None => Err(PasskeyFault::TokenBinding.into()),
    }
}

const CLIENT_DATA_BYTES_MAX: usize = 4 * 1024;
