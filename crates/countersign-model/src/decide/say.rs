//! What a refusal says: a sentence that a person understands, and a next step.

use super::Refusal;
use crate::{
    Denial, Function, Grant, Reason, Span, Subject, Timestamp,
    catalog::{ApprovalRule, Rate, Separation},
    grant::Ended,
    schema::Violation,
    snapshot::{CompiledGrant, Deactivation, Kill, KillScope, Suspension},
};
use std::fmt::Write as _;

pub(super) fn not_catalogued() -> Refusal {
    Refusal {
        reason: Reason::NotCatalogued,
        sentence: "This function is not in the catalog.".to_owned(),
        next_step: "Repeat the call; if it stays so, ask an administrator to add the function."
            .to_owned(),
        retry_after: None,
    }
}

pub(super) fn killed(kill: &Kill) -> Refusal {
    let what = match &kill.scope {
        KillScope::Everything => "All calls are".to_owned(),
        KillScope::Target(name) => format!("Calls to {name} are"),
        KillScope::Function(name) => format!("Calls to {name} are"),
    };
    Refusal {
        reason: Reason::KillSwitch,
        sentence: format!("{what} stopped since {} by {}: {}", kill.at, kill.by, kill.why),
        next_step: format!("Wait until calls are let through again, or ask {}.", kill.by),
        retry_after: None,
    }
}

pub(super) fn unowned(function: &Function, since: Timestamp) -> Refusal {
    let names: Vec<&str> = function.owners.iter().map(Subject::as_str).collect();
    Refusal {
        reason: Reason::NoLivingOwner,
        sentence: format!(
            "Nobody answers for {} any more: {} left or may do nothing here. Its calls are stopped since {}.",
            function.name,
            names.join(", "),
            since.date()
        ),
        next_step: format!(
            "Ask an administrator to name an owner of {} in the catalog; then calls go on at once.",
            function.name
        ),
        retry_after: None,
    }
}

pub(super) fn suspended(it: &Suspension) -> Refusal {
    Refusal {
        reason: Reason::SubjectSuspended,
        sentence: format!("{} is suspended since {}: {}", it.subject, it.at.date(), it.why),
        next_step: format!("Ask {} or an administrator to lift the suspension.", it.by),
        retry_after: None,
    }
}

pub(super) fn sponsor_suspended(agent: &Subject, it: &Suspension) -> Refusal {
    Refusal {
        reason: Reason::SubjectSuspended,
        sentence: format!(
            "{}, who answers for {agent}, is suspended since {}: {}",
            it.subject,
            it.at.date(),
            it.why
        ),
        next_step: format!("Ask an administrator to name another sponsor for {agent}."),
        retry_after: None,
    }
}

pub(super) fn deactivated(it: &Deactivation) -> Refusal {
    Refusal {
        reason: Reason::SubjectDeactivated,
        sentence: format!(
            "{} is deactivated in the directory {} since {}.",
            it.subject,
            it.directory,
            it.at.date()
        ),
        next_step: "Ask whoever keeps the directory to activate the account again.".to_owned(),
        retry_after: None,
    }
}

pub(super) fn without_sponsor(agent: &Subject, it: &Deactivation) -> Refusal {
    Refusal {
        reason: Reason::SponsorDeactivated,
        sentence: format!(
            "Nobody answers for {agent}: its sponsor {} is deactivated in the directory {} since {}.",
            it.subject,
            it.directory,
            it.at.date()
        ),
        next_step: format!("Ask an administrator to name another sponsor of {agent}."),
        retry_after: None,
    }
}

pub(super) fn denied(it: &Denial, subject: &Subject, function: &Function) -> Refusal {
    Refusal {
        reason: Reason::Denied,
        sentence: format!(
            "{} is denied to {subject} since {} by {}: {}",
            function.name,
            it.at.date(),
            it.by,
            it.why
        ),
        next_step: format!("Ask {} or an administrator to lift the denial {}.", it.by, it.id),
        retry_after: None,
    }
}

pub(super) fn separated(
    subject: &Subject,
    function: &Function,
    other: &Function,
    grant: &Grant,
    separation: &Separation,
) -> Refusal {
    Refusal {
        reason: Reason::SeparationOfDuties,
        sentence: format!(
            "{subject} may call {} on the grant {}, and nobody may hold that and {} ({}): {}",
            other.name, grant.id, function.name, separation.name, separation.why
        ),
        next_step: format!(
            "Give back one of both, or ask {} who else can make this call.",
            owners(function)
        ),
        retry_after: None,
    }
}

