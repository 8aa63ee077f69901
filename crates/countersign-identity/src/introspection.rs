//! Asks an issuer about its opaque tokens (RFC 7662). Its answer is judged as a JWT's claims are: it
//! names this audience, its times hold, and the same mapping says who it is.
//!
//! Only a whole, timely answer with `active: true` lets anybody in. Whatever else comes of a
//! question is a refusal, and while the issuer is away it is the issuer's.

use crate::{
    Fault, Hidden, Refused, Secret,
    discovery::Discovery,
    http::{Http, Limits},
    refused::shown,
    strict_json,
    token_endpoint::basic,
};
use countersign_model::Span;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// How an issuer is asked about its opaque tokens (RFC 7662).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// This gateway's client identifier at the issuer.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: Secret,
    /// Where the issuer is asked, if its discovery document does not say.
    #[serde(default)]
    pub url: Option<String>,
    /// What the issuer's opaque tokens begin with. Needed if more than one issuer is asked, so that
    /// no issuer is shown another's tokens.
    #[serde(default)]
    pub token_prefix: Option<String>,
    /// How long an answer is believed before the issuer is asked again, unless the token ends
    /// before: from 1s to 5m. A token that is revoked at the issuer is good here for so long.
    #[serde(default = "default_remembered")]
    #[schemars(with = "String")]
    pub remembered: Span,
    /// Whose a token is of which the issuer names no subject.
    #[serde(default)]
    pub without_subject: WithoutSubject,
}

/// Whose a token is of which the issuer names no subject (RFC 7662 §2.2 leaves `sub` out at will).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutSubject {
    /// Nobody's: it is refused.
    #[default]
    Refuse,
    /// Its client's, who acts for itself: `client_id` is the subject, of a service. For an issuer
    /// where no client has a user's name.
    Client,
}

/// An issuer that is asked.
pub(crate) struct Introspection {
    pub(crate) prefix: String,
    pub(crate) remembered: Span,
    without_subject: WithoutSubject,
    url: Option<String>,
    client_id: String,
    /// Absent where nobody is asked, such as when only the configuration is checked.
    secret: Option<Hidden>,
    http: Http,
}

impl IntrospectionConfig {
    /// What is wrong with it: the key under the issuer, and what to write.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let prefix = self.token_prefix.as_deref();
        // A JWT begins so, and is judged by its signature.
        let is_bad = |it: &str| it.is_empty() || "eyJ".starts_with(it) || it.starts_with("eyJ");
        let url = self.url.as_deref().is_none_or(super::config::is_url_with_query);
        let remembered = (1_000..=REMEMBERED_MILLIS_MAX).contains(&self.remembered.millis());
        [
            (!self.client_id.is_empty(), "introspection.client_id", "name the client"),
            (url, "introspection.url", "write an absolute https URL"),
            (
                !prefix.is_some_and(is_bad),
                "introspection.token_prefix",
                "write what the opaque tokens begin with; it can't be what a JWT begins with",
            ),
            (remembered, "introspection.remembered", "write a time from 1s to 5m"),
        ]
        .into_iter()
        .filter(|(holds, _, _)| !holds)
        .map(|(_, key, problem)| (key, problem))
        .collect()
    }

    /// Whether a token could be meant for this issuer and for another one.
    pub(crate) fn clashes(&self, other: &Self) -> bool {
        match (&self.token_prefix, &other.token_prefix) {
            (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one.as_str()),
            (None, _) | (_, None) => true,
        }
    }
}

impl Introspection {
    pub(crate) fn new(config: &IntrospectionConfig, secret: Option<Hidden>, http: Http) -> Self {
        Self {
            prefix: config.token_prefix.clone().unwrap_or_default(),
            remembered: config.remembered,
            without_subject: config.without_subject,
            url: config.url.clone(),
            client_id: config.client_id.clone(),
            secret,
            http,
        }
    }

    /// The claims of an active token. `discovery` is asked where to ask, if the configuration does
    /// not say.
    pub(crate) async fn ask(
        &self,
        token: &str,
        discovery: Option<&Discovery>,
    ) -> Result<Map<String, Value>, Refused> {
        let away = |detail: String| Refused::new(Fault::IssuerUnreachable, detail);
        let named = discovery.and_then(|it| it.introspection_endpoint.as_deref());
        let url = self.url.as_deref().or(named);
        let url = url.ok_or_else(|| away("no introspection_endpoint is named".into()))?;
        let secret = self.secret.as_ref().ok_or_else(|| away("no client secret".into()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let mut fields = vec![("token", token), ("token_type_hint", "access_token")];
        if discovery.is_some_and(Discovery::wants_introspection_secret_in_form) {
            fields.extend([("client_id", &*self.client_id), ("client_secret", secret.reveal())]);
        } else {
            let value = basic(&self.client_id, secret).map_err(|it| away(it.to_string()))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let answer = self.http.post_form(url, headers, &fields, LIMITS).await;
        let answer = answer.map_err(|failed| away(failed.to_string()))?;
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
        if answer.status != StatusCode::OK || !kind.eq_ignore_ascii_case("application/json") {
            let detail = format!("it answered {} of type {}", answer.status, shown(kind));
            return Err(away(detail));
        }
        let mut claims = strict_json::object(&answer.body)
            .map_err(|bad| away(format!("its answer is {bad}")))?;
        match claims.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(Fault::TokenInactive.into()),
            Some(_) | None => {
                return Err(away("its answer does not say whether it is active".into()));
            }
        }
        check_kind(&claims)?;
        self.name_subject(&mut claims);
        Ok(claims)
    }

    /// What RFC 9068 §2.2 says of JWTs: without a resource owner, `sub` names the client.
    fn name_subject(&self, claims: &mut Map<String, Value>) {
        match (self.without_subject, claims.get("client_id").cloned()) {
            (WithoutSubject::Client, Some(client)) if !claims.contains_key("sub") => {
                claims.insert("sub".to_owned(), client);
            }
            (WithoutSubject::Client | WithoutSubject::Refuse, _) => {}
        }
    }
}

/// A refresh token is active too, and opens nothing here.
fn check_kind(claims: &Map<String, Value>) -> Result<(), Refused> {
    for name in ["token_type", "typ"] {
        let Some(value) = claims.get(name) else { continue };
        let kind = value.as_str().unwrap_or_default();
        if !ACCESS.iter().any(|it| it.eq_ignore_ascii_case(kind)) {
            let detail = format!("{name} {}", shown(kind));
            return Err(Refused::new(Fault::TokenTypeNotAccepted, detail));
        }
    }
    Ok(())
}

fn default_remembered() -> Span {
    Span::from_seconds(60)
}

/// What issuers say that an access token is.
const ACCESS: [&str; 5] = ["Bearer", "DPoP", "access_token", "at+jwt", "JWT"];
const LIMITS: Limits = Limits { bytes_max: 64 * 1024, time: Duration::from_secs(3) };
const REMEMBERED_MILLIS_MAX: i64 = 5 * 60_000;
