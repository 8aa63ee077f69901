//! What stands sealed beside a session: for this session and no other, each kind for itself. The
//! database alone tells none of it.

use crate::console::{Console, fill};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, de::DeserializeOwned};

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// What renews a session and ends it at the issuer.
    Tokens,
    /// What was read of the sign-in.
    Notes,
    /// What a passkey was asked.
    Passkey,
}

/// Seals something for the session of this stored name.
pub(crate) fn seal(
    console: &Console,
    what: What,
    name: &str,
    value: &impl Serialize,
) -> Option<String> {
    let governance = console.governance();
    let plain = serde_json::to_vec(value).ok()?;
    let mut random = fill(governance.entropy());
    let sealed = governance.master().seal(&context(what, name), &plain, &mut random);
    Some(STANDARD.encode(sealed.ok()?))
}

/// The reverse; `None` if it was sealed for another session, as another kind, or with another master
/// key.
pub(crate) fn open<T: DeserializeOwned>(
    console: &Console,
    what: What,
    name: &str,
    sealed: &str,
) -> Option<T> {
    let sealed = STANDARD.decode(sealed).ok()?;
    let plain = console.governance().master().open(&context(what, name), &sealed).ok()?;
    serde_json::from_slice(&plain).ok()
}

fn context(what: What, name: &str) -> Vec<u8> {
    let kind = match what {
        What::Tokens => "console/session/v1",
        What::Notes => "console/session-notes/v1",
        What::Passkey => "console/passkey/v1",
    };
    format!("{kind} {name}").into_bytes()
}
