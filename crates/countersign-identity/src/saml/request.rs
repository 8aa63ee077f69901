//! The signed request that begins a sign-in, as an address to send the browser to or a form that it posts
//! (SAML 2.0 Bindings §3.4 and §3.5, Profiles §4.1.4.1), and what is kept until the browser comes back.

use super::{
    metadata::{SignInPlace, escaped},
    names::{ASSERTION, POST, PROTOCOL, RSA_SHA256},
    own_key::OwnKey,
    refused::{SamlFault, SamlRefused},
    signing,
};
use crate::{Hidden, Round};
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_model::{Entropy, Span, Timestamp};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

/// How the browser takes a request to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlRequest {
    /// It goes to this address (HTTP-Redirect).
    Address(String),
    /// It posts a form (HTTP-POST).
    Form(SamlRequestForm),
}

/// The form of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlRequestForm {
    /// Where it is posted to.
    pub action: String,
    /// Scheme, host and port of that.
    pub site: String,
    /// The value of its one field, `SAMLRequest`.
    pub saml_request: String,
}

/// A sign-in that has begun and not ended. Kept where only the same browser can bring it back: in a
/// sealed cookie. Used once, at most 10 minutes old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPending {
    provider: String,
    request: Hidden,
    began_at: Timestamp,
    #[serde(default)]
    round: Round,
}

impl SamlPending {
    pub(crate) fn new(provider: &str, round: Round, now: Timestamp, entropy: &Entropy) -> Self {
        // An ID is a name of XML, which no digit may begin.
        let hex: String = entropy.bytes::<16>().iter().map(|it| format!("{it:02x}")).collect();
        let request = Hidden::new(format!("_{hex}"));
        Self { provider: provider.to_owned(), request, began_at: now, round }
    }

    /// The configured name of the provider.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The ID of the request.
    pub(crate) fn request(&self) -> &str {
        self.request.reveal()
    }

    /// Whether a proof from then is of this round, where the provider was to ask anew.
    pub(crate) fn takes(&self, authenticated_at: Timestamp, skew: Span) -> bool {
        match self.round {
            Round::Ordinary => true,
            Round::Anew => authenticated_at >= self.began_at.minus(skew),
        }
    }

    /// When it ends, whatever happens.
    pub(crate) fn ends_at(&self) -> Timestamp {
        self.began_at.plus(PENDING_SPAN_MAX)
    }

    pub(crate) fn is_in_time(&self, now: Timestamp) -> bool {
        (0..PENDING_SPAN_MAX.millis()).contains(&now.since(self.began_at).millis())
    }
}

/// Who asks whom, and where the answer goes.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) entity_id: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) sign_in: &'a SignInPlace,
    pub(crate) name_id_format: Option<&'a str>,
}

impl Asking<'_> {
    /// The request with its signature. There is no `RelayState`: where to go afterwards is our own
    /// affair.
    pub(crate) fn signed(
        &self,
        pending: &SamlPending,
        key: &OwnKey,
    ) -> Result<SamlRequest, SamlRefused> {
        match self.sign_in {
            SignInPlace::Redirect(place) => self.address(place, pending, key),
            SignInPlace::Post(place) => self.form(place, pending, key),
        }
    }

    fn form(
        &self,
        place: &Url,
        pending: &SamlPending,
        key: &OwnKey,
    ) -> Result<SamlRequest, SamlRefused> {
        let signed = signing::enveloped(&self.request(place, pending), key)?;
        let saml_request = STANDARD.encode(signed);
        let (action, site) = (place.to_string(), place.origin().ascii_serialization());
        Ok(SamlRequest::Form(SamlRequestForm { action, site, saml_request }))
    }

    fn address(
        &self,
        place: &Url,
        pending: &SamlPending,
        key: &OwnKey,
    ) -> Result<SamlRequest, SamlRefused> {
        let deflated = stored(self.request(place, pending).as_bytes());
        let deflated = deflated.ok_or(SamlFault::RequestNotMade)?;
        // Signed are these very characters, in this order (Bindings §3.4.4.1).
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("SAMLRequest", &STANDARD.encode(deflated));
        query.append_pair("SigAlg", RSA_SHA256);
        let signed = query.finish();
        let signature = key.sign(signed.as_bytes())?;
        let mut query = form_urlencoded::Serializer::new(signed);
        query.append_pair("Signature", &STANDARD.encode(signature));
        let mark = if place.query().is_some() { '&' } else { '?' };
        Ok(SamlRequest::Address(format!("{place}{mark}{}", query.finish())))
    }

    fn request(&self, place: &Url, pending: &SamlPending) -> String {
        let policy = self.name_id_format.map_or_else(String::new, |format| {
            let format = escaped(format);
            format!("<samlp:NameIDPolicy Format=\"{format}\" AllowCreate=\"true\"/>")
        });
        let anew = match pending.round {
            Round::Ordinary => "",
            Round::Anew => " ForceAuthn=\"true\"",
        };
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{}\" \
             Version=\"2.0\"{anew} IssueInstant=\"{}\" Destination=\"{}\" ProtocolBinding=\"{POST}\" \
             AssertionConsumerServiceURL=\"{}\"><saml:Issuer>{}</saml:Issuer>{policy}\
             </samlp:AuthnRequest>",
            pending.request(),
            pending.began_at,
            escaped(place.as_str()),
            escaped(self.recipient),
            escaped(self.entity_id),
        )
    }
}

/// The bytes as one stored block of DEFLATE (RFC 1951 §3.2.4): a request is short, and nobody gains
/// from its being shorter.
fn stored(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    let mut block = vec![1];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(bytes);
    Some(block)
}

const PENDING_SPAN_MAX: Span = Span::from_seconds(600);
