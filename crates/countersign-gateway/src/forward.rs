//! Sends a permitted call to its target. The only code that speaks to targets.

mod body;
mod pool;
mod upstream;

pub(crate) use body::RequestBody;
pub(crate) use pool::Lease;
pub use upstream::Secrets;
pub(crate) use upstream::{Upstream, tls as upstream_tls};

use crate::{
    Inner, cut, headers,
    permit::{Flight, Permit},
    respond::Stop,
};
use body::{BodyRefused, Progress};
use countersign_model::{
    Reason,
    catalog::{Target, raw::Credential},
    decide::Cut,
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, response::Parts,
};
use hyper::body::Incoming;
use pool::SendError;
use std::{error::Error, time::Duration};

/// What came back from a target, as it came. Only this module makes one, from a [`Permit`].
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) flight: Box<Flight>,
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
    /// The connection on which the body comes.
    pub(crate) lease: Lease,
}

/// A call that got no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) flight: Box<Flight>,
    pub(crate) stop: Stop,
    pub(crate) ran: Ran,
    /// What the target said, where it said something that is no answer to the caller.
    pub(crate) status: Option<StatusCode>,
}

/// Whether a call that got no answer may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It never left.
    No,
    /// Nobody can know.
    Unknown,
}

/// Takes the permit by value: a permit is good for one call. The call is never sent twice.
pub(crate) async fn forward(inner: &Inner, permit: Permit) -> Result<Forwarded, NoAnswer> {
    let (flight, outgoing) = permit.into_parts();
    let refuse = |flight, ran, status, stop| Err(NoAnswer { flight, stop, ran, status });
    // The ledger, or an upload, may have taken its time.
    if let Err(cut) = cut::now(inner, &flight) {
        return refuse(flight, Ran::No, None, cut.refusal.into());
    }
    let (Some(target), Some(upstream)) = (flight.target(), flight.upstream()) else {
        return refuse(flight, Ran::No, None, crate::resolve::not_catalogued());
    };
    let progress = Progress::default();
    let request = match request(&flight, target, upstream, outgoing, &progress) {
        Ok(request) => request,
        Err(stop) => return refuse(flight, Ran::No, None, stop),
    };
    let hand = Hand { inner, flight: &flight, progress: &progress };
    match send(upstream, request, hand, target.answer_within.duration()).await {
        Ok((response, lease)) => {
            let status = response.status();
            match is_answer(target, upstream, status) {
                Ok(()) => {
                    let (parts, body) = response.into_parts();
                    Ok(Forwarded { flight, parts, body, lease })
                }
                Err((ran, stop)) => refuse(flight, ran, Some(status), stop),
            }
        }
        Err(failed) => {
            let (ran, stop) = explain(target, &failed);
            refuse(flight, ran, None, stop)
        }
    }
}

/// Why there is no head of an answer.
#[derive(Debug)]
enum Failed {
    Connection(SendError),
    Late,
    Cut(Box<Cut>),
}

/// A call that is being sent.
struct Hand<'a> {
    inner: &'a Inner,
    flight: &'a Flight,
    progress: &'a Progress,
}

/// Sends a request and waits for the head of its answer, unless the call is cut. A long upload is
/// not late while it moves.
async fn send(
    upstream: &Upstream,
    request: Request<RequestBody>,
    hand: Hand<'_>,
    within: Duration,
) -> Result<(Response<Incoming>, Lease), Failed> {
    let mut sending = std::pin::pin!(upstream.send(request));
    let mut cut = std::pin::pin!(cut::cut(hand.inner, hand.flight));
    let mut moved = hand.progress.pieces();
    loop {
        tokio::select! {
            biased;
            answer = &mut sending => return answer.map_err(Failed::Connection),
            cut = &mut cut => return Err(Failed::Cut(cut)),
            () = tokio::time::sleep(within) => {
                if hand.progress.pieces() == moved {
                    return Err(Failed::Late);
                }
                moved = hand.progress.pieces();
            }
        }
    }
}

/// Whether a target's answer is one to the caller.
fn is_answer(target: &Target, upstream: &Upstream, status: StatusCode) -> Result<(), (Ran, Stop)> {
    if status == StatusCode::UNAUTHORIZED {
        upstream.read_credential_again(target);
        let why = match target.credential {
            Credential::None => "it asks for a credential, and the catalog names none for it",
            Credential::Bearer(_)
            | Credential::Basic { .. }
            | Credential::Header { .. }
            | Credential::Query { .. } => "it refuses the gateway's own credential",
        };
        return Err((Ran::No, unreachable(target, why)));
    }
    // Nobody asked for another protocol, and hyper answers all other interim ones itself.
    if status.is_informational() {
        return Err((Ran::Unknown, broken(target)));
    }
    Ok(())
}

