//! Assertions that are shown by themselves, at the token endpoint, as proof of a user (RFC 8693 §3,
//! RFC 7522 §3): judged by the very code that judges sign-ins, for other addresses. Nothing of a browser
//! or of a request is known here.

use super::{SamlSignIn, State};
use crate::{
    refused::shown,
    saml::{
        assertion::Believed,
        certificate::Certificate,
        encryption::{self, Cbc},
        names::ASSERTION,
        refused::{SamlFault, SamlRefused},
        response::{self, Rules, Unsolicited},
        xml::{self, Comments, Element},
    },
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use countersign_model::{Caller, Timestamp};

/// Whom a shown assertion names.
#[derive(Debug)]
pub(crate) struct SamlShown {
    /// The person, with the scopes of the configuration, until the assertion ends.
    pub(crate) caller: Caller,
    /// The issuer's `entityID` and the assertion's ID: the name by which it is good for once.
    pub(crate) once: String,
    /// From when its times refuse it, the clock's skew included.
    pub(crate) refused_from: Timestamp,
}

impl SamlSignIn {
    /// Judges an assertion in base64url, with the one provider that made it. Whether it was used before
    /// is not asked here.
    pub(crate) async fn judge_shown(
        providers: &[Self],
        text: &str,
    ) -> Result<SamlShown, SamlRefused> {
        let malformed = |what: &str| SamlRefused::new(SamlFault::AssertionMalformed, what);
        let bytes = BASE64URL.decode(text).map_err(|_| malformed("not base64url"))?;
        let root = xml::parse(&bytes, Comments::Refuse)?;
        let opened;
        let assertion = if root.is(ASSERTION, "EncryptedAssertion") {
            opened = Self::open_shown(providers, &root)?;
            &opened
        } else if root.is(ASSERTION, "Assertion") {
            &root
        } else {
            return Err(malformed("no assertion by itself"));
        };
        // Only a choice: whose keys and whose rules it is held against.
        let issuer = assertion.elements().unwrap_or_default();
        let issuer = issuer.first().filter(|it| it.is(ASSERTION, "Issuer"));
        let issuer = issuer.and_then(|it| it.text()).unwrap_or_default();
        let provider = providers.iter().find(|it| it.0.config.entity_id == issuer);
        let unknown = || SamlRefused::new(SamlFault::IssuerMismatch, shown(issuer));
        provider.ok_or_else(unknown)?.believe_shown(assertion).await
    }

    /// Whose key opens it says nothing of who made it.
    fn open_shown(providers: &[Self], around: &Element) -> Result<Element, SamlRefused> {
        let mut refused = SamlFault::ExchangeNotAllowed.into();
        for provider in providers.iter().filter(|it| it.0.shown.is_some()) {
            // No response is around it that could be signed.
            let cbc = Cbc::of(provider.0.config.aes_cbc, None, around);
            match encryption::open(around, &provider.0.key.decrypting, cbc) {
                Ok(opened) => return Ok(opened.assertion),
                Err(it) => refused = it,
            }
        }
        Err(refused)
    }

    async fn believe_shown(&self, assertion: &Element) -> Result<SamlShown, SamlRefused> {
        let State { shown, person, .. } = &*self.0;
        let Some(rules) = shown else {
            return Err(SamlRefused::new(SamlFault::ExchangeNotAllowed, self.name()));
        };
        let known = self.known().await?;
        let now = self.0.clock.now();
        let judge = |keys: &[Certificate]| {
            let rules = Rules {
                keys,
                audiences: &rules.audiences,
                recipients: &rules.recipients,
                unsolicited: Unsolicited::Apart,
                ..self.rules(now)
            };
            response::judge_alone(assertion, rules)
        };
        let believed = match judge(&known.metadata.keys) {
            // Its key may be a new one.
            Err(refused) if refused.fault() == SamlFault::SignatureInvalid => {
                let newer = self.read_again(&known).await.ok_or(refused)?;
                judge(&newer.metadata.keys)?
            }
            judged => judged?,
        };
        let caller = person.caller(&believed)?;
        Ok(SamlShown {
            caller: Caller {
                scopes: rules.scopes.iter().map(|it| it.as_str().into()).collect(),
                expires_at: ends_at(&believed),
                ..caller
            },
            once: self.once(&believed),
            refused_from: believed.usable_until,
        })
    }
}

/// The earliest end of all that it names: a token never outlives what it came from.
fn ends_at(believed: &Believed) -> Timestamp {
    believed.session_ends.map_or(believed.ends_at, |it| it.min(believed.ends_at))
}

/// RFC 4648 §5; padding should not be there, and is by some (RFC 7522 §2.1).
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
