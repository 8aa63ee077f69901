//! The way of a call.
//!
//! The modules are in the order in which a call meets them, and [`Gateway::walk`] is the only
//! place where all stages appear together. Each stage makes the only value that the next one
//! takes: nothing is forwarded without a [`permit::Permit`], and a permit is made only from the
//! ledger's receipt for the intent. This crate never imports the console, and holds no state that
//! another gateway could not take over, but for sessions' counters and rates.

mod accept;
mod decide;
mod forward;
mod hold;
mod identify;
mod masking;
mod permit;
mod record;
mod resolve;
mod respond;

mod body;
mod cut;
mod finish;
mod headers;
mod metrics;
mod oauth;
mod rates;
mod refusals;
mod routes;
mod sessions;
mod tools;
mod trace;

pub use body::Body;
pub use forward::Secrets;
pub use respond::status;
pub use routes::check_mask;

use accept::Accepted;
use countersign_governance::Governance;
use countersign_identity::{Home, SamlSignIn, UseOnce, Verifier};
use countersign_ledger::Writer;
use countersign_mask::HashKey;
use countersign_model::{Decision, Span};
use countersign_telemetry::Tracer;
use finish::Cleared;
use http::{Request, Response};
use hyper::body::Incoming;
use respond::{Answer, Stop};
use std::sync::Arc;

/// What a gateway is made of.
#[derive(Debug)]
pub struct GatewayParts {
    /// Policy, approvals and sessions.
    pub governance: Governance,
    /// Judges tokens.
    pub verifier: Verifier,
    /// The register of what may be used once, which all gateways share.
    pub once: UseOnce,
    /// SAML providers, whose assertions may prove users at `/oauth/token`.
    pub saml: Vec<SamlSignIn>,
    /// The ledger.
    pub ledger: Writer,
    /// The key of `hash` masks: the same on every gateway, so that joins work.
    pub mask_key: HashKey,
    /// This gateway's identifier as a protected resource (RFC 9728), and the URL under which
    /// people reach the console: `https://gateway.acme.example`, without a trailing slash.
    pub resource: String,
    /// Reads targets' credentials.
    pub secrets: Secrets,
    /// How much there may be of anything.
    pub limits: Limits,
    /// Takes the spans of calls, if somebody wants them.
    pub tracer: Option<Tracer>,
}

/// How much there may be of anything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls in hand at once, held ones included.
    pub calls_max: usize,
    /// Bytes of masked answer that a recording keeps.
    pub recorded_bytes_max: usize,
    /// The longest that any HTTP caller is kept waiting for a human.
    pub wait_max: Span,
    /// How long the body of a request may take to arrive, but for one that is streamed.
    pub body_within: Span,
    /// How long a caller may take nothing of an answer that waits for it.
    pub answer_taken_within: Span,
    /// How long calls of one caller may pause and still be one session.
    pub session_idle: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 50_000,
            recorded_bytes_max: 256 * 1024,
            wait_max: Span::from_seconds(600),
            body_within: Span::from_seconds(60),
            answer_taken_within: Span::from_seconds(300),
            session_idle: Span::from_seconds(30 * 60),
        }
    }
}

/// The gateway. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    governance: Governance,
    verifier: Verifier,
    saml: Vec<SamlSignIn>,
    ledger: Writer,
    mask_key: Arc<HashKey>,
    resource: Arc<str>,
    home: Home,
    limits: Limits,
    routes: Arc<routes::RouteCache>,
    sessions: sessions::Sessions,
    rates: rates::Rates,
    refusals: refusals::Refusals,
    oauth: oauth::Oauth,
    waiters: hold::Waiters,
    metrics: Arc<metrics::Metrics>,
    traces: trace::Traces,
}

