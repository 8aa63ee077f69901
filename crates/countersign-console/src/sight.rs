//! Who may see which thing. What may not be seen is not there: 404, not 403.

use countersign_governance::{Actor, GrantView, SessionRow};
use countersign_model::{
    CallerKind, Function, FunctionName, Grant, GrantState, Holder, Sensitivity, Snapshot, Subject,
    approval::Standing, review::GrantUsage,
};
use std::collections::BTreeSet;

/// What a person sees of a session's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionSight {
    /// Every call: roles, the subject and actors themselves, and sponsors of their agents.
    Whole,
    /// Only calls to functions that they own.
    OwnFunctions,
}

/// Of which agents a subject is the sponsor.
pub(crate) fn sponsors(snapshot: &Snapshot, sponsor: &Subject, agent: &Subject) -> bool {
    snapshot.agents().get(agent).is_some_and(|it| it.sponsor == *sponsor)
}

/// What an actor sees of a session of this chain.
pub(crate) fn session(actor: &Actor, snapshot: &Snapshot, session: &SessionRow) -> SessionSight {
    let mut chain = std::iter::once(&session.subject).chain(&session.actors);
    let me = actor.subject();
    let concerns = |it: &Subject| it == me || sponsors(snapshot, me, it);
    if actor.sees_everything() || chain.any(concerns) {
        SessionSight::Whole
    } else {
        SessionSight::OwnFunctions
    }
}

/// Whether an actor owns a function of the catalog as it is now.
pub(crate) fn owns(actor: &Actor, snapshot: &Snapshot, function: &str) -> bool {
    let found = snapshot.catalog().by_name(function);
    found.is_some_and(|(_, it)| it.owners.contains(actor.subject()))
}

/// The functions of the catalog as it is now that an actor owns.
pub(crate) fn owned(actor: &Actor, snapshot: &Snapshot) -> BTreeSet<FunctionName> {
    let functions = snapshot.catalog().functions.iter();
    let owned = functions.filter(|it| it.owners.contains(actor.subject()));
    owned.map(|it| it.name.clone()).collect()
}

/// Roles, reviewers among them, see every grant; holders, members of the group, makers, sponsors of the agent, and owners of a
/// function theirs.
pub(crate) fn grant(actor: &Actor, snapshot: &Snapshot, view: &GrantView) -> bool {
    let (me, grant) = (actor.subject(), &view.grant);
    let holds = match &grant.holder {
        Holder::Subject(subject) => subject == me || sponsors(snapshot, me, subject),
        Holder::Group(group) => actor.person.is_in(group),
    };
    actor.sees_grants()
        || holds
        || grant.made_by == *me
        || view.functions.iter().any(|it| owns(actor, snapshot, it.name.as_str()))
}

/// The functions of whose calls under a grant an actor sees details: all of them for roles, reviewers among
/// them, for whoever holds the grant alone, and for the sponsor of the agent that does; else those that
/// they own. Members of a group see of each other only how much was called.
pub(crate) fn details_of_use(
    actor: &Actor,
    snapshot: &Snapshot,
    view: &GrantView,
    usage: &GrantUsage,
) -> BTreeSet<FunctionName> {
    let me = actor.subject();
    let holds = match &view.grant.holder {
        Holder::Subject(subject) => subject == me || sponsors(snapshot, me, subject),
        Holder::Group(_) => false,
    };
    let whole = actor.sees_grants() || holds;
    let functions = usage.functions.keys();
    functions.filter(|it| whole || owns(actor, snapshot, it.as_str())).cloned().collect()
}

/// Whether an actor may add a grant for this function: an administrator, or its owner.
pub(crate) fn may_grant(actor: &Actor, function: &Function) -> bool {
    actor.is_administrator() || (!actor.is_auditor() && function.owners.contains(actor.subject()))
}

/// Whether there is any function that an actor may add a grant for.
pub(crate) fn may_grant_any(actor: &Actor, snapshot: &Snapshot) -> bool {
    actor.is_administrator() || snapshot.catalog().functions.iter().any(|it| may_grant(actor, it))
}

/// Why a certification by this actor would be refused, so that the page offers none; governance
/// judges again when it is sent (R4, R5).
pub(crate) fn why_not_certify(
    actor: &Actor,
    snapshot: &Snapshot,
    grant: &Grant,
    functions: &[&Function],
) -> Option<&'static str> {
    let me = actor.subject();
    let (own, sponsored) = match &grant.holder {
        Holder::Subject(subject) => (subject == me, sponsors(snapshot, me, subject)),
        Holder::Group(group) => (actor.person.is_in(group), false),
    };
    let owns_all = !functions.is_empty() && functions.iter().all(|it| it.owners.contains(me));
    let high = functions.iter().any(|it| it.sensitivity == Sensitivity::High);
    if actor.person.kind != CallerKind::Person || actor.person.standing == Standing::Suspended {
        Some("only a person in good standing certifies")
    } else if actor.is_auditor() {
        Some("an auditor sees everything and changes nothing")
    } else if own {
        Some("nobody certifies access that reaches themself")
    } else if sponsored {
        Some("an agent's sponsor does not certify its access")
    } else if !actor.is_administrator() && !owns_all {
        Some("only an owner of all its functions or an administrator does")
    } else if high && grant.made_by == *me {
        Some("at high sensitivity, the person who made a grant does not certify it")
    } else {
        None
    }
}

/// Whether a revocation by this actor would be taken: an owner of any function, an administrator, or
/// the holder.
pub(crate) fn may_revoke(actor: &Actor, grant: &Grant, functions: &[&Function]) -> bool {
    let me = actor.subject();
    let concerned = actor.is_administrator()
        || grant.holder == Holder::Subject(me.clone())
        || functions.iter().any(|it| it.owners.contains(me));
    concerned && !actor.is_auditor()
}

/// Whether a resumption by this actor would be taken: an owner of every function or an
/// administrator, and nobody whom it reaches.
pub(crate) fn may_resume(
    actor: &Actor,
    snapshot: &Snapshot,
    grant: &Grant,
    functions: &[&Function],
) -> bool {
    let me = actor.subject();
    let own = match &grant.holder {
        Holder::Subject(subject) => subject == me || sponsors(snapshot, me, subject),
        Holder::Group(group) => actor.person.is_in(group),
    };
    let owns_all = grant.tags.is_empty()
        && !functions.is_empty()
        && functions.iter().all(|it| it.owners.contains(me));
    !own && !actor.is_auditor() && (actor.is_administrator() || owns_all)
}

/// Whether undoing a revocation by this actor would be taken: whoever did it, or an administrator.
pub(crate) fn may_restore(actor: &Actor, grant: &Grant) -> bool {
    let mine = matches!(&grant.state, GrantState::Revoked { by, .. } if by == actor.subject());
    !actor.is_auditor() && (mine || actor.is_administrator())
}
