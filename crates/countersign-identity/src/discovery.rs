//! Where an issuer's doors are: its discovery document (OpenID Connect Discovery §4, RFC 8414 §3).
//! The document must name the issuer that was asked, byte for byte.

use crate::{
    Answer,
    http::{Http, HttpFailed, Limits},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::time::Duration;

/// What is used of the document.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Discovery {
    issuer: String,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) device_authorization_endpoint: Option<String>,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    /// RFC 7009.
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) introspection_endpoint: Option<String>,
    /// RFC 9207 §3.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 8414 §2.
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// An issuer whose documents could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryFailed {
    /// There was no answer.
    #[error("the issuer's {what} could not be read")]
    Http {
        /// Which document.
        what: &'static str,
        /// Why.
        source: HttpFailed,
    },
    /// There was an answer, but no success.
    #[error("the issuer answered {status} for its {what}")]
    Status {
        /// Which document.
        what: &'static str,
        /// The status.
        status: StatusCode,
    },
    /// The document is of another issuer.
    #[error("the discovery document names another issuer than the configured one")]
    OtherIssuer,
    /// The document does not name what is needed.
    #[error("the discovery document names no {0}")]
    NotNamed(&'static str),
    /// The provider does not bind codes to the sign-in that asked for them.
    #[error("the issuer offers no PKCE with S256")]
    NoPkce,
    /// A file on this machine that is needed to ask, `ca_file` or `keys_token_file`.
    #[error("{what} can't be used: {problem}")]
    File {
        /// The key that names it.
        what: &'static str,
        /// What is wrong with it; never what is in it.
        problem: String,
    },
    /// The document is not what it should be.
    #[error("the issuer's key set is {0}")]
    BadKeys(String),
}

impl Discovery {
    /// Reads the document of the issuer, from its well-known place or from `place`.
    pub(crate) async fn read(
        http: &Http,
        issuer: &str,
        place: Option<&str>,
    ) -> Result<Self, DiscoveryFailed> {
        let well_known = || format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer));
        let url = place.map_or_else(well_known, str::to_owned);
        let answer = document(http, &url, "discovery document").await?;
        let discovery: Self = answer
            .object()
            .map_err(|source| DiscoveryFailed::Http { what: "discovery document", source })?;
        if discovery.issuer != issuer {
            return Err(DiscoveryFailed::OtherIssuer);
        }
        Ok(discovery)
    }

    /// The authorization endpoint. Providers that say nothing of PKCE may do it; one that names its
    /// methods, and S256 is none of them, would take a code without its verifier (RFC 9700 §2.1.1).
    pub(crate) fn authorization_endpoint(&self) -> Result<&str, DiscoveryFailed> {
        let methods = self.code_challenge_methods_supported.as_deref();
        if methods.is_some_and(|it| !it.iter().any(|it| it == "S256")) {
            return Err(DiscoveryFailed::NoPkce);
        }
        named(self.authorization_endpoint.as_deref(), "authorization_endpoint")
    }

    /// The token endpoint.
    pub(crate) fn token_endpoint(&self) -> Result<&str, DiscoveryFailed> {
        named(self.token_endpoint.as_deref(), "token_endpoint")
    }

    /// The device authorization endpoint.
    pub(crate) fn device_authorization_endpoint(&self) -> Result<&str, DiscoveryFailed> {
        named(self.device_authorization_endpoint.as_deref(), "device_authorization_endpoint")
    }

    /// Whether the client secret goes into the form instead of the `Authorization` header.
    pub(crate) fn wants_secret_in_form(&self) -> bool {
        wants_form(self.token_endpoint_auth_methods_supported.as_deref())
    }

    /// The same, where tokens are asked about.
    pub(crate) fn wants_introspection_secret_in_form(&self) -> bool {
        wants_form(self.introspection_endpoint_auth_methods_supported.as_deref())
    }
}

/// Absent means `client_secret_basic` (RFC 8414 §2).
fn wants_form(methods: Option<&[String]>) -> bool {
    let methods = methods.unwrap_or_default();
    let names = |name: &str| methods.iter().any(|it| it == name);
    !names("client_secret_basic") && names("client_secret_post")
}

/// Reads one of the issuer's documents.
pub(crate) async fn document(
    http: &Http,
    url: &str,
    what: &'static str,
) -> Result<Answer, DiscoveryFailed> {
    document_with(http, url, HeaderMap::new(), what).await
}

/// Reads one of the issuer's documents, with these headers.
pub(crate) async fn document_with(
    http: &Http,
    url: &str,
    headers: HeaderMap,
    what: &'static str,
) -> Result<Answer, DiscoveryFailed> {
    let limits = Limits { bytes_max: DOCUMENT_BYTES_MAX, time: DOCUMENT_TIME_MAX };
    let answer = http.get(url, headers, limits).await;
    let answer = answer.map_err(|source| DiscoveryFailed::Http { what, source })?;
    if answer.status != StatusCode::OK {
        return Err(DiscoveryFailed::Status { what, status: answer.status });
    }
    Ok(answer)
}

fn named<'d>(url: Option<&'d str>, name: &'static str) -> Result<&'d str, DiscoveryFailed> {
    url.ok_or(DiscoveryFailed::NotNamed(name))
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const DOCUMENT_BYTES_MAX: usize = 512 * 1024;
const DOCUMENT_TIME_MAX: Duration = Duration::from_secs(5);
