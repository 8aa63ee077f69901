//! Credentials that say nothing by themselves, so that somebody has to be asked: opaque tokens their
//! issuer (RFC 7662), and API keys the book of them.

use super::Verifier;
use crate::{
    Fault, Refused,
    bound::Bound,
    cache::{Remembered, Vouched},
    claims::{self, Times},
    explain::Trace,
    introspection::Introspection,
    jws,
    questions::Questions,
    rules::TokenUse,
};
use countersign_model::{Digest, Timestamp};
use std::sync::Arc;

/// An issuer that is asked about its opaque tokens.
pub(super) struct Asked {
    /// Its place in the configuration.
    pub(super) place: usize,
    pub(super) introspection: Introspection,
    pub(super) questions: Questions<Remembered>,
}

impl Verifier {
    /// The one issuer that an opaque token could be of.
    pub(super) fn opaque(&self, bearer: &str) -> Option<&Asked> {
        let dots = bearer.bytes().filter(|it| *it == b'.').count();
        // Three parts are a JWS, and five a JWE.
        let is_opaque = !matches!(dots, 2 | 4);
        self.0.asked.iter().find(|it| match it.introspection.prefix.as_str() {
            "" => is_opaque,
            prefix => bearer.starts_with(prefix),
        })
    }

    pub(super) async fn introspect(
        &self,
        bearer: &str,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<Remembered, Refused> {
        if bearer.len() > jws::TOKEN_BYTES_MAX {
            return Err(Fault::TokenTooLarge.into());
        }
        let unknown = || Refused::from(Fault::IssuerUnknown);
        let issuer = self.0.issuers.get(asked.place).ok_or_else(unknown)?;
        let config = &issuer.config;
        let now = self.0.clock.now();
        let judging = async {
            let discovery = match &config.introspection {
                Some(it) if it.url.is_some() => None,
                Some(_) | None => Some(issuer.discovery().await.map_err(|failed| {
                    Refused::new(Fault::IssuerUnreachable, failed.to_string())
                })?),
            };
            let claims = asked.introspection.ask(bearer, discovery.as_deref()).await?;
            trace.note("introspection", &["active"], || {
                ("an active token".into(), format!("issuer {} says so (RFC 7662)", config.name))
            });
            // The answer comes from the issuer's own door; if it names somebody, then itself.
            if claims.contains_key("iss") && claims::issuer(&claims)? != config.url {
                return Err(Refused::new(Fault::IssuerUnknown, "the answer names another issuer"));
            }
            claims::check_audience(&claims, &config.audiences)?;
            let times = Times::read(&claims)?;
            times.check(now.seconds(), issuer.skew_seconds())?;
            let expires_at = Timestamp::from_millis(times.expires.saturating_mul(1000));
            let (caller, groups) =
                issuer.caller(&claims, expires_at, TokenUse::Call, trace).await?;
            let (caller, groups) = (Arc::new(caller), groups.map(Arc::new));
            let bound = Bound::read(&claims)?.map(Arc::new);
            let vouched = Vouched::Asked {
                issuer: asked.place,
                at: now,
                good_for: asked.introspection.remembered,
            };
            Ok(Remembered { caller, bound, groups, vouched, times })
        };
        asked.questions.about(bearer, now, judging).await
    }

    pub(super) async fn look_up(&self, bearer: &str, key: Digest) -> Result<Remembered, Refused> {
        let (book, questions) = self.0.api_keys.as_ref().ok_or(Fault::ApiKeysOff)?;
        let now = self.0.clock.now();
        let judging = async {
            let found = book
                .find(key)
                .await
                .map_err(|failed| Refused::new(Fault::ApiKeysUnavailable, failed.to_string()))?;
            let caller = found.ok_or(Fault::ApiKeyUnknown)?.into_caller()?;
            let times = Times { expires: caller.expires_at.seconds(), begins: 0 };
            times.check(now.seconds(), 0)?;
            let vouched = Vouched::Book { at: now };
            Ok(Remembered { caller: Arc::new(caller), bound: None, groups: None, vouched, times })
        };
        questions.about(bearer, now, judging).await
    }
}
