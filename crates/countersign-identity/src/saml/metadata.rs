//! Metadata (SAML 2.0 Metadata): reads what the provider publishes, and writes what we do.
//!
//! A provider's document says where people sign in and with which keys it signs; of those keys only the
//! pinned ones count, or all of them if the document itself is signed by a key of the configuration.

use super::{
    assertion::time,
    certificate::Certificate,
    config::{AesCbc, RequestBinding, SamlConfig},
    names::{DSIG, METADATA, POST, PROTOCOL, REDIRECT},
    signature,
    xml::{self, Comments, Element},
};
use countersign_model::{Span, Timestamp};
use std::fmt::Write as _;
use url::Url;

/// What is known of a provider.
#[derive(Clone, Debug)]
pub(crate) struct ProviderMetadata {
    /// Where requests go.
    pub(crate) sign_in: SignInPlace,
    /// The keys that may sign responses.
    pub(crate) keys: Vec<Certificate>,
    /// When the document says that it ends.
    pub(crate) valid_until: Option<Timestamp>,
}

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub(crate) enum SignInPlace {
    Redirect(Url),
    Post(Url),
}

/// Which keys of a document are believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust<'t> {
    /// Fingerprints of certificates; if there are any, no other key counts.
    pub(crate) pinned: &'t [String],
    /// Keys of which one must have signed the document.
    pub(crate) signers: &'t [Certificate],
}

/// A document that can't be used. Says what is wrong for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadMetadata(pub(crate) String);

/// Reads a provider's document: one `EntityDescriptor`, of this entity.
pub(crate) fn read(
    bytes: &[u8],
    entity_id: &str,
    binding: Option<RequestBinding>,
    trust: Trust<'_>,
    now: Timestamp,
) -> Result<ProviderMetadata, BadMetadata> {
    let bad = |what: &str| BadMetadata(what.to_owned());
    let document =
        xml::parse(bytes, Comments::Skip).map_err(|it| bad(&format!("not usable XML: {it}")))?;
    if !document.is(METADATA, "EntityDescriptor") {
        return Err(bad("the root is no EntityDescriptor: name a document of this one provider"));
    }
    if document.attribute("entityID") != Some(entity_id) {
        return Err(bad("its entityID is not the configured entity_id"));
    }
    let valid_until =
        time(&document, "validUntil").map_err(|_| bad("its validUntil is no time"))?;
    if valid_until.is_some_and(|it| now >= it) {
        return Err(bad("it has ended: validUntil has passed"));
    }
    if !trust.signers.is_empty() {
        let verified = signature::verify(&document, trust.signers);
        let verified = verified.map_err(|it| bad(&format!("its signature: {it}")))?;
        verified.ok_or_else(|| bad("it is not signed"))?;
        if valid_until.is_none() {
            // Otherwise an old one, with a key that leaked since, would be good for ever.
            return Err(bad("it is signed, but has no validUntil"));
        }
    }
    let roles = document.elements().unwrap_or_default();
    let mut roles = roles.into_iter().filter(|it| {
        let protocols = it.attribute("protocolSupportEnumeration").unwrap_or_default();
        it.is(METADATA, "IDPSSODescriptor") && protocols.split_whitespace().any(|it| it == PROTOCOL)
    });
    let (Some(role), None) = (roles.next(), roles.next()) else {
        return Err(bad("it has not exactly one IDPSSODescriptor of SAML 2.0"));
    };
    let role = role.elements().ok_or_else(|| bad("text in its IDPSSODescriptor"))?;
    let keys = keys(&role, trust.pinned);
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(bad("none of its keys is pinned and usable, or too many are"));
    }
    Ok(ProviderMetadata { sign_in: sign_in(&role, binding)?, keys, valid_until })
}

