//! The SAML providers of the configuration, ready for the console.

use super::Setup;
use crate::{clock, exit::Failure};
use countersign_identity::{Http, SamlSignIn, SamlSurroundings};

pub(super) fn sign_ins(setup: &Setup, http: &Http) -> Result<Vec<SamlSignIn>, Failure> {
    let lookup =
        |name: &str| setup.variables.get(name).cloned().or_else(|| clock::environment(name));
    let surroundings = SamlSurroundings {
        providers: &setup.saml,
        issuers: &setup.issuers,
        public_url: &setup.public_url,
    };
    let provider = |config: &countersign_identity::SamlConfig| {
        let made =
            SamlSignIn::new(config.clone(), surroundings, http.clone(), clock::clock(), lookup);
        let provider = made.map_err(|error| {
            Failure::usage(error.to_string())
                .next("check this provider under `saml` in the configuration")
        })?;
        // Whoever signs in first need not wait for the metadata.
        provider.warm_up();
        Ok(provider)
    };
    setup.saml.iter().map(provider).collect()
}
