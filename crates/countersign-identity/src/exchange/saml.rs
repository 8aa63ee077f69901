//! A SAML assertion as proof of a user (RFC 8693 §3, `urn:ietf:params:oauth:token-type:saml2`). What
//! judges it is `saml`; what comes of it is a [`Party`] like any other, and is held against the same
//! rules. It never proves an actor.

use super::{Party, party::Origin};
use crate::{SamlFault, SamlRefused, SamlSignIn, Verifier};
use countersign_model::Digest;
use std::sync::Arc;

impl Verifier {
    /// Proves the user whom a provider's assertion names. [`Party::id`] is the name under which the
    /// assertion is good for once, for sign-ins too; whoever makes a token of it uses it up first, as
    /// a `saml-assertion`.
    ///
    /// # Errors
    /// [`SamlRefused`], with the one reason.
    pub async fn prove_saml(
        &self,
        assertion: &str,
        providers: &[SamlSignIn],
    ) -> Result<Party, SamlRefused> {
        let shown = SamlSignIn::judge_shown(providers, assertion).await?;
        self.session_holds(&shown.caller).map_err(|refused| {
            SamlRefused::new(SamlFault::SessionEnded, refused.detail().to_owned())
        })?;
        Ok(Party {
            caller: Arc::new(shown.caller),
            origin: Origin::Configured,
            may_act: None,
            bound: None,
            id: Some(shown.once),
            resources: Vec::new(),
            digest: Digest::of(assertion.as_bytes()),
            refused_from: shown.refused_from,
        })
    }
}