fn keys(role: &[&Element], pinned: &[String]) -> Vec<Certificate> {
    let mut keys: Vec<Certificate> = Vec::new();
    let signing = role.iter().filter(|it| {
        let usage = it.attribute("use");
        it.is(METADATA, "KeyDescriptor") && usage.is_none_or(|it| it == "signing")
    });
    for descriptor in signing {
        let mut inside = vec![*descriptor];
        for (namespace, name) in [(DSIG, "KeyInfo"), (DSIG, "X509Data"), (DSIG, "X509Certificate")]
        {
            let next = inside.iter().flat_map(|it| it.elements().unwrap_or_default());
            inside = next.filter(|it| it.is(namespace, name)).collect();
        }
        for text in inside.iter().filter_map(|it| it.text()) {
            let Some(key) = Certificate::from_text(text) else { continue };
            let counts = pinned.is_empty() || pinned.contains(&key.fingerprint());
            if counts && !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// By the binding of the configuration; without one, by redirect rather than by a form.
fn sign_in(role: &[&Element], binding: Option<RequestBinding>) -> Result<SignInPlace, BadMetadata> {
    let at = |name: &str| {
        let mut services = role.iter().filter(|it| {
            it.is(METADATA, "SingleSignOnService") && it.attribute("Binding") == Some(name)
        });
        services.next().and_then(|it| it.attribute("Location"))
    };
    let redirect = || at(REDIRECT).map(|it| place(it).map(SignInPlace::Redirect));
    let post = || at(POST).map(|it| place(it).map(SignInPlace::Post));
    let (found, wanted) = match binding {
        None => (redirect().or_else(post), "HTTP-Redirect or HTTP-POST"),
        Some(RequestBinding::Redirect) => (redirect(), "HTTP-Redirect"),
        Some(RequestBinding::Post) => (post(), "HTTP-POST"),
    };
    found.ok_or_else(|| BadMetadata(format!("it has no SingleSignOnService with {wanted}")))?
}

fn place(location: &str) -> Result<Url, BadMetadata> {
    Url::parse(location)
        .ok()
        .filter(|it| matches!(it.scheme(), "https" | "http") && it.host().is_some())
        .filter(|it| it.fragment().is_none())
        .ok_or_else(|| BadMetadata("the Location of its SingleSignOnService is no URL".to_owned()))
}

/// Our own document, which anybody may read.
pub(crate) fn write(
    entity_id: &str,
    recipient: &str,
    certificate: &Certificate,
    config: &SamlConfig,
) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"{}\">\n\
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">\n",
        escaped(entity_id)
    );
    let cbc: &[&str] = match config.aes_cbc {
        AesCbc::Refuse => &[],
        AesCbc::InSignedResponses => &ENCRYPTION_CBC,
    };
    let encryption = [&ENCRYPTION, cbc, &TRANSPORT].concat();
    for (usage, methods) in [("signing", vec![]), ("encryption", encryption)] {
        // Writing to a string can't fail.
        let _ = write!(
            text,
            "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            certificate.to_text()
        );
        for method in methods {
            let _ = write!(text, "<md:EncryptionMethod Algorithm=\"{method}\"/>");
        }
        text.push_str("</md:KeyDescriptor>\n");
    }
    if let Some(format) = &config.name_id_format {
        let _ = writeln!(text, "<md:NameIDFormat>{}</md:NameIDFormat>", escaped(format));
    }
    let _ = write!(
        text,
        "<md:AssertionConsumerService Binding=\"{POST}\" Location=\"{}\" index=\"0\" \
         isDefault=\"true\"/>\n</md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
        escaped(recipient)
    );
    text
}

/// For a text or an attribute in double quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// How long what was read is used when it can't be read again.
pub(crate) const USABLE: Span = Span::from_days(1);
const KEYS_MAX: usize = 8;
/// What we like best stands first.
const ENCRYPTION: [&str; 2] =
    ["http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2009/xmlenc11#aes128-gcm"];
const ENCRYPTION_CBC: [&str; 2] =
    ["http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"];
const TRANSPORT: [&str; 1] = ["http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"];
