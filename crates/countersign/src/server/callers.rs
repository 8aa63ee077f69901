//! What judges callers, beside issuers: registers and keys that all gateways share, secrets for
//! asking issuers, and the book of API keys.

use super::assembly::Setup;
use crate::{
    clock,
    config::raw::{RawNonces, RawRemembered},
    exit::{Exit, Failure},
};
use countersign_governance::{ApiKeyRow, ApiKeyRules, Governance};
use countersign_identity::{
    ApiKeyBook, ApiKeyBookFailed, ForgedLimits, Hidden, IssuerConfig, KeyHolder, KeyState,
    NonceKey, OwnIssuer, ProofRules, SamlConfig, UseOnce, VerifierOptions,
};
use std::collections::{BTreeMap, HashMap};

/// What the verifier is given beside issuers, as far as the configuration says it.
pub(super) struct Callers {
    options: VerifierOptions,
    remembered_by: RawRemembered,
    api_keys: Option<ApiKeyRules>,
}

impl Callers {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// When a secret can't be had.
    pub(super) fn of(setup: &Setup, own: OwnIssuer) -> Result<Self, Failure> {
        let nonces = match setup.dpop.nonces {
            RawNonces::Off => None,
            RawNonces::Required => {
                Some(NonceKey::new(&setup.keys.derive("countersign/dpop-nonce/v1")))
            }
        };
        let options = VerifierOptions {
            own: Some(own),
            reserved: (setup.saml.iter().filter_map(SamlConfig::reserved))
                .chain(setup.scim.iter().filter_map(|it| it.reserved(super::scim::sources(setup))))
                .collect(),
            proofs: ProofRules { nonces, shared: None },
            introspection: introspection(&setup.issuers, &setup.variables)?,
            api_keys: None,
            forged: ForgedLimits {
                per_address_second_max: setup.limits.forged_per_address_second_max,
                per_second_max: setup.limits.forged_per_second_max,
            },
        };
        let remembered_by = setup.dpop.remembered_by;
        Ok(Self { options, remembered_by, api_keys: setup.api_keys })
    }

    /// With the register of what was used once, and the book of API keys.
    pub(super) fn with(mut self, once: UseOnce, governance: &Governance) -> VerifierOptions {
        self.options.proofs.shared = match self.remembered_by {
            RawRemembered::EachGateway => None,
            RawRemembered::AllGateways => Some(once),
        };
        self.options.api_keys = self.api_keys.map(|_| api_keys(governance));
        self.options
    }
}

/// The client secrets with which issuers are asked about opaque tokens. `variables` stand before
/// those of the process.
fn introspection(
    issuers: &[IssuerConfig],
    variables: &BTreeMap<String, String>,
) -> Result<HashMap<String, Hidden>, Failure> {
    let lookup = |name: &str| variables.get(name).cloned().or_else(|| clock::environment(name));
    let asked = issuers.iter().filter_map(|it| Some((it, it.introspection.as_ref()?)));
    asked
        .map(|(issuer, asked)| {
            let secret = asked.client_secret.resolve(lookup).map_err(|error| {
                let what = format!("issuer {} can't be asked about opaque tokens", issuer.name);
                Failure::caused(Exit::Usage, &what, &error)
                    .next("put the secret where `introspection.client_secret` says")
            })?;
            Ok((issuer.name.clone(), secret))
        })
        .collect()
}

/// Where API keys are looked up.
fn api_keys(governance: &Governance) -> ApiKeyBook {
    let governance = governance.clone();
    ApiKeyBook::new(move |digest| {
        let governance = governance.clone();
        async move {
            let found = governance.use_api_key(&digest).await;
            found.map(|it| it.map(holder)).map_err(|error| ApiKeyBookFailed(Box::new(error)))
        }
    })
}

fn holder(key: ApiKeyRow) -> KeyHolder {
    KeyHolder {
        id: key.id.to_string(),
        subject: key.subject,
        scopes: key.scopes.into_iter().map(Into::into).collect(),
        made_at: key.made_at,
        expires_at: key.expires_at,
        state: if key.revoked.is_some() { KeyState::Revoked } else { KeyState::Good },
    }
}
