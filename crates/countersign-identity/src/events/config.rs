//! What an operator writes about a transmitter of security events.

use crate::{Algorithm, ConfigFault, IssuerConfig, Secret};
use countersign_model::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// One transmitter of security events (OpenID Shared Signals Framework 1.0), which pushes to
/// `/ssf/events` of this gateway (RFC 8935).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransmitterConfig {
    /// A short name for logs and the ledger.
    pub name: String,
    /// The transmitter's URL, exactly as it stands in the tokens' `iss`.
    pub url: String,
    /// The receiver identifier that the tokens' `aud` must name.
    pub audience: String,
    /// The names of the issuers about whose people it is believed.
    pub issuers: Vec<String>,
    /// Where its keys are, if not where its configuration at `/.well-known/ssf-configuration` says.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The signature algorithms accepted.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be off; at most 300s.
    #[serde(default = "default_clock_skew")]
    #[schemars(with = "String")]
    pub clock_skew: Span,
    /// What it sends in the `Authorization` header, scheme included, if that was agreed upon.
    #[serde(default)]
    pub authorization: Option<Secret>,
    /// Whether it may name people by their addresses alone.
    #[serde(default)]
    pub email_subjects: EmailSubjects,
    /// How often it says something, if only a verification event: when it was silent for longer, the
    /// log, `/readyz` and `/metrics` say so. From 60s to 30d; without it silence is nobody's affair.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expect_every: Option<Span>,
}

/// Whether a transmitter may name people by their addresses alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailSubjects {
    /// No.
    #[default]
    Refuse,
    /// Yes, of its issuers where the address is what names the subject (`claims.subject: email`).
    Accept,
}

/// Every fault of the transmitters; `issuers` are the names of the configured ones.
///
/// # Errors
/// The list of faults, if there is one.
pub fn check_transmitters(
    transmitters: &[TransmitterConfig],
    issuers: &[&str],
) -> Result<(), Vec<ConfigFault>> {
    let mut faults = Vec::new();
    for (place, it) in transmitters.iter().enumerate() {
        let mut require = |holds: bool, key: &'static str, problem: String| {
            if !holds {
                faults.push(ConfigFault { issuer: it.name.clone(), key, problem });
            }
        };
        require(!it.name.is_empty(), "name", "give the transmitter a short name".into());
        let whole = "write an absolute https URL";
        require(is_url(&it.url), "url", whole.into());
        require(it.jwks_url.as_deref().is_none_or(is_url), "jwks_url", whole.into());
        require(!it.audience.is_empty(), "audience", "name what its tokens are for".into());
        require(!it.algorithms.is_empty(), "algorithms", "allow at least one algorithm".into());
        let skew = (0..=300_000).contains(&it.clock_skew.millis());
        require(skew, "clock_skew", "write a time from 0s to 300s".into());
        let expected = it.expect_every.is_none_or(|it| (EXPECT_MIN..=EXPECT_MAX).contains(&it));
        require(
            expected,
            "expect_every",
            format!("write a time from {EXPECT_MIN} to {EXPECT_MAX}"),
        );
        require(!it.issuers.is_empty(), "issuers", "name at least one issuer".into());
        for name in &it.issuers {
            let known = issuers.contains(&name.as_str());
            require(known, "issuers", format!("no issuer is called {name}"));
        }
        for earlier in transmitters.iter().take(place) {
            let other = earlier.name != it.name;
            require(other, "name", "another transmitter has this name".into());
            require(earlier.url != it.url, "url", "another transmitter has this URL".into());
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

impl TransmitterConfig {
    /// The issuer that its keys are read like.
    pub(super) fn as_issuer(&self) -> Result<IssuerConfig, ConfigFault> {
        let written = json!({
            "name": self.name,
            "url": self.url,
            "audiences": [self.audience],
            "jwks_url": self.jwks_url,
            "discovery_url": well_known(&self.url),
        });
        let issuer: IssuerConfig = serde_json::from_value(written).map_err(|_| ConfigFault {
            issuer: self.name.clone(),
            key: "url",
            problem: "write an absolute https URL".into(),
        })?;
        let (algorithms, clock_skew) = (self.algorithms.clone(), self.clock_skew);
        Ok(IssuerConfig { algorithms, clock_skew, ..issuer })
    }
}

/// SSF 1.0 §7.2.1: between host and path.
fn well_known(url: &str) -> Option<String> {
    let mut place = Url::parse(url).ok()?;
    let path = place.path().trim_end_matches('/').to_owned();
    place.set_path(&format!("/.well-known/ssf-configuration{path}"));
    Some(place.into())
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http") && url.host().is_some() && url.fragment().is_none()
    })
}

fn default_algorithms() -> Vec<Algorithm> {
    Algorithm::DEFAULT.to_vec()
}

fn default_clock_skew() -> Span {
    Span::from_seconds(60)
}

/// Streams are looked at every ten seconds.
const EXPECT_MIN: Span = Span::from_seconds(60);
const EXPECT_MAX: Span = Span::from_days(30);
