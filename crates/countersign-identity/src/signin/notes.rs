//! What a sign-in read of its ID token and user info, for the person to see.

use super::SignIn;
use crate::{
    claims::Times,
    explain::{self, Trace},
    jws::Unproved,
    refused::shown,
};
use serde_json::{Map, Value};

impl SignIn {
    /// What was proved of an ID token.
    pub(super) fn note_proof(&self, trace: &mut Trace, token: &Unproved<'_>, times: Times) {
        let issuer = &self.issuer.config;
        trace.form(token);
        trace.issuer(issuer);
        trace.algorithm(token, issuer);
        trace.note("type", &["header.typ"], || {
            let found = token.token_type.as_deref().map_or_else(|| "none".into(), shown);
            (found, "OpenID Connect Core: an ID token is a JWT".into())
        });
        trace.note("audience", &["aud", "azp"], || {
            let rule = format!("{}: {}", self.key("client_id"), self.config.client_id);
            (explain::value(token.claims.get("aud")), rule)
        });
        trace.times(times, issuer);
        trace.signature(token, issuer);
        if token.claims.contains_key("sid") {
            trace.note("session", &["sid"], || {
                ("named".into(), "kept, so that the provider can end what rests on it".into())
            });
        }
        if token.claims.contains_key("at_hash") {
            trace.note("access token", &["at_hash"], || {
                ("of the access token that came with it".into(), "OpenID Connect Core".into())
            });
        }
    }

    /// What was proved of this sign-in alone. The nonce itself is nobody's business.
    pub(super) fn note_authentication(&self, trace: &mut Trace, claims: &Map<String, Value>) {
        trace.note("nonce", &["nonce"], || {
            ("of the sign-in that this browser began".into(), "OpenID Connect Core".into())
        });
        if let Some(max_age) = self.config.max_age {
            trace.note("proved at", &["auth_time"], || {
                (
                    explain::value(claims.get("auth_time")),
                    format!("{}: {max_age}", self.key("max_age")),
                )
            });
        }
        if !self.config.acr_values.is_empty() {
            trace.note("way of proof", &["acr"], || {
                let rule =
                    format!("{}: {}", self.key("acr_values"), self.config.acr_values.join(", "));
                (explain::value(claims.get("acr")), rule)
            });
        }
    }

    fn key(&self, key: &str) -> String {
        explain::key(&self.issuer.config, &format!("sign_in.{key}"))
    }
}

/// What the user info added. What of it counts is said by the rules that read it.
pub(super) fn note_user_info(trace: &mut Trace, taken: &[String]) {
    trace.note("user info", &[], || {
        let found = match taken.len() {
            0 => "nothing that the ID token does not say".to_owned(),
            1 => "1 claim more".to_owned(),
            count => format!("{count} claims more"),
        };
        (found, "OpenID Connect Core: asked for what the ID token does not say".into())
    });
}
