//! The one place where an outcome becomes an HTTP answer.

use crate::{body::Body, headers, sessions};
use bytes::Bytes;
use countersign_model::{
    ApprovalId, CallId, Reason, Refusal, Span, catalog::FunctionName, record::Who,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// What the caller gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) call: Option<CallId>,
    pub(crate) reason: Reason,
}

impl Answer {
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        if let Some(call) = self.call.and_then(headers::call) {
            headers.insert(&headers::CALL, call);
        }
        headers.insert(&headers::REASON, HeaderValue::from_static(self.reason.code()));
        response
    }
}

/// What a person is told about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sentence: String,
    pub(crate) next_step: String,
}

impl Told {
    pub(crate) fn ambiguous(what: &str) -> Self {
        Self {
            sentence: format!("The request can't be read in one way only: {what}."),
            next_step: "Send the request in its plain form.".to_owned(),
        }
    }
}

/// Why a call went no further.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) reason: Reason,
    pub(crate) told: Told,
    pub(crate) details: Box<Details>,
}

/// What else is known of a call that went no further.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) call: Option<CallId>,
    /// Who called; a stop of a known caller is written into the ledger.
    pub(crate) who: Option<Box<Who>>,
    /// By what its session is found, if there is one.
    pub(crate) session: Option<Box<sessions::Key>>,
    pub(crate) function: Option<FunctionName>,
    pub(crate) approval: Option<ApprovalId>,
    /// More precise than the reason, where there is more to say.
    code: Option<&'static str>,
    challenge: Option<String>,
    /// What the caller's next proof has to carry.
    nonce: Option<String>,
    retry_after: Option<Span>,
    status: Option<StatusCode>,
    more: Option<Value>,
    /// Whether the ledger has it already: the outcome of a call that had left.
    pub(crate) recorded: Recorded,
}

/// Whether the ledger has it already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Recorded {
    Already,
    #[default]
    NotYet,
}

impl Stop {
    pub(crate) fn new(reason: Reason, told: Told) -> Self {
        Self { reason, told, details: Box::default() }
    }

    /// A stop with a sentence and a next step.
    pub(crate) fn say(reason: Reason, sentence: &str, next_step: &str) -> Self {
        let told = Told { sentence: sentence.to_owned(), next_step: next_step.to_owned() };
        Self::new(reason, told)
    }

    pub(crate) fn at(mut self, call: CallId) -> Box<Self> {
        self.details.call = Some(call);
        Box::new(self)
    }

    pub(crate) fn challenged(mut self, code: &'static str, challenge: String) -> Self {
        self.details.code = Some(code);
        self.details.challenge = Some(challenge);
        self
    }

    pub(crate) fn with_nonce(mut self, nonce: Option<&str>) -> Self {
        self.details.nonce = nonce.map(str::to_owned);
        self
    }

    /// Nobody could judge who calls: the same credential may do later.
    pub(crate) fn not_judged(mut self, code: &'static str) -> Self {
        self.details.code = Some(code);
        self.details.status = Some(StatusCode::SERVICE_UNAVAILABLE);
        self.details.retry_after = Some(Span::from_seconds(5));
        self
    }

    /// Nobody would judge who calls, because of what others send: the same credential may do later.
    pub(crate) fn flooded(mut self, code: &'static str, wait: Option<Span>) -> Self {
        self.details.code = Some(code);
        self.details.status = Some(StatusCode::TOO_MANY_REQUESTS);
        self.details.retry_after = Some(wait.unwrap_or(Span::from_seconds(1)));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.details.status = Some(status);
        self
    }

    pub(crate) fn retry_after(mut self, span: Span) -> Self {
        self.details.retry_after = Some(span);
        self
    }

    pub(crate) fn with(mut self, more: Value) -> Self {
        self.details.more = Some(more);
        self
    }

    pub(crate) fn asks_scopes(mut self, challenge: String) -> Self {
        self.details.challenge = Some(challenge);
        self
    }

    pub(crate) fn for_approval(mut self, approval: ApprovalId) -> Self {
        self.details.approval = Some(approval);
        self
    }

    pub(crate) fn recorded(mut self) -> Self {
        self.details.recorded = Recorded::Already;
        self
    }