impl Gateway {
    /// Makes a gateway. Routes are compiled here, and again before a catalog that changed comes
    /// into force, so that no call waits for them.
    pub fn new(parts: GatewayParts) -> Self {
        let GatewayParts {
            governance,
            verifier,
            once,
            saml,
            ledger,
            mask_key,
            resource,
            secrets,
            limits,
            tracer,
        } = parts;
        let routes = Arc::new(routes::RouteCache::new(secrets));
        let prepared = Arc::clone(&routes);
        governance.before_each_catalog(move |catalog| drop(prepared.prepare(catalog)));
        drop(routes.of(&governance.policy().load()));
        let oauth = oauth::Oauth::new(once);
        Self(Arc::new(Inner {
            sessions: sessions::Sessions::new(governance.clone(), limits.session_idle),
            governance,
            verifier,
            saml,
            ledger,
            mask_key: Arc::new(mask_key),
            home: Home::new(&resource),
            resource: resource.trim_end_matches('/').into(),
            limits,
            routes,
            rates: rates::Rates::default(),
            refusals: refusals::Refusals::default(),
            oauth,
            waiters: hold::Waiters::default(),
            metrics: Arc::default(),
            traces: trace::Traces::new(tracer, &resource),
        }))
    }

    /// Answers one request. Every call ends in an answer; a refusal is an answer too.
    pub async fn handle(&self, mut request: Request<Incoming>) -> Response<Body> {
        let inner = &self.0;
        let started = inner.now();
        let (_in_hand, answer) = match inner.metrics.enter(inner.limits.calls_max) {
            Ok(in_hand) => {
                if tools::asks(inner, &request) {
                    return Box::pin(tools::answer(inner, &request)).await;
                }
                if let Some(page) = oauth::asks(inner, &request) {
                    return Box::pin(oauth::answer(inner, page, request)).await;
                }
                let trace = inner.traces.begin(&mut request);
                let answer = match inner.walk(request).await {
                    Ok(answer) => answer,
                    Err(stop) => record::refuse(inner, *stop).await,
                };
                trace.answered(&answer);
                (Some(in_hand), answer)
            }
            Err(reason) => (None, respond::turn_away(reason)),
        };
        inner.metrics.answered(&answer, inner.now().since(started));
        answer.into_response()
    }

    /// Whether a request's host name is a target's own, or says two things: that is no page either, and
    /// the gateway refuses it.
    pub fn takes_host(&self, uri: &http::Uri, headers: &http::HeaderMap) -> bool {
        let snapshot = self.0.governance.policy().load();
        match accept::host(uri, headers) {
            Ok(None) => false,
            Ok(Some(host)) => self.0.routes.of(&snapshot).target_of_host(&host).is_some(),
            Err(_) => true,
        }
    }

    /// The RFC 9728 metadata document.
    pub fn resource_metadata(&self) -> serde_json::Value {
        identify::metadata(&self.0)
    }

    /// Appends this gateway's series in the Prometheus text format.
    pub fn metrics(&self, out: &mut String) {
        self.0.metrics.write(out);
        self.0.traces.metrics(out);
    }

    /// Writes the counters of sessions to the store every second, forever.
    pub async fn keep_sessions(self) {
        self.0.sessions.keep().await;
    }

    /// Takes no new calls, tells held ones to come again, waits until those in hand have ended and
    /// are recorded, and writes the sessions' last counters. The caller bounds how long it waits.
    pub async fn drain(&self) {
        self.0.metrics.drain().await;
        self.0.sessions.flush().await;
    }
}

impl Inner {
    /// The way of a call, from bytes to answer.
    async fn walk(self: &Arc<Self>, request: Request<Incoming>) -> Result<Answer, Box<Stop>> {
        let accepted: Accepted = accept::accept(self, request)?;
        let identified = identify::identify(self, accepted).await?;
        let resolved = resolve::resolve(self, identified).await?.under_policy_in_force(self)?;
        let cleared = match decide::judge(self, &resolved)? {
            Decision::Forward(grounds) => Cleared::Granted(resolved, grounds),
            Decision::Hold(question) => {
                // Few calls are held, and every call would carry the room for it.
                Cleared::Approved(Box::pin(hold::hold(self, resolved, question)).await?)
            }
            Decision::Block(refusal) => return Err(decide::refused(self, &resolved, refusal)),
        };
        // From here on the call may run. It is finished and recorded even if nobody waits for it.
        finish::even_if_alone(Arc::clone(self), cleared).await
    }

    fn entry_id(&self, now: countersign_model::Timestamp) -> countersign_model::ids::EntryId {
        countersign_model::ids::EntryId::new(now, self.governance.entropy())
    }

    fn now(&self) -> countersign_model::Timestamp {
        self.governance.clock().now()
    }
}

#[cfg(test)]
mod tests;