fn explain(target: &Target, failed: &Failed) -> (Ran, Stop) {
    let error = match failed {
        Failed::Connection(error) => error,
        Failed::Cut(cut) => return (Ran::Unknown, cut::left(cut)),
        Failed::Late => {
            let waited = target.answer_within;
            let sentence = format!("The target {} did not answer within {waited}.", target.name);
            return (Ran::Unknown, Stop::say(Reason::TargetTimeout, &sentence, MAY_HAVE_RUN));
        }
    };
    if let SendError::Connect(_) = error {
        tracing::warn!(target = %target.name, error = chain(error), "target unreachable");
        return (Ran::No, unreachable(target, "it takes no connections"));
    }
    let refused = causes(error).find_map(|it| it.downcast_ref::<BodyRefused>());
    let stop = match refused {
        None => {
            tracing::warn!(target = %target.name, error = chain(error), "target broke off");
            broken(target)
        }
        Some(BodyRefused::TooLarge) => {
            let max = target.request_bytes_max;
            let sentence = format!("The request is larger than {max} bytes.");
            Stop::say(Reason::RequestTooLarge, &sentence, MAY_HAVE_RUN)
        }
        Some(BodyRefused::Caller(_)) => {
            let sentence = "The request's body broke off before it was whole.";
            Stop::say(Reason::CallerGone, sentence, MAY_HAVE_RUN)
        }
    };
    (Ran::Unknown, stop)
}

/// A target that broke the protocol in the middle of a call.
pub(crate) fn broken(target: &Target) -> Stop {
    let sentence = format!("The target {} broke off before its answer was whole.", target.name);
    Stop::say(Reason::TargetBroken, &sentence, MAY_HAVE_RUN)
}

/// A target whose answer stood still in the middle.
pub(crate) fn stood_still(target: &Target) -> Stop {
    let waited = target.idle_within;
    let sentence = format!("The answer of target {} stood still for {waited}.", target.name);
    Stop::say(Reason::TargetTimeout, &sentence, MAY_HAVE_RUN)
}

pub(crate) const MAY_HAVE_RUN: &str =
    "The call may have run: find out at the target before you repeat it.";

fn unreachable(target: &Target, why: &str) -> Stop {
    let sentence = format!("The target {} can't be used: {why}.", target.name);
    Stop::say(
        Reason::TargetUnreachable,
        &sentence,
        "The call did not run. Tell an administrator or the target's owner, and try again later.",
    )
}

fn request(
    flight: &Flight,
    target: &Target,
    upstream: &Upstream,
    outgoing: crate::resolve::Outgoing,
    progress: &Progress,
) -> Result<Request<RequestBody>, Stop> {
    let function = flight.function();
    let mut all = headers::request(flight.request_headers(), target, function, flight.answer());
    flight.trace.leaves(function, target, &mut all);
    let (uri, credential) =
        upstream.address(&outgoing.path_and_query).map_err(|why| unreachable(target, &why))?;
    for (name, value) in &outgoing.headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
        {
            all.insert(name, value);
        }
    }
    if flight.reads_answer() {
        all.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    } else if let Some(value) = flight.request_headers().get(header::ACCEPT_ENCODING) {
        all.insert(header::ACCEPT_ENCODING, value.clone());
    }
    let method = Method::from_bytes(function.http.method.as_bytes()).unwrap_or_default();
    let body = RequestBody::new(outgoing.body, progress);
    describe(&body, &method, &mut all);
    if let Some(call) = headers::call(flight.call()) {
        all.insert(&headers::CALL, call);
    }
    if let Some((name, value)) = credential {
        all.insert(name, value);
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = all;
    Ok(request)
}

/// The headers that say what a body is.
fn describe(body: &RequestBody, method: &Method, headers: &mut HeaderMap) {
    match body.content_type() {
        Some(media_type)
            if !(media_type == "application/json"
                && headers.contains_key(header::CONTENT_TYPE)) =>
        {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        Some(_) => {}
        None if body.is_empty() => {
            headers.remove(header::CONTENT_TYPE);
            // RFC 9110 §8.6: some servers ask for a length where a body could be.
            if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        None => {}
    }
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// An error with its causes, for the operator.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
