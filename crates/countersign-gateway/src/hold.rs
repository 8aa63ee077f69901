//! A held call: asks people, waits as long as the caller wants to, and turns their yes into a
//! permit. What was approved is what runs: the stored arguments are executed (A1), once (A2), under
//! the policy of that moment (A3).
//!
//! A call that waits can be given up at any time, and the approval stays for its repeat. From
//! [`Approved::redeem`] on it can't: the approval is used up, so that part goes on to its end even
//! when the caller has gone.

mod prefer;
mod say;
mod shown;
mod waiters;

pub(crate) use shown::shown;
pub(crate) use waiters::Waiters;

use crate::{
    Inner, decide,
    forward::chain,
    permit::{Permit, permit_approved, store_unavailable},
    resolve::{OutgoingBody, Resolved, Waiting},
    respond::Stop,
    trace::Part,
};
use countersign_governance::{Finish, NewApproval};
use countersign_model::{
    Approval, ApprovalId, ApprovalState, Decision, Digest, GrantRef, Span,
    approval::{Binding, HeldCall, call_digest},
    decide::Question,
    json,
};
use http::HeaderMap;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Bytes of arguments, as canonical JSON, that a held call has at most: a person must be able to read
/// them, and each open request keeps them several times over.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = 256 * 1024;

/// A call that people said yes to, with the arguments that they saw.
#[derive(Debug)]
pub(crate) struct Approved {
    resolved: Resolved,
    approval: ApprovalId,
}

/// Asks people about a call, and waits for them as long as the caller wants to.
pub(crate) async fn hold(
    inner: &Inner,
    resolved: Resolved,
    question: Question,
) -> Result<Approved, Box<Stop>> {
    if let OutgoingBody::Stream(..) = resolved.outgoing.body {
        let owners = &resolved.function().owners;
        return Err(resolved.stop(say::streamed(&question, owners)));
    }
    resolved.trace.begins(Part::Hold);
    let place = inner.waiters.enter(&resolved.caller().subject);
    let patience = match &place {
        Some(_) => wait(inner, &resolved.headers, &question),
        None => Span::default(),
    };
    let patience = Instant::now() + patience.duration();
    let approval = ask(inner, &resolved, question).await?;
    resolved.trace.asks(approval);
    let _held = inner.metrics.hold();
    let epoch = resolved.snapshot().epoch();
    let waiting = resolved.wait();
    let approval = tokio::select! {
        approval = wait_for_people(inner, &waiting, approval, patience) => approval,
        stop = waiting.cut(inner, epoch) => Err(may_not_run(inner, approval, stop).await),
    };
    waiting.trace.ends(Part::Hold);
    let approval = approval?;
    crate::identify::still_holds(inner, waiting.caller()).map_err(|stop| waiting.stop(*stop))?;
    let opened = inner.governance.master().open(&approval.digest.0, &approval.call.sealed);
    let stored = opened.ok().and_then(|bytes| json::parse(&bytes, json::Limits::default()).ok());
    let Some(arguments) = stored else { return Err(waiting.stop(say::not_opened(&approval))) };
    let resolved = waiting.resume(inner, arguments)?;
    // A call that would be refused leaves the approval as it is.
    judge_again(inner, &resolved, &approval)?;
    Ok(Approved { resolved, approval: approval.id })
}

impl Approved {
    /// Uses the approval up.
    pub(crate) async fn redeem(self, inner: &Inner) -> Result<Permit, Box<Stop>> {
        let Self { resolved, approval: id } = self;
        let call = resolved.call;
        let permit = match inner.governance.redeem(id, call).await {
            Ok(redeemed) => leave(inner, resolved, redeemed).await,
            Err(error) => {
                tracing::info!(approval = %id, error = chain(&error), "approval not redeemed");
                let now = inner.governance.approval(id).await.ok().flatten();
                Err(resolved.stop(say::not_redeemed(&error, now.as_ref())))
            }
        };
        if let Err(stop) = &permit {
            // It never left: if it took the approval, the approval says so, and can't be used again.
            // That is so too where `redeem` failed after its commit.
            let finish = Finish::Failed(stop.reason);
            if let Err(error) = inner.governance.finish(id, call, finish).await {
                tracing::info!(approval = %id, error = chain(&error), "approval not closed");
            }
        }
        permit
    }
}

/// Redeeming waits for the store and the ledger, and the policy may have changed in that time.
async fn leave(inner: &Inner, resolved: Resolved, redeemed: Approval) -> Result<Permit, Box<Stop>> {
    let resolved = if resolved.snapshot().epoch() == inner.governance.policy().load().epoch() {
        resolved
    } else {
        let arguments = resolved.arguments().clone();
        resolved.wait().resume(inner, arguments)?
    };
    let grants = judge_again(inner, &resolved, &redeemed)?;
    permit_approved(inner, resolved, redeemed.id, grants).await
}

/// The policy of this moment decides, not the one under which people were asked. Returns the grants
/// that carry the call.
fn judge_again(
    inner: &Inner,
    resolved: &Resolved,
    approval: &Approval,
) -> Result<Vec<GrantRef>, Box<Stop>> {
    let grants = match decide::judge_again(inner, resolved)? {
        Decision::Forward(grounds) => grounds.grants().to_vec(),
        Decision::Hold(again) if !approval.satisfies(&again.demands) => {
            return Err(resolved.stop(say::asked_for_something_else(approval)));
        }
        Decision::Hold(again) => {
            // Whoever said yes must still be somebody whose yes counts (A3, A6).
            let policy = resolved.snapshot();
            if !approval.judged_under(policy).satisfies(&again.demands) {
                let left = approval.no_longer_standing(policy);
                return Err(resolved.stop(say::approver_left(approval, &left)));
            }
            again.grants
        }
        Decision::Block(refusal) => return Err(decide::refused(inner, resolved, refusal)),
    };
    if digest(resolved, &grants)? == approval.digest {
        return Ok(grants);
    }
    Err(resolved.stop(say::asked_for_something_else(approval)))
}

