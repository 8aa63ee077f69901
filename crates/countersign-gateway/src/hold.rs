//! A held call: asks people, waits as long as the caller wants to, and turns their yes into a
//! permit. What was approved is what runs: the stored arguments are executed (A1), once (A2), under
//! the policy of that moment (A3).

use crate::{
    Inner, decide,
    masking::{Coding, Pipeline},
    permit::{Permit, permit_approved, store_unavailable},
    resolve::Resolved,
    respond::Stop,
    routes::FunctionRoute,
};
use countersign_governance::{ApprovalError, ErrorKind, Finish, NewApproval};
use countersign_mask::{Format, Plan};
use countersign_model::{
    Approval, ApprovalState, Decision, Digest, GrantRef, Reason, Span, Timestamp,
    approval::{Binding, HeldCall, call_digest},
    catalog::FunctionName,
    decide::Question,
    json,
};
use http::HeaderMap;
use serde_json::{Value, json as object};
use std::{collections::BTreeSet, sync::Arc};

/// How soon a caller may ask again whether people have answered.
const ASK_AGAIN: Span = Span::from_seconds(5);

pub(crate) async fn hold(
    inner: &Arc<Inner>,
    mut resolved: Resolved,
    question: Question,
) -> Result<Permit, Box<Stop>> {
    let _held = inner.metrics.hold();
    let deadline = inner.now().plus(wait(inner, &resolved.headers, &question));
    let digest = digest(&resolved, &question.grants)?;
    let approval = open(inner, &resolved, &question, digest).await?;
    let approval = wait_for_people(inner, &resolved, approval, deadline).await?;
    // The policy of this moment decides, not the one under which people were asked.
    if resolved.under(inner).is_none() {
        return Err(resolved.stop(crate::resolve::not_catalogued()));
    }
    let grants = match decide::judge_again(inner, &resolved)? {
        Decision::Forward(grounds) => grounds.grants().to_vec(),
        Decision::Hold(again) if approval.satisfies(&again.demands) => again.grants,
        Decision::Hold(_) => return Err(resolved.stop(asked_for_something_else(&approval))),
        Decision::Block(refusal) => return Err(decide::refused(inner, &resolved, refusal)),
    };
    if self::digest(&resolved, &grants)? != approval.digest {
        return Err(resolved.stop(asked_for_something_else(&approval)));
    }
    redeem(inner, resolved, approval, grants).await
}

