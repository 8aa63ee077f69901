//! The signed request that begins a sign-in, as an address to send the browser to (SAML 2.0 Bindings
//! §3.4, Profiles §4.1.4.1), and what is kept until the browser comes back.

use super::{
    metadata::escaped,
    names::{ASSERTION, POST, PROTOCOL},
    own_key::OwnKey,
    refused::{SamlFault, SamlRefused},
};
use crate::Hidden;
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_model::{Entropy, Span, Timestamp};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

/// A sign-in that has begun and not ended. Kept where only the same browser can bring it back: in a
/// sealed cookie. Used once, at most 10 minutes old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPending {
    provider: String,
    request: Hidden,
    began_at: Timestamp,
}

impl SamlPending {
    pub(crate) fn new(provider: &str, now: Timestamp, entropy: &Entropy) -> Self {
        // An ID is a name of XML, which no digit may begin.
        let hex: String = entropy.bytes::<16>().iter().map(|it| format!("{it:02x}")).collect();
        let request = Hidden::new(format!("_{hex}"));
        Self { provider: provider.to_owned(), request, began_at: now }
    }

    /// The configured name of the provider.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The ID of the request.
    pub(crate) fn request(&self) -> &str {
        self.request.reveal()
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
    pub(crate) sign_in: &'a Url,
    pub(crate) name_id_format: Option<&'a str>,
}

impl Asking<'_> {
    /// The address with the request and its signature. There is no `RelayState`: where to go
    /// afterwards is our own affair.
    pub(crate) fn url(&self, pending: &SamlPending, key: &OwnKey) -> Result<String, SamlRefused> {
        let deflated = stored(self.request(pending).as_bytes());
        let deflated = deflated.ok_or(SamlFault::RequestNotMade)?;
        // Signed are these very characters, in this order (Bindings §3.4.4.1).
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("SAMLRequest", &STANDARD.encode(deflated));
        query.append_pair("SigAlg", RSA_SHA256);
        let signed = query.finish();
        let signature = key.sign(signed.as_bytes())?;
        let mut query = form_urlencoded::Serializer::new(signed);
        query.append_pair("Signature", &STANDARD.encode(signature));
        let mark = if self.sign_in.query().is_some() { '&' } else { '?' };
        Ok(format!("{}{mark}{}", self.sign_in, query.finish()))
    }

    fn request(&self, pending: &SamlPending) -> String {
        let policy = self.name_id_format.map_or_else(String::new, |format| {
            let format = escaped(format);
            format!("<samlp:NameIDPolicy Format=\"{format}\" AllowCreate=\"true\"/>")
        });
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{}\" \
             Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{}\" ProtocolBinding=\"{POST}\" \
             AssertionConsumerServiceURL=\"{}\"><saml:Issuer>{}</saml:Issuer>{policy}\
             </samlp:AuthnRequest>",
            pending.request(),
            pending.began_at,
            escaped(self.sign_in.as_str()),
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
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
