//! What an issuer's tokens may be used for at the token endpoint beyond its access tokens. Nothing,
//! if the operator says nothing.

use super::ASSERTION_TYPE;
use crate::{IssuerConfig, jws};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is taken at `/oauth/token` besides this issuer's access tokens for this gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExchangeConfig {
    /// ID tokens as proof of a user; without it none is taken.
    pub id_tokens: Option<IdTokensConfig>,
    /// Identity assertions (ID-JAG) that this issuer makes for its clients.
    pub id_jag: IdJag,
}

/// Whose ID tokens are taken as proof of a user, and what they stand for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdTokensConfig {
    /// The clients that the ID tokens must have been made for (`aud`): each one is trusted to hand
    /// a user's ID token to nobody but the agents that act for that user.
    pub clients: Vec<String>,
    /// The scopes that such a token stands for: an ID token has none itself.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// Whether an issuer's identity assertions are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdJag {
    /// They are not.
    #[default]
    Refuse,
    /// They are: this issuer decides which of its clients may act for which of its users.
    Accept,
}

impl ExchangeConfig {
    /// What is wrong with it, by key.
    pub(crate) fn faults(&self, issuer: &IssuerConfig) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if issuer.token_types.iter().any(|it| jws::media_type(it) == ASSERTION_TYPE) {
            faults.push(("token_types", "an identity assertion is no access token".to_owned()));
        }
        let Some(IdTokensConfig { clients, .. }) = &self.id_tokens else { return faults };
        if clients.is_empty() || clients.iter().any(String::is_empty) {
            faults.push(("exchange.id_tokens", "name the clients".to_owned()));
        }
        let console = issuer.sign_in.as_ref().map(|it| &it.client_id);
        if clients.iter().any(|it| Some(it) == console) {
            let problem = "the console's ID tokens stand in addresses when people sign out: name \
                           other clients";
            faults.push(("exchange.id_tokens", problem.to_owned()));
        }
        faults
    }
}