/// Uses the approval up and takes its stored arguments.
async fn redeem(
    inner: &Arc<Inner>,
    mut resolved: Resolved,
    approval: Approval,
    grants: Vec<GrantRef>,
) -> Result<Permit, Box<Stop>> {
    let call = resolved.call;
    let redeemed = inner.governance.redeem(approval.id, call).await;
    let redeemed = redeemed.map_err(|error| resolved.stop(refused(&error, &approval)))?;
    let opened = inner.governance.master().open(&redeemed.digest.0, &redeemed.call.sealed);
    let stored = opened.ok().and_then(|bytes| json::parse(&bytes, json::Limits::default()).ok());
    let failed = match stored.map(|arguments| resolved.run_instead(arguments)) {
        Some(Ok(())) => None,
        Some(Err(stop)) => Some(resolved.stop(stop)),
        None => {
            let sentence = "The approved arguments can't be opened with the key of this gateway.";
            let step = "Repeat the call to ask again, and tell an administrator.";
            Some(resolved.stop(Stop::say(Reason::ApprovalUsed, sentence, step)))
        }
    };
    let permit = match failed {
        Some(stop) => Err(stop),
        None => permit_approved(inner, resolved, approval.id, grants).await,
    };
    if let Err(stop) = &permit {
        // It never left: the approval says so, and can't be used again.
        let finish = Finish::Failed(stop.reason);
        if let Err(error) = inner.governance.finish(approval.id, call, finish).await {
            tracing::error!(approval = %approval.id, error = %error, "approval can't be closed");
        }
    }
    permit
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

async fn open(
    inner: &Inner,
    resolved: &Resolved,
    question: &Question,
    digest: Digest,
) -> Result<Approval, Box<Stop>> {
    let entropy = inner.governance.entropy();
    let function = resolved.function();
    let caller = resolved.caller();
    let canonical = json::canonical(resolved.arguments());
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
    let new = NewApproval { digest, call, question: question.clone(), salt: entropy.bytes() };
    match inner.governance.open_approval(new).await {
        Ok(opened) => Ok(opened.approval),
        Err(error) => Err(resolved.stop(not_opened(&error))),
    }
}

/// Waits until people have answered, or the caller's patience ends.
async fn wait_for_people(
    inner: &Inner,
    resolved: &Resolved,
    mut approval: Approval,
    deadline: Timestamp,
) -> Result<Approval, Box<Stop>> {
    let mut changes = inner.governance.watch_approval(approval.id);
    loop {
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
                return Err(resolved.stop(ended(&approval)));
            }
        }
        let left = deadline.since(inner.now());
        let still = Stop::new(approval.reason, pending(inner, &approval))
            .for_approval(approval.id)
            .with(about(inner, &approval))
            .retry_after(ASK_AGAIN)
            .approval_required();
        if left <= Span::default() {
            return Err(resolved.stop(still));
        }
        match tokio::time::timeout(left.duration(), changes.changed()).await {
            Ok(Ok(())) => {}
            // The watch ended with its governance: the gateway is ending.
            Ok(Err(_)) | Err(_) => return Err(resolved.stop(still)),
        }
        approval = match inner.governance.approval(approval.id).await {
            Ok(Some(approval)) => approval,
            Ok(None) | Err(_) => return Err(resolved.stop(store_unavailable())),
        };
    }
}

/// How long this caller waits: what it asks for (RFC 7240 `Prefer: wait`), within the rule's time.
fn wait(inner: &Inner, headers: &HeaderMap, question: &Question) -> Span {
    let longest = question.wait.min(inner.limits.wait_max);
    let asked = headers
        .get_all("prefer")
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split([',', ';']))
        .filter_map(|it| it.trim().strip_prefix("wait=")?.parse::<u32>().ok())
        .map(|seconds| Span::from_seconds(i64::from(seconds)))
        .next();
    asked.map_or(longest, |asked| asked.min(longest))
}

/// The arguments as they may be shown, and pointers to what is hidden. If they can't be masked,
/// all are hidden.
pub(crate) fn shown(
    inner: &Inner,
    route: Option<&FunctionRoute>,
    arguments: &Value,
) -> (Value, Vec<String>) {
    let plan: Option<&Arc<Plan>> = route.and_then(|it| it.arguments.as_ref());
    let Some(plan) = plan else { return (object!({}), vec![String::new()]) };
    if plan.is_empty() {
        return (arguments.clone(), Vec::new());
    }
    let text = arguments.to_string();
    let plan = Arc::clone(plan);
    let pipeline = Pipeline::masking(plan, &inner.mask_key, Format::Json, Coding::Identity);
    let masked = pipeline.whole(text.into());
    let masked = masked.ok().and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
    match masked {
        Some(masked) => {
            let mut hidden = Vec::new();
            differences(arguments, &masked, &mut String::new(), &mut hidden);
            (masked, hidden)
        }
        None => (object!({}), vec![String::new()]),
    }
}

/// JSON pointers to where two values differ.
fn differences(from: &Value, to: &Value, pointer: &mut String, out: &mut Vec<String>) {
    let mut below = |step: &str, from: &Value, to: Option<&Value>, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        match to {
            Some(to) => differences(from, to, pointer, out),
            None => out.push(pointer.clone()),
        }
        pointer.truncate(length);
    };
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => {
            for (name, value) in from {
                below(name, value, to.get(name), pointer);
            }
        }
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            for (place, (from, to)) in from.iter().zip(to).enumerate() {
                below(&place.to_string(), from, Some(to), pointer);
            }
        }
        (from, to) if from != to => out.push(pointer.clone()),
        (_, _) => {}
    }
}

