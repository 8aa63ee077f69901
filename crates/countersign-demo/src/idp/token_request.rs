//! What arrives at `/token` and `/device_authorization`, who sent it, and how a refusal reads
//! (RFC 6749 §2.3, §5.2). Never makes a token.

use super::{Client, ClientKind, Idp};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE},
};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;

/// A token request as sent. Serde refuses a parameter that is there twice.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    pub(crate) grant_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) device_code: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) resource: Option<String>,
}

/// Why no token was given. The names are the standard's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("the client is not known, or its secret is wrong")]
    InvalidClient,
    #[error("{0}")]
    InvalidGrant(&'static str),
    #[error("this client may not use this grant type")]
    UnauthorizedClient,
    #[error("this grant type is not known here")]
    UnsupportedGrantType,
    #[error("none of these scopes may be given")]
    InvalidScope,
    #[error("that resource is not known here")]
    InvalidTarget,
    #[error("the person has not answered yet")]
    AuthorizationPending,
    #[error("asked too often; wait longer between two questions")]
    SlowDown,
    #[error("the person said no")]
    AccessDenied,
    #[error("the device code is too old; begin again")]
    ExpiredToken,
    #[error("the provider can't answer at the moment")]
    Unavailable,
}

impl TokenError {
    const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::Unavailable => "temporarily_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InvalidRequest(_)
            | Self::InvalidGrant(_)
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::AccessDenied
            | Self::ExpiredToken => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code(), "error_description": self.to_string() });
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if self == Self::InvalidClient {
            let challenge = HeaderValue::from_static("Basic realm=\"demo\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The client that sent a request, after it proved who it is: by Basic, by form, or, for the one
/// without a secret, by name alone. Two ways at once are refused (RFC 6749 §2.3).
pub(crate) fn authenticated<'a>(
    idp: &'a Idp,
    headers: &HeaderMap,
    form_id: Option<&str>,
    form_secret: Option<&str>,
) -> Result<&'a Client, TokenError> {
    let basic = match headers.get(AUTHORIZATION) {
        Some(value) => Some(basic_credentials(value).ok_or(TokenError::InvalidClient)?),
        None => None,
    };
    if basic.is_some() && form_secret.is_some() {
        return Err(TokenError::InvalidRequest("the client authenticates in two ways at once"));
    }
    let (id, secret) = match &basic {
        Some((id, secret)) => {
            if form_id.is_some_and(|form_id| form_id != id) {
                return Err(TokenError::InvalidRequest("two different client ids"));
            }
            (id.as_str(), Some(secret.as_str()))
        }
        None => (form_id.ok_or(TokenError::InvalidClient)?, form_secret),
    };
    let client = idp.client(id).ok_or(TokenError::InvalidClient)?;
    let proven = match &client.kind {
        ClientKind::Cli => secret.is_none(),
        ClientKind::Web { secret: expected, .. } | ClientKind::Agent { secret: expected, .. } => {
            secret.is_some_and(|offered| expected.matches(offered))
        }
    };
    if proven { Ok(client) } else { Err(TokenError::InvalidClient) }
}

/// Id and secret of a Basic header, both form-encoded inside (RFC 6749 §2.3.1).
fn basic_credentials(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
