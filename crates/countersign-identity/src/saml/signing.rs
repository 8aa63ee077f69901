//! Signs a message of our own with an enveloped signature, in the shape that [`super::signature`] wants
//! of others (SAML 2.0 Core §5.4).

use super::{
    canonical::Canonical,
    names::{DSIG, ENVELOPED, EXCLUSIVE, RSA_SHA256, SHA256},
    own_key::OwnKey,
    refused::{SamlFault, SamlRefused},
    xml::{self, Comments, Element},
};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};

/// The message with its signature behind its `Issuer`, where the schema has it.
pub(crate) fn enveloped(message: &str, key: &OwnKey) -> Result<String, SamlRefused> {
    let element = read(message)?;
    let id = element.attribute("ID").ok_or(SamlFault::RequestNotMade)?;
    let content = digest::digest(&digest::SHA256, &canonical(&element));
    let inside = format!(
        "<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/><ds:SignatureMethod \
         Algorithm=\"{RSA_SHA256}\"/><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{SHA256}\"/><ds:DigestValue>{}</ds:DigestValue>\
         </ds:Reference>",
        STANDARD.encode(content)
    );
    let info = format!("<ds:SignedInfo xmlns:ds=\"{DSIG}\">{inside}</ds:SignedInfo>");
    let value = key.sign(&canonical(&read(&info)?))?;
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        STANDARD.encode(value),
        key.certificate.to_text(),
    );
    let (before, behind) = message.split_once(ISSUER_END).ok_or(SamlFault::RequestNotMade)?;
    Ok(format!("{before}{ISSUER_END}{signature}{behind}"))
}

fn read(message: &str) -> Result<Element, SamlRefused> {
    xml::parse(message.as_bytes(), Comments::Refuse)
        .map_err(|bad| SamlRefused::new(SamlFault::RequestNotMade, bad.to_string()))
}

fn canonical(element: &Element) -> Vec<u8> {
    Canonical { apex: element, inclusive: &[], without: None }.bytes()
}

const ISSUER_END: &str = "</saml:Issuer>";
