//! A permit: the right to send one call, once. It is made only here, from the ledger's receipt
//! for the call's intent; `forward` takes it by value.

use crate::{
    Inner,
    cut::expires_at,
    forward::{Upstream, chain},
    headers,
    metrics::Leaving,
    resolve::{Outgoing, Resolved},
    respond::Stop,
    routes::{FunctionRoute, Routes},
    sessions::Session,
    trace::{Part, Trace},
};
use countersign_ledger::{LedgerError, Receipt, commitment};
use countersign_model::{
    ApprovalId, CallId, Caller, Digest, Epoch, Function, GrantRef, Grounds, Reason, Snapshot, Span,
    Timestamp,
    catalog::{RecordRule, Target},
    decide::{Cut, may_go_on},
    digest::Salt,
    json,
    record::{CallIntent, Entry, Event, Who},
};
use http::HeaderMap;
use serde_json::Value;
use std::sync::Arc;

/// The right to send one call, once. Never `Clone`.
#[derive(Debug)]
pub(crate) struct Permit {
    /// In a box: it goes through every stage that follows.
    flight: Box<Flight>,
    outgoing: Outgoing,
}

impl Permit {
    pub(crate) fn into_parts(self) -> (Box<Flight>, Outgoing) {
        (self.flight, self.outgoing)
    }
}

/// A call that has its intent in the ledger: all that its outcome needs to say.
#[derive(Debug)]
pub(crate) struct Flight {
    call: CallId,
    pub(crate) trace: Trace,
    /// When the intent was written.
    pub(crate) left_at: Timestamp,
    pub(crate) session: Arc<Session>,
    pub(crate) who: Who,
    caller: Arc<Caller>,
    pub(crate) reason: Reason,
    pub(crate) approval: Option<ApprovalId>,
    pub(crate) grants: Vec<GrantRef>,
    /// When the first of the grants ends by itself.
    expires_at: Option<Timestamp>,
    pub(crate) salt: Salt,
    pub(crate) arguments: Value,
    _receipt: Receipt,
    function: Arc<Function>,
    snapshot: Arc<Snapshot>,
    routes: Arc<Routes>,
    ix: countersign_model::catalog::FunctionIx,
    request_headers: HeaderMap,
    /// Until its outcome is recorded, the gateway does not end in good order.
    _leaving: Leaving,
}

