//! Which function a request means, and with which arguments. The only maker of [`Resolved`].
//!
//! The request maps to exactly one catalogued function, or it is refused. Path, query, headers and
//! body become one `arguments` object, and what leaves for the target is made from it: what was
//! decided on is what is sent.

mod arguments;
mod outgoing;
mod path;
mod read;
mod router;
mod waiting;

use outgoing::from_arguments;
pub(crate) use outgoing::{Outgoing, OutgoingBody, path_sent};
pub(crate) use path::form_within;
pub(crate) use read::{Content, body};
pub(crate) use router::Router;
pub(crate) use waiting::Waiting;

use crate::{
    Inner,
    accept::{Accepted, Door},
    identify::Identified,
    permit::FlightParts,
    respond::{Stop, Told},
    routes::{FunctionRoute, Routes},
    sessions::Key,
    trace::{Prefix, Trace},
};
use countersign_model::{
    CallId, Caller, Function, Reason, Snapshot,
    catalog::{BodyKind, FunctionIx, Target},
    record::Who,
};
use http::HeaderMap;
use router::Found;
use serde_json::Value;
use std::sync::Arc;

/// A call that means one function of the catalog, with its arguments.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) call: CallId,
    pub(crate) trace: Trace,
    caller: Arc<Caller>,
    snapshot: Arc<Snapshot>,
    routes: Arc<Routes>,
    ix: FunctionIx,
    function: Arc<Function>,
    arguments: Value,
    pub(crate) outgoing: Outgoing,
    /// The request's headers, without the token.
    pub(crate) headers: HeaderMap,
}

impl Resolved {
    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn function_ix(&self) -> FunctionIx {
        self.ix
    }

    pub(crate) fn function(&self) -> &Arc<Function> {
        &self.function
    }

    pub(crate) fn arguments(&self) -> &Value {
        &self.arguments
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        self.snapshot.catalog().target(self.function.target)
    }

    pub(crate) fn route(&self) -> Option<&FunctionRoute> {
        self.routes.function(self.ix)
    }

    pub(crate) fn into_flight_parts(self) -> FlightParts {
        FlightParts {
            call: self.call,
            trace: self.trace,
            caller: self.caller,
            arguments: self.arguments,
            function: self.function,
            snapshot: self.snapshot,
            routes: self.routes,
            ix: self.ix,
            headers: self.headers,
            outgoing: self.outgoing,
        }
    }

    /// Says of a stop which call it ended.
    pub(crate) fn stop(&self, mut stop: Stop) -> Box<Stop> {
        stop.details.who = Some(Box::new(Who::from(&*self.caller)));
        stop.details.function = Some(self.function.name.clone());
        stop.details.session = Some(Box::new(Key::of(&self.caller, &self.headers)));
        stop.at(self.call)
    }
}

pub(crate) async fn resolve(inner: &Inner, identified: Identified) -> Result<Resolved, Box<Stop>> {
    let Identified { caller, accepted } = identified;
    let Accepted { call, trace, door, parts, body } = accepted;
    let mut stopped = Stopped { call, caller: &caller, headers: &parts.headers, function: None };
    let snapshot = inner.governance.policy().load();
    let routes = inner.routes.of(&snapshot);
    let found = find(&routes, &snapshot, &door, &parts).map_err(|it| stopped.by(it))?;
    let (ix, function) = (found.ix, found.function);
    stopped.function = Some(&function);
    trace.means(&function, prefix(&door));
    let target = snapshot.catalog().target(function.target);
    let target = target.ok_or_else(|| stopped.by(not_catalogued()))?;
    let bytes_max = target.request_bytes_max;
    let kind = match found.captured {
        Captured::Path(_) => function.http.body,
        // Uniform calls carry all arguments as JSON, whatever the function's own form is.
        Captured::Uniform => BodyKind::Json,
    };
    let within = inner.limits.body_within.duration();
    let content = read::body(kind, &parts.headers, body, bytes_max, within).await;
    let content = content.map_err(|it| stopped.by(it))?;
    let (arguments, outgoing) = match found.captured {
        Captured::Path(variables) => {
            let query = parts.uri.query();
            arguments::from_request(&function, variables, query, &parts.headers, content)
        }
        Captured::Uniform => arguments::from_uniform(&function, parts.uri.query(), content)
            .and_then(|(arguments, outgoing)| {
                leads_to(&routes, ix, &function, &outgoing).map(|()| (arguments, outgoing))
            }),
    }
    .map_err(|it| stopped.by(it))?;
    Ok(Resolved {
        call,
        trace,
        snapshot,
        routes,
        ix,
        function,
        arguments,
        outgoing,
        headers: parts.headers,
        caller,
    })
}

