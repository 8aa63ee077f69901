//! What a held caller is told: why, who is asked, where, and what to do next.

use crate::{
    Inner,
    forward::chain,
    permit::store_unavailable,
    respond::{Stop, Told},
};
use countersign_governance::{ApprovalError, ErrorKind, Unavailable};
use countersign_model::{
    Approval, ApprovalState, FunctionName, Question, Reason, Span, Subject, catalog::Approver,
    decide::Demand,
};
use serde_json::json as object;

/// How soon a caller may ask again whether people have answered.
const ASK_AGAIN: Span = Span::from_seconds(5);
/// How soon a caller may come again that has too many held calls.
const COME_AGAIN: Span = Span::from_seconds(30);

const AGAIN: &str = "Repeat the call to ask again, if it is still needed.";

/// People have not answered yet.
pub(super) fn pending(inner: &Inner, approval: &Approval) -> Stop {
    let asked: Vec<String> = approval.demands.iter().map(|it| demand(it, approval)).collect();
    let url = format!("{}/console/approvals/{}", inner.resource, approval.id);
    let told = Told {
        sentence: format!("{} It waits for {}.", approval.sentence, asked.join("; and for ")),
        next_step: format!(
            "Ask for the approval at {url}; repeat the same call to join it, before {}.",
            approval.answer_by
        ),
    };
    let about = object!({
        "approval": approval.id,
        "approval_url": url,
        "answer_by": approval.answer_by,
    });
    Stop::new(approval.reason, told)
        .for_approval(approval.id)
        .with(about)
        .retry_after(ASK_AGAIN)
        .approval_required()
}

/// Who is asked, by name where names are known.
fn demand(demand: &Demand, approval: &Approval) -> String {
    let call = &approval.call;
    let from = demand.from.iter().map(|from| match from {
        Approver::Owner => format!("an owner ({})", names(&call.owners)),
        Approver::Group(group) => format!("the group {group}"),
        Approver::Person(person) => person.to_string(),
        Approver::Subject => format!("{}, for whom it is made", call.caller.subject),
    });
    let from: Vec<String> = from.collect();
    match demand.people {
        0 | 1 => from.join(" or "),
        people => format!("{people} people out of: {}", from.join(", ")),
    }
}

fn names(people: &[Subject]) -> String {
    people.iter().map(Subject::as_str).collect::<Vec<_>>().join(", ")
}

/// The approval has ended without being used by this call.
pub(super) fn ended(approval: &Approval) -> Stop {
    let name: &FunctionName = &approval.call.function;
    let stop = match &approval.state {
        ApprovalState::Denied { by, comment, .. } => {
            let said = if comment.is_empty() { ".".to_owned() } else { format!(": {comment}") };
            Stop::say(
                Reason::ApprovalDenied,
                &format!("{by} denied this call to {name}{said}"),
                &format!("Talk to {by} before you repeat it."),
            )
        }
        ApprovalState::Expired { .. } if approval.is_met() => Stop::say(
            Reason::ApprovalExpired,
            &format!("The approval of this call to {name} was not used in time."),
            AGAIN,
        ),
        ApprovalState::Expired { .. } => Stop::say(
            Reason::ApprovalExpired,
            &format!("Nobody approved this call to {name} in time."),
            AGAIN,
        ),
        ApprovalState::Cancelled { because: Some(reason), .. } => Stop::say(
            *reason,
            &format!("This call to {name} may not run any more: {}", reason.meaning()),
            "Ask an administrator before you repeat it.",
        ),
        ApprovalState::Cancelled { because: None, .. } | ApprovalState::Revoked { .. } => {
            Stop::say(
                Reason::ApprovalCancelled,
                &format!("The approval of this call to {name} was withdrawn."),
                AGAIN,
            )
        }
        ApprovalState::OutcomeUnknown { .. } => Stop::say(
            Reason::OutcomeUnknown,
            &format!("This call to {name} left, and nobody can know whether it ran."),
            "Find out at the target before you repeat it.",
        ),
        ApprovalState::Pending
        | ApprovalState::Approved { .. }
        | ApprovalState::Redeeming { .. }
        | ApprovalState::Executed { .. }
        | ApprovalState::Failed { .. } => Stop::say(
            Reason::ApprovalUsed,
            &format!("The approval of this call to {name} was used by another call already."),
            "An approval is good for one call. Repeat the call to ask again, if it is still \
             needed.",
        ),
    };
    stop.for_approval(approval.id)
}