    /// A held call: a problem type of its own, whatever the reason for holding it.
    pub(crate) fn approval_required(mut self) -> Self {
        self.details.code = Some(Reason::ApprovalRequired.code());
        self
    }

    /// The RFC 9457 answer.
    pub(crate) fn into_answer(self) -> Answer {
        let Self { reason, told, details } = self;
        let status = details.status.unwrap_or_else(|| status(reason));
        let code = details.code.unwrap_or(reason.code());
        let mut problem = json!({
            "type": format!("https://countersign.dev/problems/{}", code.replace('_', "-")),
            "title": reason.meaning(),
            "status": status.as_u16(),
            "detail": told.sentence,
            "code": code,
            "next_step": told.next_step,
        });
        if let Some(members) = problem.as_object_mut() {
            if let Some(call) = details.call {
                members.insert("call".to_owned(), json!(call));
            }
            if let Some(function) = &details.function {
                members.insert("function".to_owned(), json!(function));
            }
            if let Some(Value::Object(more)) = details.more {
                members.extend(more);
            }
        }
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(Ok(challenge)) = details.challenge.as_deref().map(HeaderValue::from_str) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(Ok(nonce)) = details.nonce.as_deref().map(HeaderValue::from_str) {
            headers.insert("dpop-nonce", nonce);
        }
        if let Some(span) = details.retry_after {
            // Whole seconds, rounded up (RFC 9110 §10.2.3).
            let seconds = span.millis().max(0).saturating_add(999) / 1000;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.unsigned_abs()));
        }
        let body = Body::whole(Bytes::from(problem.to_string()));
        Answer { status, headers, body, call: details.call, reason }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        let Refusal { reason, sentence, next_step, retry_after } = refusal;
        let mut stop = Self::new(reason, Told { sentence, next_step });
        stop.details.retry_after = retry_after;
        stop
    }
}

/// The answer to a call that is not even looked at.
pub(crate) fn turn_away(reason: Reason) -> Answer {
    let step = "Try again in a moment.";
    let stop = Stop::say(reason, reason.meaning(), step).retry_after(Span::from_seconds(1));
    stop.into_answer()
}

/// The HTTP status of each reason. A call that ran has its target's.
pub fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::Granted | Reason::GrantOverdueWarned | Reason::Approved => StatusCode::OK,
        Reason::Unidentified => StatusCode::UNAUTHORIZED,
        Reason::RequestAmbiguous => StatusCode::BAD_REQUEST,
        Reason::ArgumentsInvalid => StatusCode::UNPROCESSABLE_ENTITY,
        Reason::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::NotCatalogued => StatusCode::NOT_FOUND,
        Reason::KillSwitch
        | Reason::SubjectSuspended
        | Reason::SubjectDeactivated
        | Reason::SponsorDeactivated
        | Reason::NoLivingOwner
        | Reason::CutByDeactivation
        | Reason::CutBySessionEnd
        | Reason::NoGrant
        | Reason::GrantExpired
        | Reason::GrantRevoked
        | Reason::GrantSuspended
        | Reason::Denied
        | Reason::SeparationOfDuties
        | Reason::CutByDenial
        | Reason::MissingScope
        | Reason::OutsideConstraints
        | Reason::BlockedByRule
        | Reason::GrantOverdue
        | Reason::ApprovalRequired
        | Reason::ApprovalDenied
        | Reason::ApprovalExpired
        | Reason::ApprovalUsed
        | Reason::ApprovalCancelled
        | Reason::CutBySuspension
        | Reason::CutByRevoke
        | Reason::CutByExpiry
        | Reason::CutByKillSwitch
        | Reason::CutByNoOwner => StatusCode::FORBIDDEN,
        Reason::RateLimited | Reason::TooManyHeld => StatusCode::TOO_MANY_REQUESTS,
        Reason::Draining
        | Reason::Overloaded
        | Reason::PolicyStale
        | Reason::LedgerUnavailable
        | Reason::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Reason::TargetUnreachable
        | Reason::TargetBroken
        | Reason::ResponseTooLarge
        | Reason::UnmaskableResponse
        | Reason::OutcomeUnknown => StatusCode::BAD_GATEWAY,
        Reason::TargetTimeout => StatusCode::GATEWAY_TIMEOUT,
        // Nginx's unofficial number; nobody is there to read it.
        Reason::CallerGone => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests;
