//! Who may make, certify and revoke a grant: functions of values, one rule a line.

use crate::{Actor, Forbidden, roles::may_act};
use countersign_model::{
    CallerKind, Catalog, Function, FunctionName, Grant, GrantState, Holder, Sensitivity, Subject,
    grant::GrantRequest,
};
use std::sync::Arc;

/// The functions that a grant reaches, by name or by tag, in this catalog.
pub(crate) fn reached<'a>(grant: &Grant, catalog: &'a Catalog) -> Vec<&'a Arc<Function>> {
    let by_tag = |function: &Function| grant.tags.iter().any(|tag| function.tags.contains(tag));
    let by_name = |function: &Function| grant.functions.contains(&function.name);
    catalog.functions.iter().filter(|it| by_name(it) || by_tag(it)).collect()
}

/// Whether somebody owns every one of these functions. Of none, nobody is the owner.
fn owns_all(subject: &Subject, functions: &[&Arc<Function>]) -> bool {
    !functions.is_empty() && functions.iter().all(|it| it.owners.contains(subject))
}

/// How a grant reaches an actor, if it does.
fn own_access(actor: &Actor, holder: &Holder, catalog: &Catalog) -> Result<(), Forbidden> {
    let own = match holder {
        Holder::Subject(subject) => *subject == actor.person.subject,
        Holder::Group(group) => actor.person.is_in(group),
    };
    if own {
        return Err(Forbidden::OwnAccess);
    }
    let sponsor = match holder {
        Holder::Subject(subject) => catalog.agents.get(subject).map(|agent| &agent.sponsor),
        Holder::Group(_) => None,
    };
    if sponsor == Some(&actor.person.subject) { Err(Forbidden::Sponsor) } else { Ok(()) }
}

/// An administrator, or an owner of every named function. By tag: an administrator only.
pub(crate) fn may_make(actor: &Actor, grant: &Grant, catalog: &Catalog) -> Result<(), Forbidden> {
    may_act(actor)?;
    if actor.is_administrator() {
        Ok(())
    } else if !grant.tags.is_empty() {
        Err(Forbidden::TagsByAdministrator)
    } else if owns_all(&actor.person.subject, &reached(grant, catalog)) {
        Ok(())
    } else {
        Err(Forbidden::NotOwner)
    }
}

/// Whether making a grant is also its first review: only by a person who owns every function, none
/// of them of high sensitivity, and whom the grant does not reach.
pub(crate) fn certified_at_birth(actor: &Actor, grant: &Grant, catalog: &Catalog) -> bool {
    let functions = reached(grant, catalog);
    actor.person.kind == CallerKind::Person
        && !actor.is_auditor()
        && grant.tags.is_empty()
        && owns_all(&actor.person.subject, &functions)
        && functions.iter().all(|it| it.sensitivity < Sensitivity::High)
        && own_access(actor, &grant.holder, catalog).is_ok()
}

/// A person who owns every function or is an administrator, whom the grant does not reach (R4), and
/// who did not make it if a function is of high sensitivity.
pub(crate) fn may_certify(
    actor: &Actor,
    grant: &Grant,
    catalog: &Catalog,
) -> Result<(), Forbidden> {
    may_act(actor)?;
    match actor.person.kind {
        CallerKind::Person => {}
        CallerKind::Agent | CallerKind::Service => return Err(Forbidden::NotAPerson),
    }
    own_access(actor, &grant.holder, catalog)?;
    let functions = reached(grant, catalog);
    if !actor.is_administrator() && !owns_all(&actor.person.subject, &functions) {
        return Err(Forbidden::NotOwner);
    }
    let high = functions.iter().any(|it| it.sensitivity == Sensitivity::High);
    if high && grant.made_by == actor.person.subject {
        return Err(Forbidden::Maker);
    }
    Ok(())
}

/// An owner of any of the functions, an administrator, or the holder themself.
pub(crate) fn may_revoke(actor: &Actor, grant: &Grant, catalog: &Catalog) -> Result<(), Forbidden> {
    let holds = grant.holder == Holder::Subject(actor.person.subject.clone());
    match may_act(actor) {
        Ok(()) => {}
        // Who holds a grant may always give it back, agents too.
        Err(Forbidden::NotAPerson) if holds => {}
        Err(forbidden) => return Err(forbidden),
    }
    let owns = reached(grant, catalog).iter().any(|it| it.owners.contains(&actor.person.subject));
    if holds || owns || actor.is_administrator() { Ok(()) } else { Err(Forbidden::NotOwner) }
}

/// Whoever may make it, unless it reaches them: it carries calls again.
pub(crate) fn may_resume(actor: &Actor, grant: &Grant, catalog: &Catalog) -> Result<(), Forbidden> {
    may_make(actor, grant, catalog)?;
    own_access(actor, &grant.holder, catalog)
}

/// Whoever revoked it, or an administrator.
pub(crate) fn may_restore(actor: &Actor, grant: &Grant) -> Result<(), Forbidden> {
    let me = &actor.person.subject;
    let mine = matches!(&grant.state, GrantState::Revoked { by, .. } if by == me);
    match may_act(actor) {
        Ok(()) if mine || actor.is_administrator() => Ok(()),
        Ok(()) => Err(Forbidden::NotYours),
        Err(forbidden) => Err(forbidden),
    }
}

/// A person who owns one of the functions, and whom the grant would not reach: nobody says yes to
/// their own request, administrators neither.
pub(crate) fn may_answer_request(
    actor: &Actor,
    request: &GrantRequest,
    catalog: &Catalog,
) -> Result<(), Forbidden> {
    may_act(actor)?;
    match actor.person.kind {
        CallerKind::Person => {}
        CallerKind::Agent | CallerKind::Service => return Err(Forbidden::NotAPerson),
    }
    own_access(actor, &request.holder, catalog)?;
    let me = &actor.person.subject;
    if request.asked_by == *me {
        return Err(Forbidden::OwnAccess);
    }
    let owns = |name: &FunctionName| owns(me, name, catalog);
    if request.terms.functions.iter().any(owns) { Ok(()) } else { Err(Forbidden::NotOwner) }
}

/// Whether somebody owns a function of this catalog.
pub(crate) fn owns(subject: &Subject, name: &FunctionName, catalog: &Catalog) -> bool {
    catalog.by_name(name.as_str()).is_some_and(|(_, it)| it.owners.contains(subject))
}

#[cfg(test)]
mod tests;
