//! Reads what an issuer answers when a device code is asked for (RFC 8628 §3.2). People are shown it, and
//! open it: it is taken only as far as nothing in it can hide or steer a terminal.

use crate::{Hidden, strict_json};
use countersign_model::{Span, Timestamp};
use serde::Deserialize;
use url::Url;

/// A device authorization that waits for its person.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// What the person types: visible ASCII characters and spaces, 64 at most.
    pub user_code: String,
    /// Where they type it: a web address of visible ASCII characters.
    pub verification_uri: String,
    /// The same with the code in it, to open or to show as a QR code.
    pub verification_uri_complete: Option<String>,
    /// How long to wait between two polls; grows when the issuer says so.
    pub interval_seconds: u32,
    /// When it ends.
    pub expires_at: Timestamp,
    device_code: Hidden,
}

#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: Hidden,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u32,
    interval: Option<u32>,
}

impl DeviceCode {
    /// Reads the answer; `None` if it is malformed.
    pub(crate) fn read(document: &[u8], now: Timestamp) -> Option<Self> {
        let answer: DeviceAnswer =
            serde_json::from_value(strict_json::object(document).ok()?.into()).ok()?;
        let code = &answer.user_code;
        let is_typeable = !code.trim().is_empty()
            && code.len() <= USER_CODE_BYTES_MAX
            && code.bytes().all(|it| matches!(it, b' '..=b'~'));
        if !is_typeable || !is_web(&answer.verification_uri) {
            return None;
        }
        Some(Self {
            user_code: answer.user_code,
            verification_uri: answer.verification_uri,
            verification_uri_complete: answer.verification_uri_complete.filter(|it| is_web(it)),
            interval_seconds: answer.interval.unwrap_or(5).clamp(1, INTERVAL_SECONDS_MAX),
            expires_at: now.plus(Span::from_seconds(i64::from(answer.expires_in))),
            device_code: answer.device_code,
        })
    }

    /// What the issuer is asked with.
    pub(crate) fn secret(&self) -> &str {
        self.device_code.reveal()
    }
}

/// Whether a text is a web address, and can be shown and opened as it is: reading a URL overlooks
/// tabs and line ends, a terminal does not.
pub(crate) fn is_web(url: &str) -> bool {
    url.bytes().all(|it| it.is_ascii_graphic())
        && Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

pub(crate) const INTERVAL_SECONDS_MAX: u32 = 60;
const USER_CODE_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests;