/// The policy changed while people were asked: what they said yes to is not what would run.
pub(super) fn asked_for_something_else(approval: &Approval) -> Stop {
    Stop::say(
        Reason::ApprovalRequired,
        "The policy changed while this call was held, so the approval is for something else.",
        "Repeat the call to ask again.",
    )
    .for_approval(approval.id)
}

/// Somebody who said yes may not say it any more.
pub(super) fn approver_left(approval: &Approval, left: &[Subject]) -> Stop {
    Stop::say(
        Reason::ApprovalRequired,
        &format!("{} approved this call and may not approve it any more.", names(left)),
        "Repeat the call to ask again.",
    )
    .for_approval(approval.id)
}

/// What nobody can read, nobody can say yes to.
pub(super) fn too_large(question: &Question, owners: &[Subject]) -> Stop {
    let kibibytes = super::ARGUMENTS_BYTES_MAX / 1024;
    let step = if question.reason == Reason::GrantOverdue {
        format!("Ask an owner ({}) to certify the grant", names(owners))
    } else {
        "Send less at once".to_owned()
    };
    Stop::say(
        Reason::RequestTooLarge,
        &format!(
            "{} Its arguments are larger than {kibibytes} KiB, which nobody can judge.",
            question.sentence
        ),
        &format!("{step}, then repeat it."),
    )
}

/// What is sent as a stream is not known before it has gone, so nobody can say yes to it.
pub(super) fn streamed(question: &Question, owners: &[Subject]) -> Stop {
    Stop::say(
        question.reason,
        &format!(
            "{} Its body is a stream, which nobody can see before it runs.",
            question.sentence
        ),
        &format!("Ask an owner ({}) to certify the grant, then repeat it.", names(owners)),
    )
}

/// The stored arguments can't be opened.
pub(super) fn not_opened(approval: &Approval) -> Stop {
    tracing::error!(approval = %approval.id, "approved arguments can't be opened");
    Stop::say(
        Reason::StoreUnavailable,
        "The approved arguments can't be opened with the key of this gateway.",
        "Tell an administrator: the master key, or the stored request, was changed.",
    )
    .for_approval(approval.id)
}

/// No request for approval could be opened.
pub(super) fn not_asked(error: &ApprovalError) -> Stop {
    match error {
        ApprovalError::TooManyHeld => Stop::say(
            Reason::TooManyHeld,
            "This caller has as many held calls as it may.",
            "Wait until people have answered some of them.",
        )
        .retry_after(COME_AGAIN),
        ApprovalError::NotFound
        | ApprovalError::Forbidden(_)
        | ApprovalError::Refused(_)
        | ApprovalError::Comment(_)
        | ApprovalError::State(_)
        | ApprovalError::Used
        | ApprovalError::Changed
        | ApprovalError::Unavailable(_) => {
            tracing::error!(error = chain(error), "approval can't be opened");
            unavailable(error)
        }
    }
}

/// More calls come to be held than can be asked about.
pub(super) fn overloaded() -> Stop {
    Stop::say(
        Reason::Overloaded,
        "More calls come to be held at this moment than people can be asked about.",
        "Repeat the call in a moment.",
    )
    .retry_after(COME_AGAIN)
}

/// An approval could not be used; `now` is what it has become, if that can be read.
pub(super) fn not_redeemed(error: &ApprovalError, now: Option<&Approval>) -> Stop {
    match (error.status(), now) {
        (ErrorKind::Unavailable, _) | (_, None) => unavailable(error),
        (
            ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::Conflict | ErrorKind::Invalid,
            Some(approval),
        ) => ended(approval),
    }
}

/// Which of the two that every call needs is away.
fn unavailable(error: &ApprovalError) -> Stop {
    match error {
        ApprovalError::Unavailable(Unavailable::Ledger(error)) => {
            crate::permit::ledger_unavailable(error)
        }
        ApprovalError::Unavailable(
            Unavailable::Store(_) | Unavailable::EntryWaits | Unavailable::Policy,
        )
        | ApprovalError::NotFound
        | ApprovalError::Forbidden(_)
        | ApprovalError::Refused(_)
        | ApprovalError::Comment(_)
        | ApprovalError::State(_)
        | ApprovalError::Used
        | ApprovalError::TooManyHeld
        | ApprovalError::Changed => store_unavailable(),
    }
}