impl Flight {
    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    pub(crate) fn function(&self) -> &Arc<Function> {
        &self.function
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The policy under which it was let through.
    pub(crate) fn epoch(&self) -> Epoch {
        self.snapshot.epoch()
    }

    /// When the first of its grants ends by itself, as that policy has it.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether it may go on under another policy.
    pub(crate) fn may_go_on(&self, snapshot: &Snapshot, now: Timestamp) -> Result<(), Cut> {
        may_go_on(&self.caller, &self.function, &self.grants, snapshot, now)
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        self.snapshot.catalog().target(self.function.target)
    }

    pub(crate) fn upstream(&self) -> Option<&Upstream> {
        self.routes.upstream(self.function.target)
    }

    pub(crate) fn route(&self) -> Option<&FunctionRoute> {
        self.routes.function(self.ix)
    }

    pub(crate) fn request_headers(&self) -> &HeaderMap {
        &self.request_headers
    }

    /// What becomes of the answer's bytes.
    pub(crate) fn answer(&self) -> headers::Bytes {
        let plan = self.route().and_then(|it| it.answer.as_ref());
        if plan.is_some_and(|it| it.is_empty()) {
            headers::Bytes::AsSent
        } else {
            headers::Bytes::Changed
        }
    }

    /// Whether the answer must be legible here: it is masked, or kept for replay.
    pub(crate) fn reads_answer(&self) -> bool {
        match (self.answer(), self.function.record) {
            (headers::Bytes::Changed, _) | (headers::Bytes::AsSent, RecordRule::Full) => true,
            (headers::Bytes::AsSent, RecordRule::Arguments | RecordRule::None) => false,
        }
    }

    /// Says of a stop which call it ended. Its outcome is in the ledger already.
    pub(crate) fn stop(&self, mut stop: Stop) -> Box<Stop> {
        stop.details.who = Some(Box::new(self.who.clone()));
        stop.details.function = Some(self.function.name.clone());
        stop.recorded().at(self.call)
    }
}

/// Writes the intent of a call that its grants carry, and makes its permit.
pub(crate) async fn permit(
    inner: &Inner,
    resolved: Resolved,
    grounds: &Grounds,
) -> Result<Permit, Box<Stop>> {
    let why = Why {
        reason: grounds.reason(),
        approval: None,
        grants: grounds.grants().to_vec(),
        expires_at: grounds.expires_at(),
    };
    write_intent(inner, resolved, why).await
}

/// Writes the intent of a call that a human approved, and makes its permit. The approval is in
/// state `redeeming` for this call.
pub(crate) async fn permit_approved(
    inner: &Inner,
    resolved: Resolved,
    approval: ApprovalId,
    grants: Vec<GrantRef>,
) -> Result<Permit, Box<Stop>> {
    let expires_at = expires_at(&grants, resolved.snapshot());
    let why = Why { reason: Reason::Approved, approval: Some(approval), grants, expires_at };
    write_intent(inner, resolved, why).await
}

/// Why a call may run.
struct Why {
    reason: Reason,
    approval: Option<ApprovalId>,
    grants: Vec<GrantRef>,
    expires_at: Option<Timestamp>,
}

async fn write_intent(inner: &Inner, resolved: Resolved, why: Why) -> Result<Permit, Box<Stop>> {
    let session = match inner.sessions.of(&resolved, inner).await {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(error = chain(&error), "session can't be opened");
            return Err(resolved.stop(store_unavailable()));
        }
    };
    resolved.trace.may_run(session.id, why.approval);
    let salt = Salt(inner.governance.entropy().bytes());
    let mut canonical = Vec::new();
    json::canonical_into(resolved.arguments(), &mut canonical);
    let who = Who::from(&**resolved.caller());
    let left_at = inner.now();
    let function = resolved.function();
    let target = resolved.target().map(|it| it.name.clone());
    let intent = CallIntent {
        call: resolved.call,
        session: session.id,
        epoch: resolved.snapshot().epoch(),
        who: who.clone(),
        function: function.name.clone(),
        contract: function.contract,
        target: target.unwrap_or_else(|| function.name.target().into()),
        grants: why.grants.clone(),
        reason: why.reason,
        approval: why.approval,
        arguments: Digest(commitment(&salt.0, &canonical)),
    };
    let entry = Entry::new(inner.entry_id(left_at), left_at, Event::CallIntent(Box::new(intent)));
    resolved.trace.begins(Part::Intent);
    let receipt = match inner.ledger.append(entry.to_bytes()).await {
        Ok(receipt) => receipt,
        Err(error) => return Err(resolved.stop(ledger_unavailable(&error))),
    };
    resolved.trace.ends(Part::Intent);
    let leaving = inner.metrics.leave();
    let written = Written { left_at, session, who, why, salt, receipt, leaving };
    Ok(resolved.permitted(written))
}

/// An intent that is durable. Only this module makes one, and a permit needs it.
struct Written {
    left_at: Timestamp,
    session: Arc<Session>,
    who: Who,
    why: Why,
    salt: Salt,
    receipt: Receipt,
    leaving: Leaving,
}

impl Resolved {
    fn permitted(self, written: Written) -> Permit {
        let Written { left_at, session, who, why, salt, receipt, leaving } = written;
        let parts = self.into_flight_parts();
        let Why { reason, approval, grants, expires_at } = why;
        let flight = Flight {
            call: parts.call,
            trace: parts.trace,
            left_at,
            session,
            who,
            caller: parts.caller,
            reason,
            approval,
            grants,
            expires_at,
            salt,
            arguments: parts.arguments,
            _receipt: receipt,
            function: parts.function,
            snapshot: parts.snapshot,
            routes: parts.routes,
            ix: parts.ix,
            request_headers: parts.headers,
            _leaving: leaving,
        };
        Permit { flight: Box::new(flight), outgoing: parts.outgoing }
    }
}

/// What a flight takes over from a resolved call.
#[derive(Debug)]
pub(crate) struct FlightParts {
    pub(crate) call: CallId,
    pub(crate) trace: Trace,
    pub(crate) arguments: Value,
    pub(crate) caller: Arc<Caller>,
    pub(crate) function: Arc<Function>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) ix: countersign_model::catalog::FunctionIx,
    pub(crate) headers: HeaderMap,
    pub(crate) outgoing: Outgoing,
}

/// No ledger, no call.
pub(crate) fn ledger_unavailable(error: &LedgerError) -> Stop {
    tracing::error!(error = chain(error), "ledger can't be written");
    Stop::say(
        Reason::LedgerUnavailable,
        "The ledger can't be written now, and nothing runs without a record.",
        "Try again in a moment; if it stays so, tell an administrator.",
    )
    .retry_after(Span::from_seconds(5))
}

/// No facts, no call.
pub(crate) fn store_unavailable() -> Stop {
    Stop::say(
        Reason::StoreUnavailable,
        "The store of facts can't be reached now.",
        "Try again in a moment; if it stays so, tell an administrator.",
    )
    .retry_after(Span::from_seconds(5))
}
