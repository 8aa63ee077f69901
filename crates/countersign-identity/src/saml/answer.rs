//! What the browser brings back: the form of the HTTP-POST binding (SAML 2.0 Bindings §3.5).

use super::refused::{SamlFault, SamlRefused};
use crate::Hidden;
use base64::{Engine, engine::general_purpose::STANDARD};
use url::form_urlencoded;

/// The fields of the form.
#[derive(Clone, Debug)]
pub struct SamlAnswer {
    response: Hidden,
    relay_state: Option<String>,
}

impl SamlAnswer {
    /// Reads the body of the form.
    ///
    /// # Errors
    /// [`SamlFault::ResponseMissing`] if there is no `SAMLResponse`, or a field twice;
    /// [`SamlFault::ResponseTooLarge`] if it is longer than [`Self::BYTES_MAX`].
    pub fn from_form(body: &[u8]) -> Result<Self, SamlRefused> {
        if body.len() > Self::BYTES_MAX {
            return Err(SamlFault::ResponseTooLarge.into());
        }
        let (mut response, mut relay_state) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            let field = match &*name {
                "SAMLResponse" => &mut response,
                "RelayState" => &mut relay_state,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return Err(SamlRefused::new(SamlFault::ResponseMissing, "a field twice"));
            }
        }
        let response = Hidden::new(response.ok_or(SamlFault::ResponseMissing)?);
        Ok(Self { response, relay_state })
    }

    /// Where the provider says to go afterwards; a stranger's text.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// The XML.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, SamlRefused> {
        let text = self.response.reveal();
        if text.len() > TEXT_BYTES_MAX {
            return Err(SamlFault::ResponseTooLarge.into());
        }
        // Some providers break the lines.
        let unbroken: Vec<u8> = text.bytes().filter(|it| !matches!(it, b'\r' | b'\n')).collect();
        STANDARD
            .decode(unbroken)
            .map_err(|_| SamlRefused::new(SamlFault::ResponseMissing, "SAMLResponse is not base64"))
    }

    /// The longest form, in bytes.
    pub const BYTES_MAX: usize = 512 * 1024;
}

/// 256 KiB of XML in base64, with ends of lines.
const TEXT_BYTES_MAX: usize = 360 * 1024;
