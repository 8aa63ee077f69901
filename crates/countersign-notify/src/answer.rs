//! What the answer of an HTTP channel means: taken, never, or later.

use countersign_governance::Attempt;
use countersign_identity::{Answer, HttpFailed};
use countersign_model::{Span, Timestamp};
use http::{HeaderMap, StatusCode, header};
use std::error::Error as _;

/// What an attempt came to. `taken` reads the answer of a success.
pub(crate) fn attempt(
    answered: Result<Answer, HttpFailed>,
    now: Timestamp,
    taken: impl FnOnce(&Answer) -> Attempt,
) -> Attempt {
    let answer = match answered {
        Ok(answer) => answer,
        Err(failed) => return unanswered(&failed),
    };
    let status = answer.status;
    let said = status_line(status);
    if status.is_success() {
        return taken(&answer);
    }
    if status.is_redirection() {
        let error = "it redirects, and nobody is followed; configure where it leads to".to_owned();
        return Attempt::Refused { answer: said, error };
    }
    let later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !later {
        return Attempt::Refused { answer: said, error: "it refuses the message".to_owned() };
    }
    let wait = retry_after(&answer.headers, now);
    Attempt::Later { answer: said, error: "it does not take the message now".to_owned(), wait }
}

/// `200 OK`.
pub(crate) fn status_line(status: StatusCode) -> String {
    status.to_string()
}

/// What nobody answered may be answered later, unless the fault is here.
fn unanswered(failed: &HttpFailed) -> Attempt {
    let error = chain(failed);
    match failed {
        HttpFailed::Broken { .. } | HttpFailed::TimedOut { .. } | HttpFailed::TlsUnavailable => {
            Attempt::Later { answer: String::new(), error, wait: None }
        }
        // An answer that is too long is an answer: sent again, the message would be there twice.
        HttpFailed::TooLong { .. }
        | HttpFailed::BadUrl
        | HttpFailed::PlainHttpRefused
        | HttpFailed::BadRequest
        | HttpFailed::NotJson => Attempt::Refused { answer: String::new(), error },
    }
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Span> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Span::from_seconds(i64::from(seconds)));
    }
    let wait = Timestamp::of_http_date(text)?.since(now);
    (wait > Span::default()).then_some(wait)
}

/// An error with its causes. They name hosts, never whole addresses, which may hold secrets.
fn chain(failed: &HttpFailed) -> String {
    let mut text = failed.to_string();
    let mut source = failed.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
