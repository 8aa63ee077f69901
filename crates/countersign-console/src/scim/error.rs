//! What a directory is told when something is not done (RFC 7644 §3.12).

use axum::response::{IntoResponse, Response};
use countersign_governance::{DirectoryError, Unavailable};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScimError {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: Cow<'static, str>,
}

impl ScimError {
    pub(crate) fn new(
        status: u16,
        kind: Option<&'static str>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, kind, detail: detail.into() }
    }

    pub(crate) fn invalid_value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Some("invalidValue"), detail)
    }

    pub(crate) fn invalid_syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Some("invalidSyntax"), detail)
    }

    pub(crate) fn invalid_path(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Some("invalidPath"), detail)
    }

    pub(crate) fn invalid_filter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Some("invalidFilter"), detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, None, "this directory has no such resource")
    }

    pub(crate) fn stale() -> Self {
        Self::new(412, None, "the resource has another version now; read it again")
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(members)) = (self.kind, body.as_object_mut()) {
            members.insert("scimType".to_owned(), kind.into());
        }
        body
    }
}

impl From<DirectoryError> for ScimError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Taken(what) => {
                Self::new(409, Some("uniqueness"), format!("another resource has this {what}"))
            }
            DirectoryError::NotFound => Self::not_found(),
            DirectoryError::NoSuchMember => {
                Self::invalid_value("a member is no user and no group of this directory")
            }
            DirectoryError::TooDeep(_) => Self::invalid_value(error.to_string()),
            DirectoryError::Changed => Self::stale(),
            DirectoryError::TooMany(most) => {
                Self::new(400, Some("tooMany"), format!("a directory has at most {most} of these"))
            }
            DirectoryError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<Unavailable> for ScimError {
    fn from(error: Unavailable) -> Self {
        tracing::error!(code = error.code(), "what a directory said can't be kept");
        Self::new(503, None, "this can't be done now; try again")
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let mut response = super::answer(self.status, &self.body());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