/// What a waiting caller is told.
fn pending(inner: &Inner, approval: &Approval) -> crate::respond::Told {
    let asked: BTreeSet<String> =
        approval.demands.iter().flat_map(|it| &it.from).map(ToString::to_string).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    crate::respond::Told {
        sentence: format!("{} It waits for {}.", approval.sentence, asked.join(", ")),
        next_step: format!(
            "Ask for the approval at {}; repeat the same call to join it, before {}.",
            url(inner, approval),
            approval.answer_by
        ),
    }
}

fn about(inner: &Inner, approval: &Approval) -> Value {
    object!({
        "approval": approval.id,
        "approval_url": url(inner, approval),
        "answer_by": approval.answer_by,
    })
}

fn url(inner: &Inner, approval: &Approval) -> String {
    format!("{}/console/approvals/{}", inner.resource, approval.id)
}

fn ended(approval: &Approval) -> Stop {
    const AGAIN: &str = "Repeat the call to ask again, if it is still needed.";
    let name: &FunctionName = &approval.call.function;
    let stop = match &approval.state {
        ApprovalState::Denied { by, comment, .. } => {
            let said = if comment.is_empty() { String::new() } else { format!(": {comment}") };
            Stop::say(
                Reason::ApprovalDenied,
                &format!("{by} denied this call to {name}{said}"),
                &format!("Talk to {by} before you repeat it."),
            )
        }
        ApprovalState::Expired { .. } => Stop::say(
            Reason::ApprovalExpired,
            &format!("Nobody approved this call to {name} in time."),
            AGAIN,
        ),
        ApprovalState::Cancelled { .. } | ApprovalState::Revoked { .. } => Stop::say(
            Reason::ApprovalCancelled,
            &format!("The approval of this call to {name} was withdrawn."),
            AGAIN,
        ),
        ApprovalState::OutcomeUnknown { .. } => Stop::say(
            Reason::OutcomeUnknown,
            &format!("This call to {name} left, and nobody can know whether it ran."),
            "Find out at the target before you repeat it.",
        ),
        ApprovalState::Pending
        | ApprovalState::Approved { .. }
        | ApprovalState::Redeeming { .. }
        | ApprovalState::Executed { .. }
        | ApprovalState::Failed { .. } => used(name),
    };
    stop.for_approval(approval.id)
}

fn used(name: &FunctionName) -> Stop {
    Stop::say(
        Reason::ApprovalUsed,
        &format!("The approval of this call to {name} was used by another call already."),
        "An approval is good for one call. Repeat the call to ask again, if it is still needed.",
    )
}

/// The policy changed while people were asked: what they said yes to is not what would run.
fn asked_for_something_else(approval: &Approval) -> Stop {
    Stop::say(
        Reason::ApprovalRequired,
        "The policy changed while this call was held, so the approval is for something else.",
        "Repeat the call to ask again.",
    )
    .for_approval(approval.id)
}

fn refused(error: &ApprovalError, approval: &Approval) -> Stop {
    match error.status() {
        ErrorKind::Unavailable => store_unavailable(),
        ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::Conflict | ErrorKind::Invalid => {
            used(&approval.call.function).for_approval(approval.id)
        }
    }
}

fn not_opened(error: &ApprovalError) -> Stop {
    match error {
        ApprovalError::TooManyHeld => Stop::say(
            Reason::TooManyHeld,
            "This caller has as many held calls as it may.",
            "Wait until people have answered some of them.",
        )
        .retry_after(Span::from_seconds(30)),
        ApprovalError::NotFound
        | ApprovalError::Forbidden(_)
        | ApprovalError::Refused(_)
        | ApprovalError::Comment(_)
        | ApprovalError::State(_)
        | ApprovalError::Used
        | ApprovalError::Changed
        | ApprovalError::Unavailable(_) => {
            tracing::error!(error = %error, "approval can't be opened");
            store_unavailable()
        }
    }
}
