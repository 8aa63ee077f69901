//! Whether a call that was let through may go on: judged again whenever the policy changes while
//! the call is in hand. Arguments, rates, reviews and rules were judged when it was let through and
//! are not asked about again; what was taken away is.

use super::{Refusal, groups, refuse_denied, say};
use crate::{
    Caller, Function, Grant, GrantRef, Holder, Reason, Snapshot, Subject, Timestamp, grant::Ended,
};

/// What ends a call in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Why, as its outcome says it: `cut_by_…`.
    pub reason: Reason,
    /// What a new call would be told.
    pub refusal: Refusal,
}

/// Judges a call in hand: nothing stops it, and each of the grants that it was let through on still
/// stands, in whatever version, for the same holder and function. `grants` are as
/// [`super::Grounds::grants`] has them.
///
/// # Errors
/// [`Cut`].
pub fn may_go_on(
    caller: &Caller,
    function: &Function,
    grants: &[GrantRef],
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Cut> {
    refuse_stopped(caller, function, snapshot)?;
    // The tags are those that the catalog gives it now.
    let Some((_, function)) = snapshot.catalog().by_name(function.name.as_str()) else {
        return Err(Cut { reason: Reason::CutByRevoke, refusal: say::not_catalogued() });
    };
    let denied = |refusal| Cut { reason: Reason::CutByDenial, refusal };
    refuse_denied(caller, function, snapshot, now).map_err(denied)?;
    for (place, (reference, subject)) in grants.iter().zip(caller.chain()).enumerate() {
        let revoked = |refusal| Cut { reason: Reason::CutByRevoke, refusal };
        let gone = || revoked(say::no_grant(subject, function));
        let grant = snapshot.grant(reference.id).ok_or_else(gone)?;
        if !names(grant, function) || !reaches(grant, subject, caller, snapshot) {
            return Err(gone());
        }
        if let Some(ended) = grant.ended(now) {
            let refusal = say::ended(&ended, function);
            let reason = match ended {
                Ended::Revoked { .. } | Ended::Suspended { .. } => Reason::CutByRevoke,
                Ended::Expired { .. } => Reason::CutByExpiry,
            };
            return Err(Cut { reason, refusal });
        }
        let of = |denial: &crate::Denial| denial.is_of(grant.id);
        if let Some(it) = snapshot.denial(subject, groups(caller, snapshot, place), now, of) {
            return Err(denied(say::denied(it, subject, function)));
        }
    }
    Ok(())
}

/// Kill switch, then a function that nobody answers for, then suspension, then deactivation.
pub(super) fn refuse_stopped(
    caller: &Caller,
    function: &Function,
    snapshot: &Snapshot,
) -> Result<(), Cut> {
    if let Some(kill) = snapshot.kill(function) {
        return Err(Cut { reason: Reason::CutByKillSwitch, refusal: say::killed(kill) });
    }
    if let Some(since) = snapshot.unowned_stop(function) {
        return Err(Cut { reason: Reason::CutByNoOwner, refusal: say::unowned(function, since) });
    }
    if let Some(it) = caller.chain().find_map(|subject| snapshot.suspension(subject)) {
        return Err(Cut { reason: Reason::CutBySuspension, refusal: say::suspended(it) });
    }
    let answered_for = |it| Some((it, snapshot.sponsor_suspension(it)?));
    if let Some((agent, it)) = caller.chain().find_map(answered_for) {
        let refusal = say::sponsor_suspended(agent, it);
        return Err(Cut { reason: Reason::CutBySuspension, refusal });
    }
    let deactivated = |refusal| Cut { reason: Reason::CutByDeactivation, refusal };
    if let Some(it) = caller.chain().find_map(|subject| snapshot.deactivation(subject)) {
        return Err(deactivated(say::deactivated(it)));
    }
    match snapshot.without_sponsor(caller.chain()) {
        Some((agent, it)) => Err(deactivated(say::without_sponsor(agent, it))),
        None => Ok(()),
    }
}

fn names(grant: &Grant, function: &Function) -> bool {
    grant.functions.contains(&function.name)
        || grant.tags.iter().any(|tag| function.tags.contains(tag))
}

fn reaches(grant: &Grant, subject: &Subject, caller: &Caller, snapshot: &Snapshot) -> bool {
    match &grant.holder {
        Holder::Subject(holder) => holder == subject,
        Holder::Group(group) => {
            let told = || snapshot.told_groups(caller).iter().any(|it| it.group == *group);
            *subject == caller.subject && (caller.groups.contains(group) || told())
        }
    }
}

#[cfg(test)]
mod tests;
