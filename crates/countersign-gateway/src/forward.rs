//! Sends a permitted call to its target. The only code that speaks to targets.

mod body;
mod upstream;

pub(crate) use body::RequestBody;
pub use upstream::Secrets;
pub(crate) use upstream::Upstream;

use crate::{
    headers::{self, Bytes},
    permit::{Flight, Permit},
    respond::Stop,
};
use countersign_model::{Reason, catalog::Target};
use http::{HeaderValue, Method, Request, header, response::Parts};
use hyper::body::Incoming;

/// What came back from a target, as it came. Only this module makes one, from a [`Permit`].
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) flight: Flight,
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
}

/// A call that got no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) flight: Box<Flight>,
    pub(crate) stop: Stop,
    pub(crate) ran: Ran,
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
pub(crate) async fn forward(permit: Permit) -> Result<Forwarded, NoAnswer> {
    let (flight, outgoing) = permit.into_parts();
    let refuse = |flight: Flight, ran, stop| Err(NoAnswer { flight: Box::new(flight), stop, ran });
    let (Some(target), Some(upstream)) = (flight.target(), flight.upstream()) else {
        return refuse(flight, Ran::No, crate::resolve::not_catalogued());
    };
    let request = match request(&flight, target, upstream, outgoing) {
        Ok(request) => request,
        Err(stop) => return refuse(flight, Ran::No, stop),
    };
    let within = target.answer_within.duration();
    match tokio::time::timeout(within, upstream.send(request)).await {
        Ok(Ok(response)) if response.status() == http::StatusCode::UNAUTHORIZED => {
            upstream.read_credential_again(target);
            let stop = unreachable(target, "it refuses the gateway's own credential");
            refuse(flight, Ran::No, stop)
        }
        Ok(Ok(response)) => {
            let (parts, body) = response.into_parts();
            Ok(Forwarded { flight, parts, body })
        }
        Ok(Err(error)) if error.is_connect() => {
            tracing::warn!(target = %target.name, error = chain(&error), "target unreachable");
            let stop = unreachable(target, "it takes no connections");
            refuse(flight, Ran::No, stop)
        }
        Ok(Err(error)) => {
            tracing::warn!(target = %target.name, error = chain(&error), "target broke off");
            let stop = broken(target);
            refuse(flight, Ran::Unknown, stop)
        }
        Err(_) => {
            let sentence = format!(
                "The target {} did not answer within {}.",
                target.name, target.answer_within
            );
            let stop = Stop::say(Reason::TargetTimeout, &sentence, MAY_HAVE_RUN);
            refuse(flight, Ran::Unknown, stop)
        }
    }
}

/// A target that broke the protocol in the middle of a call.
pub(crate) fn broken(target: &Target) -> Stop {
    let sentence = format!("The target {} broke off before its answer was whole.", target.name);
    Stop::say(Reason::TargetBroken, &sentence, MAY_HAVE_RUN)
}

const MAY_HAVE_RUN: &str = "The call may have run: find out at the target before you repeat it.";

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
) -> Result<Request<RequestBody>, Stop> {
    let function = flight.function();
    let changed = flight.answer_bytes();
    let mut all = headers::request(flight.request_headers(), target, changed);
    let (uri, credential) =
        upstream.address(&outgoing.path_and_query).map_err(|why| unreachable(target, &why))?;
    for (name, value) in &outgoing.headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
        {
            all.insert(name, value);
        }
    }
    if changed == Bytes::Changed {
        all.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    } else if let Some(value) = flight.request_headers().get(header::ACCEPT_ENCODING) {
        all.insert(header::ACCEPT_ENCODING, value.clone());
    }
    let body = RequestBody::new(outgoing.body);
    match body.content_type() {
        Some(media_type)
            if !(media_type == "application/json" && all.contains_key(header::CONTENT_TYPE)) =>
        {
            all.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        Some(_) => {}
        None if body.is_empty() => {
            all.remove(header::CONTENT_TYPE);
        }
        None => {}
    }
    if let Ok(call) = HeaderValue::from_str(&flight.call().to_string()) {
        all.insert(headers::CALL, call);
    }
    if let Some((name, value)) = credential {
        all.insert(name, value);
    }
    let method = Method::from_bytes(function.http.method.as_bytes()).unwrap_or_default();
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = all;
    Ok(request)
}

/// An error with its causes, for the operator.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
