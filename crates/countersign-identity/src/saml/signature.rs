//! Enveloped XML signatures, in the one shape that SAML allows (SAML 2.0 Core §5.4): a signature is the
//! child of what it signs, has one reference, to that parent's ID, and exclusive canonicalisation.
//!
//! A key never comes out of the document: `KeyInfo` is not read. What was verified goes on as
//! [`Verified`], which nothing else makes, and whoever reads an assertion asks for one.

use super::{
    canonical::Canonical,
    certificate::{Certificate, Signing, unspaced_base64},
    names::{DSIG, ENVELOPED, EXCLUSIVE, SHA256},
    refused::{SamlFault, SamlRefused},
    xml::Element,
};
use crate::refused::shown;
use aws_lc_rs::digest;

/// An element that a trusted key has signed, alone or with what it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified<'d>(&'d Element);

impl<'d> Verified<'d> {
    pub(crate) fn element(self) -> &'d Element {
        self.0
    }

    /// Whether this very element is a child of it, so that the signature covers it.
    pub(crate) fn has_child(self, element: &Element) -> bool {
        let children = self.0.elements().unwrap_or_default();
        children.into_iter().any(|it| std::ptr::eq(it, element))
    }

    /// The assertion of this response: its child, or what its encrypted child holds. The caller has
    /// it from nowhere else.
    pub(crate) fn with_assertion<'a>(self, assertion: &'a Element) -> Verified<'a> {
        Verified(assertion)
    }
}

/// Verifies the signature of an element; `None` if it has none. Only direct children count.
pub(crate) fn verify<'d>(
    signed: &'d Element,
    keys: &[Certificate],
) -> Result<Option<Verified<'d>>, SamlRefused> {
    let malformed = |what: &str| SamlRefused::new(SamlFault::SignatureMalformed, what);
    let children = signed.elements().ok_or_else(|| malformed("text beside it"))?;
    let mut signatures = children.into_iter().filter(|it| it.is(DSIG, "Signature"));
    let signature = match (signatures.next(), signatures.next()) {
        (None, _) => return Ok(None),
        (Some(signature), None) => signature,
        (Some(_), Some(_)) => return Err(malformed("two signatures")),
    };
    let parts = parts_of(signature).ok_or_else(|| malformed("not its parts"))?;
    let reference = Reference::read(parts.reference)?;
    let id = signed.attribute("ID").filter(|it| !it.is_empty());
    if id.is_none() || reference.uri.strip_prefix('#') != id {
        return Err(malformed("its reference is not to what it stands in"));
    }
    let how = Signing::from_name(parts.method)
        .ok_or_else(|| SamlRefused::new(SamlFault::AlgorithmNotAllowed, shown(parts.method)))?;
    let content =
        Canonical { apex: signed, inclusive: &reference.inclusive, without: Some(signature) };
    if digest::digest(reference.digest, &content.bytes()).as_ref() != reference.value {
        return Err(SamlFault::DigestMismatch.into());
    }
    let inclusive = canonicalization(parts.canonicalization)?;
    let signed_info =
        Canonical { apex: parts.signed_info, inclusive: &inclusive, without: None }.bytes();
    let value = unspaced_base64(parts.value).ok_or_else(|| malformed("its value"))?;
    if keys.iter().any(|key| key.signed(how, &signed_info, &value)) {
        Ok(Some(Verified(signed)))
    } else {
        Err(SamlFault::SignatureInvalid.into())
    }
}

struct Parts<'d> {
    signed_info: &'d Element,
    canonicalization: &'d Element,
    method: &'d str,
    reference: &'d Element,
    value: &'d str,
}

/// `SignedInfo`, `SignatureValue`, perhaps `KeyInfo`, and nothing else: no `Object`, and one
/// `SignedInfo` with one `Reference`.
fn parts_of(signature: &Element) -> Option<Parts<'_>> {
    let children = signature.elements()?;
    let (signed_info, value) = match children.as_slice() {
        [info, value] => (*info, *value),
        [info, value, key] if key.is(DSIG, "KeyInfo") => (*info, *value),
        _ => return None,
    };
    let info = signed_info.elements()?;
    let [canonicalization, method, reference] = info.as_slice() else { return None };
    let named = signed_info.is(DSIG, "SignedInfo")
        && value.is(DSIG, "SignatureValue")
        && canonicalization.is(DSIG, "CanonicalizationMethod")
        && method.is(DSIG, "SignatureMethod")
        && reference.is(DSIG, "Reference");
    // A parameter of the method could only make it weaker.
    (named && method.children.is_empty()).then_some(Parts {
        signed_info,
        canonicalization,
        method: method.attribute("Algorithm")?,
        reference,
        value: value.text()?,
    })
}

struct Reference<'d> {
    uri: &'d str,
    inclusive: Vec<&'d str>,
    digest: &'static digest::Algorithm,
    value: Vec<u8>,
}

impl<'d> Reference<'d> {
    fn read(reference: &'d Element) -> Result<Self, SamlRefused> {
        let malformed = |what: &str| SamlRefused::new(SamlFault::SignatureMalformed, what);
        let children = reference.elements().ok_or_else(|| malformed("its reference"))?;
        let [transforms, method, value] = children.as_slice() else {
            return Err(malformed("its reference"));
        };
        let named = transforms.is(DSIG, "Transforms")
            && method.is(DSIG, "DigestMethod")
            && value.is(DSIG, "DigestValue");
        let uri = reference.attribute("URI").filter(|_| named);
        let uri = uri.ok_or_else(|| malformed("its reference"))?;
        let steps = transforms.elements().unwrap_or_default();
        let [enveloped, exclusive] = steps.as_slice() else {
            return Err(malformed("its transforms"));
        };
        let right = enveloped.is(DSIG, "Transform")
            && enveloped.attribute("Algorithm") == Some(ENVELOPED)
            && enveloped.children.is_empty()
            && exclusive.is(DSIG, "Transform");
        if !right {
            return Err(malformed("its transforms"));
        }
        let name = method.attribute("Algorithm").unwrap_or_default();
        let digest = match name {
            SHA256 => &digest::SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
            _ => return Err(SamlRefused::new(SamlFault::AlgorithmNotAllowed, shown(name))),
        };
        let value = value.text().and_then(unspaced_base64);
        let value = value.ok_or_else(|| malformed("its digest"))?;
        Ok(Self { uri, inclusive: canonicalization(exclusive)?, digest, value })
    }
}

/// The prefixes that exclusive canonicalisation is to treat as inclusive; no other canonicalisation.
fn canonicalization(method: &Element) -> Result<Vec<&str>, SamlRefused> {
    let name = method.attribute("Algorithm").unwrap_or_default();
    if name != EXCLUSIVE {
        return Err(SamlRefused::new(SamlFault::AlgorithmNotAllowed, shown(name)));
    }
    let malformed = || SamlRefused::new(SamlFault::SignatureMalformed, "its canonicalisation");
    let children = method.elements().ok_or_else(malformed)?;
    match children.as_slice() {
        [] => Ok(Vec::new()),
        [prefixes] if prefixes.is(EXCLUSIVE, "InclusiveNamespaces") => {
            let list = prefixes.attribute("PrefixList").ok_or_else(malformed)?;
            let prefixes: Vec<_> = list.split_ascii_whitespace().collect();
            if prefixes.len() > PREFIXES_MAX { Err(malformed()) } else { Ok(prefixes) }
        }
        _ => Err(malformed()),
    }
}

const PREFIXES_MAX: usize = 32;