/// What stands before a function's own path at this door.
fn prefix(door: &Door) -> Prefix<'_> {
    match door {
        Door::Target { name, .. } => Prefix::Target(name),
        Door::Host { .. } => Prefix::Host,
        Door::Uniform { .. } => Prefix::Uniform,
    }
}

/// A function and what the path said.
struct FoundFunction {
    ix: FunctionIx,
    function: Arc<Function>,
    captured: Captured,
}

enum Captured {
    /// The path's variables with their decoded values.
    Path(Vec<(String, String)>),
    /// A uniform call: arguments are in the body.
    Uniform,
}

fn find(
    routes: &Routes,
    snapshot: &Snapshot,
    door: &Door,
    parts: &http::request::Parts,
) -> Result<FoundFunction, Stop> {
    let (target, raw) = match door {
        Door::Uniform { function } => {
            let (ix, function) = snapshot.catalog().by_name(function).ok_or_else(not_catalogued)?;
            let function = Arc::clone(function);
            if function.http.body == BodyKind::Stream {
                let step = "Call it under /t/ with the body as it is.";
                return Err(Stop::say(
                    Reason::RequestAmbiguous,
                    "This function takes a streamed body and has no uniform form.",
                    step,
                ));
            }
            return Ok(FoundFunction { ix, function, captured: Captured::Uniform });
        }
        Door::Target { name, path } => (routes.target_of_name(name), path),
        Door::Host { host, path } => (routes.target_of_host(host), path),
    };
    let segments = path::split(raw).map_err(|refused| {
        Stop::new(Reason::RequestAmbiguous, Told::ambiguous(&refused.to_string()))
    })?;
    let router = target.and_then(|it| routes.router(it)).ok_or_else(not_catalogued)?;
    match router.find(parts.method.as_str(), &segments) {
        Found::Matched { value: ix, variables } => {
            let function = snapshot.catalog().function(ix).ok_or_else(not_catalogued)?;
            let captured = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            Ok(FoundFunction {
                ix,
                function: Arc::clone(function),
                captured: Captured::Path(captured),
            })
        }
        Found::MethodNotHere => {
            let told = Told {
                sentence: format!("The catalog has this path, but not with {}.", parts.method),
                ..not_catalogued().told
            };
            Err(Stop::new(Reason::NotCatalogued, told))
        }
        Found::Nothing => Err(not_catalogued()),
    }
}

/// A path that was made from arguments must lead back to the function that was decided on: where
/// `/customers/{customer}` stands beside `/customers/search`, the value `search` would reach the
/// other one.
fn leads_to(
    routes: &Routes,
    ix: FunctionIx,
    function: &Function,
    outgoing: &Outgoing,
) -> Result<(), Stop> {
    let path = outgoing.path_and_query.split('?').next().unwrap_or("");
    let back = path::split(path).ok().and_then(|segments| {
        match routes.router(function.target)?.find(&function.http.method, &segments) {
            Found::Matched { value, .. } => Some(value),
            Found::MethodNotHere | Found::Nothing => None,
        }
    });
    if back == Some(ix) {
        return Ok(());
    }
    Err(arguments::invalid(function, "with them the path would reach another function"))
}

pub(crate) fn not_catalogued() -> Stop {
    Stop::say(
        Reason::NotCatalogued,
        "What is not in the catalog does not run, and this function is not in it.",
        "GET /tools lists what you may call; ask an administrator to add a function.",
    )
}

/// Says of stops in this stage which call they ended.
struct Stopped<'a> {
    call: CallId,
    caller: &'a Caller,
    headers: &'a HeaderMap,
    function: Option<&'a Function>,
}

impl Stopped<'_> {
    fn by(&self, mut stop: Stop) -> Box<Stop> {
        stop.details.who = Some(Box::new(Who::from(self.caller)));
        stop.details.function = self.function.map(|it| it.name.clone());
        stop.details.session = Some(Box::new(Key::of(self.caller, self.headers)));
        stop.at(self.call)
    }
}
