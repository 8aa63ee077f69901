//! A SAML assertion as the subject's token: proved by its provider's rules, and used up where a token
//! is about to be made of it. One that signed somebody in at the console is used up too, and the other
//! way round: the register is one.

use super::TokenRefused;
use crate::Inner;
use countersign_identity::{Party, SamlFault, SamlRefused, Use};

/// Whom an assertion names.
pub(super) async fn prove(inner: &Inner, assertion: &str) -> Result<Party, TokenRefused> {
    let proved = inner.verifier.prove_saml(assertion, &inner.saml).await;
    proved.map_err(|refused| TokenRefused::saml(&refused))
}

/// RFC 7522 §3, and SAML 2.0 Profiles §4.1.4.5: an assertion is good for once, at all gateways together.
pub(super) async fn use_up(inner: &Inner, assertion: &Party) -> Result<(), TokenRefused> {
    let refused = |fault: SamlFault| TokenRefused::saml(&SamlRefused::from(fault));
    let once = assertion.id().ok_or_else(|| refused(SamlFault::AssertionMalformed))?;
    match inner.oauth.used_once.take("saml-assertion", once, assertion.refused_from()).await {
        Ok(Use::First) => Ok(()),
        Ok(Use::Again) => Err(refused(SamlFault::AssertionReplayed)),
        Err(error) => {
            tracing::error!(%error, "assertions can't be remembered");
            Err(refused(SamlFault::RegisterUnavailable))
        }
    }
}