fn digest(resolved: &Resolved, grants: &[GrantRef]) -> Result<Digest, Box<Stop>> {
    let function = resolved.function();
    let target = resolved.target();
    let target = target.ok_or_else(|| resolved.stop(crate::resolve::not_catalogued()))?;
    Ok(call_digest(&Binding {
        caller: resolved.caller(),
        function: &function.name,
        contract: function.contract,
        target: &target.name,
        arguments: resolved.arguments(),
        grants,
    }))
}

/// Opens a request for approval, or joins the one that is open about the same call.
async fn ask(
    inner: &Inner,
    resolved: &Resolved,
    question: Question,
) -> Result<ApprovalId, Box<Stop>> {
    let Some(_turn) = inner.waiters.turn_to_open().await else {
        return Err(resolved.stop(say::overloaded()));
    };
    let digest = digest(resolved, &question.grants)?;
    let entropy = inner.governance.entropy();
    let function = resolved.function();
    let caller = resolved.caller();
    let canonical = json::canonical(resolved.arguments());
    if canonical.len() > ARGUMENTS_BYTES_MAX {
        return Err(resolved.stop(say::too_large(&question, &function.owners)));
    }
    let mut fill = |bytes: &mut [u8]| entropy.fill(bytes);
    let sealed = inner.governance.master().seal(&digest.0, canonical.as_bytes(), &mut fill);
    let sealed = sealed.map_err(|_| resolved.stop(store_unavailable()))?;
    let (shown, hidden) = shown(inner, resolved.route(), resolved.arguments());
    let agents = resolved.snapshot().agents();
    let sponsors: BTreeSet<_> =
        caller.chain().filter_map(|it| agents.get(it)).map(|it| it.sponsor.clone()).collect();
    let first = question.grants.first().map(|it| it.id);
    let certified_at = resolved
        .snapshot()
        .grants()
        .find(|it| Some(it.id) == first)
        .and_then(|it| it.certified.as_ref().map(|it| it.at));
    let call = HeldCall {
        caller: (**caller).clone(),
        function: function.name.clone(),
        target: resolved
            .target()
            .map_or_else(|| function.name.target().into(), |it| it.name.clone()),
        contract: function.contract,
        purpose: function.purpose.clone(),
        sensitivity: function.sensitivity,
        owners: function.owners.clone(),
        sponsors,
        grants: question.grants.clone(),
        certified_at,
        shown,
        hidden,
        sealed,
    };
    let new = NewApproval { digest, call, question, salt: entropy.bytes() };
    match inner.governance.open_approval(new).await {
        Ok(opened) => Ok(opened.approval.id),
        Err(error) => Err(resolved.stop(say::not_asked(&error))),
    }
}

/// Waits until people have answered, the caller's patience ends, or the gateway does.
async fn wait_for_people(
    inner: &Inner,
    waiting: &Waiting,
    id: ApprovalId,
    patience: Instant,
) -> Result<Approval, Box<Stop>> {
    // Watched before it is read: an answer in between is not missed.
    let mut changes = inner.governance.watch_approval(id);
    loop {
        let Some(approval) = read(inner, id).await else {
            return Err(waiting.stop(store_unavailable().for_approval(id)));
        };
        match &approval.state {
            ApprovalState::Approved { .. } => return Ok(approval),
            ApprovalState::Pending => {}
            ApprovalState::Denied { .. }
            | ApprovalState::Expired { .. }
            | ApprovalState::Cancelled { .. }
            | ApprovalState::Revoked { .. }
            | ApprovalState::Redeeming { .. }
            | ApprovalState::Executed { .. }
            | ApprovalState::Failed { .. }
            | ApprovalState::OutcomeUnknown { .. } => {
                return Err(waiting.stop(say::ended(&approval)));
            }
        }
        let now = Instant::now();
        if now >= patience || inner.metrics.is_draining() {
            return Err(waiting.stop(say::pending(inner, &approval)));
        }
        let answer_in = approval.answer_by.since(inner.now()).duration();
        // Thousands may wait here: they keep nothing of the approval.
        drop(approval);
        let until = patience.min(now + answer_in);
        tokio::select! {
            changed = tokio::time::timeout_at(until, changes.changed()) => {
                if let Ok(Err(_)) = changed {
                    return Err(waiting.stop(store_unavailable().for_approval(id)));
                }
            }
            () = inner.metrics.drains() => {}
        }
    }
}

/// Nobody needs to be asked any more about a call that may not run. Governance ends such requests
/// too; this one was made while it did.
async fn may_not_run(inner: &Inner, id: ApprovalId, stop: Box<Stop>) -> Box<Stop> {
    if let Err(error) = inner.governance.end_request(id, stop.reason).await {
        // It can't be used: it is judged again before it runs.
        tracing::info!(approval = %id, error = chain(&error), "approval not ended");
    }
    Box::new(stop.for_approval(id))
}

async fn read(inner: &Inner, id: ApprovalId) -> Option<Approval> {
    let _turn = inner.waiters.turn_to_read().await?;
    inner.governance.approval(id).await.ok().flatten()
}

/// How long this caller waits: what it asks for, within the rule's time.
fn wait(inner: &Inner, headers: &HeaderMap, question: &Question) -> Span {
    let longest = question.wait.min(inner.limits.wait_max);
    let asked = prefer::wait_seconds(headers).map(|it| Span::from_seconds(i64::from(it)));
    asked.map_or(longest, |asked| asked.min(longest))
}
