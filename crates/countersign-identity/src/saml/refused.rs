//! Why a sign-in by SAML did not succeed: one [`SamlFault`] per way to fail, with a stable code, a
//! sentence for the person and, apart from both, a detail for the operator. Nothing here ever holds a
//! piece of an assertion beyond names of algorithms and entities, shortened and escaped.

use super::xml::BadXml;
use std::fmt;

/// A sign-in by SAML that did not succeed.
#[derive(Clone, PartialEq, Eq)]
pub struct SamlRefused {
    fault: SamlFault,
    detail: Box<str>,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $sentence:literal;)+) => {
        /// One variant per way to fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SamlFault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl SamlFault {
            /// All of them, in the order in which a sign-in can meet them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// A stable, machine-readable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What to tell the person.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
        }
    };
}

faults! {
    /// More sign-ins than one provider may cause.
    TooBusy = "sign_in_busy", "Too many sign-ins at the moment; try again in a few seconds.";
    /// The provider's metadata could not be had, or can't be used.
    MetadataUnavailable = "metadata_unavailable",
        "The identity provider's metadata can't be used at the moment.";
    /// The request could not be made.
    RequestNotMade = "request_not_made", "The request to the identity provider could not be made.";
    /// The form has no `SAMLResponse`, or says something twice.
    ResponseMissing = "response_missing", "The identity provider sent no usable response.";
    /// The response is longer than 256 KiB.
    ResponseTooLarge = "response_too_large", "The identity provider's response is too long.";
    /// No sign-in of this browser waits for a response, and none was asked for.
    Unsolicited = "unsolicited",
        "This sign-in was not begun here, in this browser; begin it at Countersign.";
    /// More than 10 minutes have passed.
    SignInExpired = "sign_in_expired", "The sign-in took longer than 10 minutes; start again.";
    /// There is a document type.
    XmlDoctype = "xml_doctype", "The message holds a document type, which no SAML message has.";
    /// There is a comment, an entity, a processing instruction or the like, or too much of something.
    XmlNotAllowed = "xml_not_allowed", "The message holds what no SAML message has.";
    /// It is not XML.
    XmlMalformed = "xml_malformed", "The message is not well-formed XML.";
    /// Two elements have the same ID.
    XmlDuplicateId = "xml_duplicate_id", "The message has the same ID twice.";
    /// It is not a response of SAML 2.0 in its usual shape.
    ResponseMalformed = "response_malformed", "The response is not a usual response of SAML 2.0.";
    /// Not exactly one assertion.
    AssertionCount = "assertion_count", "The response does not hold exactly one assertion.";
    /// A signature is not in the one shape that is accepted.
    SignatureMalformed = "signature_malformed",
        "A signature of the message is not in the accepted shape.";
    /// An algorithm that is not accepted: SHA-1, HMAC, other canonicalisations.
    AlgorithmNotAllowed = "algorithm_not_allowed",
        "The message is signed with an algorithm that is not accepted.";
    /// What is signed was changed.
    DigestMismatch = "digest_mismatch", "The message was changed after it was signed.";
    /// No pinned key made the signature.
    SignatureInvalid = "signature_invalid", "The message is not signed by the identity provider.";
    /// The provider said no.
    Denied = "denied_by_issuer", "The identity provider refused the sign-in.";
    /// It is from somebody else.
    IssuerMismatch = "issuer_mismatch", "The message comes from another identity provider.";
    /// It is for another address.
    DestinationMismatch = "destination_mismatch", "The response is for another address.";
    /// The encryption is not one that is accepted: PKCS #1 v1.5, or CBC where it may not be.
    EncryptionNotAllowed = "encryption_not_allowed",
        "The assertion is encrypted in a way that is not accepted.";
    /// The assertion can't be decrypted.
    DecryptionFailed = "decryption_failed", "The assertion can't be decrypted.";
    /// Neither the response nor the assertion is signed.
    SignatureMissing = "signature_missing", "The assertion is not signed.";
    /// The assertion is not in its usual shape, or holds a condition that is not known.
    AssertionMalformed = "assertion_malformed", "The assertion is not a usual assertion of SAML 2.0.";
    /// It is not for whoever bears it.
    ConfirmationNotAccepted = "confirmation_not_accepted",
        "The assertion is not confirmed in the accepted way.";
    /// It is for another address.
    RecipientMismatch = "recipient_mismatch", "The assertion is for another address.";
    /// It answers another sign-in.
    InResponseToMismatch = "in_response_to_mismatch", "The assertion answers another sign-in.";
    /// It is for another service, or does not say for whom.
    AudienceMismatch = "audience_mismatch", "The assertion is for another service.";
    /// It has ended.
    AssertionExpired = "assertion_expired", "The assertion has ended; start again.";
    /// It has not begun.
    AssertionNotYetValid = "assertion_not_yet_valid",
        "The assertion is not valid yet; the clocks may differ.";
    /// The session at the provider has ended.
    SessionEnded = "session_ended", "The session at the identity provider has ended.";
    /// The provider was to ask anew who it is, and did not.
    NotAskedAnew = "not_asked_anew", "The identity provider did not ask you anew who you are.";
    /// There is no usable subject.
    SubjectMissing = "subject_missing", "The assertion names no usable subject.";
    /// The subject belongs to another source of identities, or is good for this once only.
    SubjectNotAccepted = "subject_not_accepted", "The assertion names a subject that it may not name.";
    /// An attribute can't be used.
    AttributeInvalid = "attribute_invalid", "An attribute of the assertion can't be used.";
    /// The assertion was used before.
    AssertionReplayed = "assertion_replayed", "The assertion was used before.";
    /// The sign-in was finished before.
    RequestReplayed = "request_replayed", "This sign-in was finished before; start again.";
    /// The configuration takes no assertions of this provider at `/oauth/token`.
    ExchangeNotAllowed = "exchange_not_allowed",
        "Assertions of this identity provider are not taken as subject tokens.";
    /// Nobody knows whether it was used before.
    RegisterUnavailable = "register_unavailable",
        "It can't be found out at the moment whether the assertion was used before.";
}

impl SamlRefused {
    pub(crate) fn new(fault: SamlFault, detail: impl Into<Box<str>>) -> Self {
        Self { fault, detail: detail.into() }
    }

    /// Which way it failed.
    pub const fn fault(&self) -> SamlFault {
        self.fault
    }

    /// A stable, machine-readable code.
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What to tell the person.
    pub const fn sentence(&self) -> &'static str {
        self.fault.sentence()
    }

    /// What the operator should know beyond the code; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<SamlFault> for SamlRefused {
    fn from(fault: SamlFault) -> Self {
        Self::new(fault, "")
    }
}

impl From<BadXml> for SamlRefused {
    fn from(bad: BadXml) -> Self {
        let fault = match bad {
            BadXml::Doctype => SamlFault::XmlDoctype,
            BadXml::NotAllowed(_) => SamlFault::XmlNotAllowed,
            BadXml::Malformed(_) => SamlFault::XmlMalformed,
            BadXml::DuplicateId => SamlFault::XmlDuplicateId,
        };
        Self::new(fault, bad.to_string())
    }
}

impl fmt::Display for SamlRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for SamlRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlRefused")
            .field("fault", &self.fault)
            .field("detail", &self.detail)
            .finish()
    }
}

impl std::error::Error for SamlRefused {}
