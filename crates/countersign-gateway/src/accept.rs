//! The first look at a request: where it wants to go, and whether it can be read in one way only.
//! Nothing about it is believed yet.

mod host;

pub(crate) use host::host;

use crate::{
    Inner,
    respond::{Stop, Told},
    trace::Trace,
};
use countersign_model::{CallId, Reason};
use http::{HeaderName, Request, header, request::Parts};
use hyper::body::Incoming;
use std::sync::Arc;

/// A call as it came off the wire.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) call: CallId,
    pub(crate) trace: Trace,
    pub(crate) door: Door,
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
}

/// By which way a call came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `/t/{target}/…`: the target's own API; the path behind the name.
    Target { name: Arc<str>, path: Arc<str> },
    /// A target's host name: its own API at the root.
    Host { host: Arc<str>, path: Arc<str> },
    /// `POST /call/{function}`.
    Uniform { function: Arc<str> },
}

/// Headers that ask a server to treat the request as another one. A request that carries one is
/// refused: dropping it in silence would run something else than the caller meant.
static OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

pub(crate) fn accept(inner: &Inner, request: Request<Incoming>) -> Result<Accepted, Box<Stop>> {
    let (mut parts, body) = request.into_parts();
    let trace = Trace::of(&mut parts);
    let call = CallId::new(inner.now(), inner.governance.entropy());
    trace.is(call);
    let ambiguous =
        |what: &str| Stop::new(Reason::RequestAmbiguous, Told::ambiguous(what)).at(call);
    let host = host(&parts.uri, &parts.headers).map_err(ambiguous)?;
    // Once through those that are there, which are few, instead of a look-up for each that must not be.
    if let Some(name) = parts.headers.keys().find(|name| OVERRIDES.contains(name)) {
        return Err(ambiguous(&format!("the header {name} would make it another request")));
    }
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        if parts.headers.get_all(&name).iter().count() > 1 {
            return Err(ambiguous(&format!("it has more than one {name}")));
        }
    }
    // A coding below `chunked` would be lost on the way: it is neither undone here nor named there.
    let mut framed = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let plain = framed.next().is_none_or(|it| it.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !plain || framed.next().is_some() {
        return Err(ambiguous("its Transfer-Encoding is not plainly chunked"));
    }
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ambiguous("its body is compressed, and is not read so"));
    }
    let door = door(inner, &parts, host).ok_or_else(|| {
        let told = Told {
            sentence: "This address is no way into the gateway.".to_owned(),
            next_step:
                "Call /t/{target}/… or POST /call/{function}; GET /tools lists what you may \
                        call."
                    .to_owned(),
        };
        Stop::new(Reason::NotCatalogued, told).at(call)
    })?;
    Ok(Accepted { call, trace, door, parts, body })
}

fn door(inner: &Inner, parts: &Parts, host: Option<String>) -> Option<Door> {
    let path = parts.uri.path();
    if let Some(host) = host {
        let snapshot = inner.governance.policy().load();
        if inner.routes.of(&snapshot).target_of_host(&host).is_some() {
            return Some(Door::Host { host: host.into(), path: path.into() });
        }
    }
    if let Some(rest) = path.strip_prefix("/t/") {
        let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        return Some(Door::Target { name: name.into(), path: path.into() });
    }
    // A tool's name, as `GET /tools` writes it, names the function too.
    let function = path.strip_prefix("/call/")?.replace("__", ".");
    (parts.method == http::Method::POST).then(|| Door::Uniform { function: function.into() })
}
