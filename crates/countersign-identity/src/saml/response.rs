//! Judges a response (SAML 2.0 Core §3.3.3, Profiles §4.1.4.3): bytes in, one believed assertion out, or
//! the one reason why not. Pure: keys, names and the time are handed in.
//!
//! The order: shape of the XML, shape of the response, signatures, and only then what it says. What it
//! says about a person is read from the element that was verified, and from no other.

use super::{
    assertion::{self, Believed},
    certificate::Certificate,
    config::AesCbc,
    encryption::{self, Cbc, Sealed},
    names::{ASSERTION, DSIG, ENTITY, PROTOCOL, SUCCESS},
    refused::{SamlFault, SamlRefused},
    signature::{self, Verified},
    xml::{self, Comments, Element},
};
use crate::refused::shown;
use aws_lc_rs::rsa::OaepPrivateDecryptingKey;
use countersign_model::{Span, Timestamp};

/// What a response is held against.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'r> {
    /// The provider's name, which both the response and the assertion must have.
    pub(crate) issuer: &'r str,
    /// Its keys.
    pub(crate) keys: &'r [Certificate],
    /// Our names, of which it must have one.
    pub(crate) audiences: &'r [String],
    /// Where it may be shown.
    pub(crate) recipients: &'r [String],
    pub(crate) decrypting: &'r OaepPrivateDecryptingKey,
    pub(crate) aes_cbc: AesCbc,
    /// The request of this browser that is being answered, if there is one.
    pub(crate) request: Option<&'r str>,
    pub(crate) unsolicited: Unsolicited,
    /// How far the provider's clock may be off.
    pub(crate) skew: Span,
    pub(crate) now: Timestamp,
}

/// What to do with a response that answers no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsolicited {
    Refuse,
    Accept,
    /// There is no response: an assertion is shown by itself, and whoever had it made knows whether it
    /// answers a request of theirs.
    Apart,
}

/// Judges a response.
pub(crate) fn judge(bytes: &[u8], rules: Rules<'_>) -> Result<Believed, SamlRefused> {
    let response = xml::parse(bytes, Comments::Refuse)?;
    let parts = Parts::of(&response)?;
    let whole = signature::verify(&response, rules.keys)?;
    rules.check_response(&response, &parts)?;
    let [holder] = parts.assertions.as_slice() else {
        return Err(SamlFault::AssertionCount.into());
    };
    let opened;
    let (assertion, sealed) = if holder.is(ASSERTION, "Assertion") {
        (*holder, Sealed::Tight)
    } else {
        let cbc = Cbc::of(rules.aes_cbc, whole, holder);
        opened = encryption::open(holder, rules.decrypting, cbc)?;
        (&opened.assertion, opened.sealed)
    };
    let own = signature::verify(assertion, rules.keys).map_err(|refused| match sealed {
        Sealed::Tight => refused,
        // Another answer than that of bad padding would be one to ask for.
        Sealed::Loosely => SamlFault::DecryptionFailed.into(),
    })?;
    let verified = own.or(whole.map(|it: Verified<'_>| it.with_assertion(assertion)));
    let believed = assertion::read(verified.ok_or(SamlFault::SignatureMissing)?, rules)?;
    // Both say which request they answer, or neither does.
    if response.attribute("InResponseTo") != believed.in_response_to.as_deref() {
        return Err(SamlFault::InResponseToMismatch.into());
    }
    Ok(believed)
}

/// Judges an assertion that is shown by itself, outside of any response: only its own signature counts.
pub(crate) fn judge_alone(assertion: &Element, rules: Rules<'_>) -> Result<Believed, SamlRefused> {
    let verified = signature::verify(assertion, rules.keys)?;
    assertion::read(verified.ok_or(SamlFault::SignatureMissing)?, rules)
}

/// The parts of a response.
struct Parts<'d> {
    issuer: &'d Element,
    status: &'d Element,
    assertions: Vec<&'d Element>,
}

impl<'d> Parts<'d> {
    /// In the order of the schema, and nothing else. `Extensions` could hide another assertion.
    fn of(response: &'d Element) -> Result<Self, SamlRefused> {
        let malformed = |what: &str| SamlRefused::new(SamlFault::ResponseMalformed, what);
        let named = response.is(PROTOCOL, "Response")
            && response.attribute("Version") == Some("2.0")
            && response.attribute("ID").is_some_and(|it| !it.is_empty());
        if !named {
            return Err(malformed("no Response of SAML 2.0 with an ID"));
        }
        let children = response.elements().ok_or_else(|| malformed("text between elements"))?;
        let mut rest = children.into_iter().peekable();
        let issuer = rest.next_if(|it| it.is(ASSERTION, "Issuer"));
        let issuer = issuer.ok_or_else(|| malformed("it does not begin with its Issuer"))?;
        // Two of them are the signature's fault, not the shape's.
        while rest.next_if(|it| it.is(DSIG, "Signature")).is_some() {}
        let status = rest.next_if(|it| it.is(PROTOCOL, "Status"));
        let status = status.ok_or_else(|| malformed("no Status behind Issuer and Signature"))?;
        let assertions: Vec<_> = rest.collect();
        let known =
            |it: &&Element| it.is(ASSERTION, "Assertion") || it.is(ASSERTION, "EncryptedAssertion");
        if !assertions.iter().all(known) {
            return Err(malformed("something behind Status that is no assertion"));
        }
        Ok(Self { issuer, status, assertions })
    }
}

impl Rules<'_> {
    fn check_response(&self, response: &Element, parts: &Parts<'_>) -> Result<(), SamlRefused> {
        self.check_issuer(parts.issuer)?;
        let destination = response.attribute("Destination").unwrap_or_default();
        if !self.recipients.iter().any(|it| it == destination) {
            return Err(SamlRefused::new(SamlFault::DestinationMismatch, shown(destination)));
        }
        let malformed = || SamlRefused::new(SamlFault::ResponseMalformed, "its Status");
        let codes = parts.status.elements().ok_or_else(malformed)?;
        let code = codes.first().filter(|it| it.is(PROTOCOL, "StatusCode"));
        let code = code.ok_or_else(malformed)?;
        let value = code.attribute("Value").unwrap_or_default();
        if value != SUCCESS {
            let inner = code.elements().unwrap_or_default();
            let inner = inner.first().and_then(|it| it.attribute("Value")).unwrap_or_default();
            let told = format!("{}, {}", shown(value), shown(inner));
            return Err(SamlRefused::new(SamlFault::Denied, told));
        }
        Ok(())
    }

    /// Whether an `Issuer` names the provider.
    pub(crate) fn check_issuer(&self, issuer: &Element) -> Result<(), SamlRefused> {
        let named = issuer.text().unwrap_or_default();
        let entity = issuer.attribute("Format").is_none_or(|it| it == ENTITY);
        if named == self.issuer && entity {
            return Ok(());
        }
        Err(SamlRefused::new(SamlFault::IssuerMismatch, shown(named)))
    }
}