pub(super) fn no_grant(subject: &Subject, function: &Function) -> Refusal {
    Refusal {
        reason: Reason::NoGrant,
        sentence: format!("{subject} has no grant to call {}.", function.name),
        next_step: format!("Ask {} for a grant.", owners(function)),
        retry_after: None,
    }
}

pub(super) fn ended(ended: &Ended, function: &Function) -> Refusal {
    let (reason, sentence, wanted) = match ended {
        Ended::Revoked { by, at } => (
            Reason::GrantRevoked,
            format!("The grant for {} was revoked by {by} on {}.", function.name, at.date()),
            "for a new grant",
        ),
        Ended::Expired { at } => (
            Reason::GrantExpired,
            format!("The grant for {} expired on {}.", function.name, at.date()),
            "for a new grant",
        ),
        Ended::Suspended { by, at, why } => (
            Reason::GrantSuspended,
            format!(
                "The grant for {} is suspended by {by} since {}: {why}",
                function.name,
                at.date()
            ),
            "to look at the grant and resume it",
        ),
    };
    let next_step = format!("Ask {} {wanted}.", owners(function));
    Refusal { reason, sentence, next_step, retry_after: None }
}

pub(super) fn missing_scope(function: &Function, missing: &[&str]) -> Refusal {
    let missing = missing.join(" ");
    Refusal {
        reason: Reason::MissingScope,
        sentence: format!("The token lacks the scope that {} asks for: {missing}.", function.name),
        next_step: format!("Ask your identity provider for a token with the scope {missing}."),
        retry_after: None,
    }
}

pub(super) fn arguments_invalid(function: &Function, fault: &Violation) -> Refusal {
    Refusal {
        reason: Reason::ArgumentsInvalid,
        sentence: format!("The arguments of {} are not valid: {fault}.", function.name),
        next_step: format!(
            "Correct the arguments; GET /tools shows the schema of {}.",
            function.name
        ),
        retry_after: None,
    }
}

pub(super) fn outside_constraints(function: &Function, held: &[&CompiledGrant]) -> Refusal {
    let mut allowed = String::new();
    for constraint in held.iter().flat_map(|it| &it.grant.constraints).take(3) {
        let separator = if allowed.is_empty() { "" } else { "; " };
        // Writing to a string can't fail.
        let _ = write!(allowed, "{separator}{constraint}");
    }
    Refusal {
        reason: Reason::OutsideConstraints,
        sentence: format!("The grant for {} only allows: {allowed}.", function.name),
        next_step: format!("Stay within the grant, or ask {} to widen it.", owners(function)),
        retry_after: None,
    }
}

pub(super) fn rate_limited(function: &Function, rate: Rate, retry_after: Span) -> Refusal {
    Refusal {
        reason: Reason::RateLimited,
        sentence: format!("{} may be called {} times in {}.", function.name, rate.calls, rate.per),
        next_step: format!("Call again in {retry_after}."),
        retry_after: Some(retry_after),
    }
}

pub(super) fn blocked(function: &Function, because: &str) -> Refusal {
    Refusal {
        reason: Reason::BlockedByRule,
        sentence: format!("A rule of {} blocks this call: {because}", function.name),
        next_step: format!("Change the call, or ask {} about the rule.", owners(function)),
        retry_after: None,
    }
}

pub(super) fn overdue(function: &Function, grant: &Grant, since: Option<Timestamp>) -> Refusal {
    let state = match since {
        Some(since) => format!("has been overdue for review since {}", since.date()),
        None => "has never been certified".to_owned(),
    };
    Refusal {
        reason: Reason::GrantOverdue,
        sentence: format!("The grant {} for {} {state}.", grant.id, function.name),
        next_step: format!("Ask {} to certify the grant.", owners(function)),
        retry_after: None,
    }
}

pub(super) fn approval_required(function: &Function, rule: &ApprovalRule) -> String {
    let people =
        if rule.people == 1 { "one person".to_owned() } else { format!("{} people", rule.people) };
    let when = rule
        .when
        .as_ref()
        .map_or_else(|| "every call".to_owned(), |when| format!("calls where {}", when.source()));
    format!("{} needs the approval of {people} for {when}.", function.name)
}

fn owners(function: &Function) -> String {
    let names: Vec<&str> = function.owners.iter().map(Subject::as_str).collect();
    format!("{} (owner of {})", names.join(", "), function.name)
}
