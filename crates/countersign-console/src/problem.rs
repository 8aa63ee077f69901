//! What went wrong, for whoever asked: a page for people, `application/problem+json` (RFC 9457) for
//! programs. Each says what to do next. Never carries an error's source text.

use axum::response::{IntoResponse, Response};
use countersign_governance::{
    AccessError, ApiKeyError, ApprovalError, CatalogError, DelegateError, DenialError, ErrorKind,
    GrantError, NoticeError, PasskeyError, ReviewError, SessionError, StopError, Unavailable,
};
use countersign_identity::{NoHostName, PasskeyRefused};
use countersign_store::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A request that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: StatusCode,
    /// A stable code, `snake_case`.
    pub(crate) code: &'static str,
    /// What happened, as a sentence.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) next_step: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { status, code, detail: detail.into(), next_step: next_step.into() }
    }

    /// There is no such thing, or the asker may not know of it.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}, or you may not see it."),
            "Check the address, or ask an administrator or auditor.",
        )
    }

    /// The asker may not.
    pub(crate) fn forbidden(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail, next_step)
    }

    /// What was sent can't be understood.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            detail,
            "Correct the request and send it again.",
        )
    }

    /// Something that is needed is away for now.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            detail,
            "Try again in a moment; if it stays so, tell an administrator.",
        )
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something broke inside Countersign. Nothing was changed.",
            "Try again; if it stays so, tell an administrator, who finds the cause in the log.",
        )
    }

    /// What a bare status of the router means.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("page"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "method_not_allowed",
                "This address is not asked in this way.",
                "Use the method that the documentation names.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(
                status,
                "request_too_large",
                "The request is larger than 2 MiB.",
                "Send less at once.",
            ),
            other if other.is_client_error() => {
                Self { status: other, ..Self::invalid("The request can't be understood.") }
            }
            _ => Self::internal(),
        }
    }

    /// The title that goes with the status.
    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// As RFC 9457 says.
    pub(crate) fn as_json(&self) -> Response {
        let kind = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, kind)], self.document().to_string()).into_response()
    }

    /// The members that RFC 9457 names, and ours.
    pub(crate) fn document(&self) -> Value {
        json!({
            "type": format!("urn:countersign:problem:{}", self.code),
            "title": self.title(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "next_step": self.next_step,
        })
    }
}

/// An operation's error: its text is for people already, and its kind says the rest.
fn of_operation(kind: ErrorKind, code: &'static str, error: &dyn std::error::Error) -> Problem {
    let (status, next_step) = match kind {
        ErrorKind::NotFound => {
            (StatusCode::NOT_FOUND, "Check the name, or ask an administrator or auditor.")
        }
        ErrorKind::Forbidden => (
            StatusCode::FORBIDDEN,
            "Ask somebody who may: an owner of the function, or an administrator.",
        ),
        ErrorKind::Conflict => {
            (StatusCode::CONFLICT, "Look at it again as it is now, and decide anew.")
        }
        ErrorKind::Invalid => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Correct what is named, and send it again.")
        }
        ErrorKind::Unavailable => {
            tracing::warn!(code, error = %chain(error), "an operation could not be done");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "Try again in a moment; if it stays so, tell an administrator.",
            )
        }
    };
    Problem::new(status, code, sentence(&error.to_string()), next_step)
}

/// The error and its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// With a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    let rest = characters.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}

macro_rules! from_operation {
    ($($error:ty),*) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                of_operation(error.status(), error.code(), &error)
            }
        }
    )*};
}

from_operation!(
    AccessError,
    ApiKeyError,
    ApprovalError,
    DelegateError,
    DenialError,
    GrantError,
    NoticeError,
    PasskeyError,
    SessionError,
    StopError
);

impl From<PasskeyRefused> for Problem {
    fn from(refused: PasskeyRefused) -> Self {
        let (code, detail) = (refused.code(), refused.detail());
        tracing::warn!(code, detail, "a passkey was refused");
        Self::new(StatusCode::FORBIDDEN, code, refused.sentence(), PASSKEY_NEXT)
    }
}

impl From<NoHostName> for Problem {
    fn from(error: NoHostName) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "passkeys_need_a_name",
            sentence(&error.to_string()),
            "Sign in anew for what has to be signed, or ask an administrator.",
        )
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let mut problem = of_operation(error.status(), error.code(), &error);
        for fault in error.faults().iter().take(FAULTS_MAX) {
            problem.detail.push('\n');
            problem.detail.push_str(&fault.to_string());
        }
        problem
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let problem = of_operation(error.status(), error.code(), &error);
        let next_step = match error {
            ReviewError::NoCampaign | ReviewError::NoItem => {
                return Self::not_found("campaign or item");
            }
            ReviewError::SignInAgain => {
                "Sign in anew at your identity provider from the campaign's sign-off page, and sign within \
                 five minutes."
            }
            ReviewError::NotAsked => {
                "Ask the campaign's owner or an administrator to hand the item to you."
            }
            ReviewError::ReasonNeeded { .. } => "Say why, in a sentence, and send it again.",
            ReviewError::NotEligible { .. } => "Name somebody whom the grant does not reach.",
            ReviewError::TooLate | ReviewError::SignedOff { .. } => {
                "Have the grant made anew, or write an addendum."
            }
            ReviewError::Passkey(_) => PASSKEY_NEXT,
            ReviewError::Undecided { .. } => "Decide what is open, or hand it on, and sign then.",
            ReviewError::Forbidden(_)
            | ReviewError::Invalid { .. }
            | ReviewError::Version { .. }
            | ReviewError::CampaignState { .. }
            | ReviewError::ItemState { .. }
            | ReviewError::Bulk { .. }
            | ReviewError::Grant(_)
            | ReviewError::Changed
            | ReviewError::Unavailable(_) => return problem,
        };
        Self { next_step: next_step.to_owned(), ..problem }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(code = error.code(), error = %chain(&error), "facts can't be read");
        Self::unavailable("The store of facts can't be reached.")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(error = %chain(&error), "the store can't be used");
        Self::unavailable("The store of facts can't be reached.")
    }
}

/// Faults of a catalog that one answer names.
const FAULTS_MAX: usize = 50;

/// The bare form; [`crate::finish`] makes a page or a document of it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// After a passkey that was refused.
const PASSKEY_NEXT: &str = "Begin again; if it stays so, tell an administrator this code.";
