//! The spans of a call, if tracing is configured: the gateway's work, the wait for people, what the
//! ledger takes, and the target's answer.
//!
//! They say what is in the catalog, ids, numbers and reason codes: never who calls, with which
//! arguments, with which token, under which path, or what was answered. Where nothing is configured,
//! or a trace is not sampled, nothing of it is kept.

mod spans;

use crate::respond::Answer;
use countersign_model::{ApprovalId, CallId, Function, Reason, SessionId, catalog::Target};
use countersign_telemetry::{Begun, Context, Tracer};
use http::{HeaderMap, Request, request::Parts};
use spans::Known;
use std::sync::{Arc, Mutex, PoisonError};

/// What begins traces; nothing where none is configured.
#[derive(Debug)]
pub(crate) struct Traces(Option<Arc<Settings>>);

#[derive(Debug)]
struct Settings {
    tracer: Tracer,
    /// Of the URL under which callers reach this gateway.
    scheme: Option<String>,
    address: Option<String>,
    port: Option<u16>,
}

/// The trace of one call, wherever the call is. Its spans are exported when the last of these is
/// dropped, so also those of a call whose caller hung up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Option<Arc<Live>>);

#[derive(Debug)]
struct Live {
    settings: Arc<Settings>,
    begun: Begun,
    /// Nothing where the trace is not sampled.
    known: Option<Mutex<Known>>,
}

/// A part of a call that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Waits for people.
    Hold,
    /// The intent becomes durable.
    Intent,
    /// The target has the call.
    Target,
    /// The outcome becomes durable.
    Outcome,
}

/// Where the route of a call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix<'a> {
    /// `/t/{target}`.
    Target(&'a str),
    /// A host of the target's own.
    Host,
    /// `/call/{function}`, whatever the function's own path is.
    Uniform,
}

impl Traces {
    pub(crate) fn new(tracer: Option<Tracer>, resource: &str) -> Self {
        let uri: http::Uri = resource.parse().unwrap_or_default();
        Self(tracer.map(|tracer| {
            let (address, port) = spans::address(&uri);
            let scheme = uri.scheme_str().map(str::to_owned);
            Arc::new(Settings { tracer, scheme, address, port })
        }))
    }

    /// Begins the trace of a call, and puts it with the request.
    pub(crate) fn begin<B>(&self, request: &mut Request<B>) -> Trace {
        let Some(settings) = &self.0 else { return Trace::default() };
        let tracer = &settings.tracer;
        let begun = tracer.begin(request.headers());
        let known = begun.context.is_sampled().then(|| {
            let (method, version) = (request.method(), request.version());
            Mutex::new(Known::new(tracer.now_nanos(), method, version))
        });
        let trace = Trace(Some(Arc::new(Live { settings: Arc::clone(settings), begun, known })));
        request.extensions_mut().insert(trace.clone());
        trace
    }

    /// Appends what became of spans in the Prometheus text format.
    pub(crate) fn metrics(&self, out: &mut String) {
        if let Some(settings) = &self.0 {
            settings.tracer.metrics(out);
        }
    }
}

impl Trace {
    /// The trace that came with a request.
    pub(crate) fn of(parts: &mut Parts) -> Self {
        parts.extensions.remove().unwrap_or_default()
    }

    /// Notes which call it is.
    pub(crate) fn is(&self, call: CallId) {
        self.note(|known, _| known.call = Some(call));
    }

    /// Notes which function the call means, and by which route it came.
    pub(crate) fn means(&self, function: &Function, prefix: Prefix<'_>) {
        self.note(|known, _| known.means(function, prefix));
    }

    /// Notes that a part begins.
    pub(crate) fn begins(&self, part: Part) {
        self.note(|known, live| known.begins(part, live.child(), live.now()));
    }

    /// Notes that a part has ended.
    pub(crate) fn ends(&self, part: Part) {
        self.note(|known, live| known.ends(part, live.now()));
    }

    /// Notes what people are asked about.
    pub(crate) fn asks(&self, approval: ApprovalId) {
        self.note(|known, _| known.approval = Some(approval));
    }

    /// Notes that the call may run.
    pub(crate) fn may_run(&self, session: SessionId, approval: Option<ApprovalId>) {
        self.note(|known, _| known.may_run(session, approval));
    }

    /// Notes that the target gets the call, and tells it of this trace.
    pub(crate) fn leaves(&self, function: &Function, target: &Target, headers: &mut HeaderMap) {
        let Some(live) = &self.0 else { return };
        let span =
            self.note(|known, live| known.leaves(function, target, live.child(), live.now()));
        span.unwrap_or(live.begun.context).name_in(headers, live.begun.parent);
    }

    /// Notes how the call ended at the target: its status (0 if there was none) and the reason that
    /// the ledger has.
    pub(crate) fn came_back(&self, status: u16, reason: Reason) {
        self.note(|known, live| known.came_back(status, reason, live.now()));
    }

    /// Notes what the caller is told.
    pub(crate) fn answered(&self, answer: &Answer) {
        self.note(|known, _| known.answered(answer.status.as_u16(), answer.reason));
    }

    fn note<R>(&self, note: impl FnOnce(&mut Known, &Live) -> R) -> Option<R> {
        let live = self.0.as_ref()?;
        let known = live.known.as_ref()?;
        Some(note(&mut known.lock().unwrap_or_else(PoisonError::into_inner), live))
    }
}

impl Live {
    fn now(&self) -> u64 {
        self.settings.tracer.now_nanos()
    }

    /// A new part of this span.
    fn child(&self) -> Context {
        self.settings.tracer.child(self.begun.context)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(known) = self.known.take() {
            let known = known.into_inner().unwrap_or_else(PoisonError::into_inner);
            let now = self.now();
            self.settings.tracer.export(known.into_spans(self, now));
        }
    }
}

#[cfg(test)]
mod tests;
