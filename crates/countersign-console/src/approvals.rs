//! Approvals as the pages and the API see them: only those that the asker may see, with what an
//! approver compares them to.

use crate::{
    asker::Asker,
    console::Console,
    problem::Problem,
    text::Text,
    view::{self, Leaf},
};
use countersign_governance::ApprovalFilter;
use countersign_model::{Approval, ApprovalId, ApprovalState, Span, Timestamp};
use std::collections::BTreeMap;

/// How a held call differs from the last approved one.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    pub(crate) id: String,
    pub(crate) at: view::Moment,
    pub(crate) rows: Vec<Difference>,
    /// Values that are equal.
    pub(crate) same: usize,
    /// Values that are hidden in one of both.
    pub(crate) not_compared: usize,
}

/// One argument that differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) name: Text,
    pub(crate) then: Option<Text>,
    pub(crate) now: Option<Text>,
}

/// An approval that the asker may see.
pub(crate) async fn one(console: &Console, asker: &Asker, id: &str) -> Result<Approval, Problem> {
    let absent = || Problem::not_found("approval");
    let id: ApprovalId = id.parse().map_err(|_| absent())?;
    Ok(console.governance().approval_for(&asker.actor, id).await?)
}

/// The approvals of some states that the asker may see, newest first.
pub(crate) async fn list(
    console: &Console,
    asker: &Asker,
    filter: ApprovalFilter,
) -> Result<Vec<Approval>, Problem> {
    Ok(console.governance().approvals_for(&asker.actor, &filter).await?)
}

/// The last call of the same caller and function that people approved, against this one.
pub(crate) async fn earlier(
    console: &Console,
    approval: &Approval,
) -> Result<Option<Earlier>, Problem> {
    // Whoever may see it: an approver is shown what the same caller was told before (A8).
    let filter = ApprovalFilter {
        states: APPROVED.map(str::to_owned).to_vec(),
        function: Some(approval.call.function.clone()),
        before: Some(approval.id),
        limit: LOOK_BACK_MAX,
    };
    let caller = &approval.call.caller;
    let found = console.governance().approvals(&filter).await?;
    let last = found.into_iter().find(|it| {
        let other = &it.call.caller;
        (&other.subject, &other.actors, &other.issuer)
            == (&caller.subject, &caller.actors, &caller.issuer)
            && it.is_met()
    });
    Ok(last.map(|last| difference(&last, approval)))
}

/// What was denied to the caller's subject in the last 30 days, newest first.
pub(crate) async fn denials(
    console: &Console,
    approval: &Approval,
) -> Result<Vec<Approval>, Problem> {
    let since = console.now().minus(DENIALS_SPAN);
    // Whoever may see it: an approver is shown what the same caller was told before (A8).
    let filter = ApprovalFilter {
        states: vec!["denied".to_owned()],
        function: None,
        before: None,
        limit: LOOK_BACK_MAX,
    };
    let mut found = console.governance().approvals(&filter).await?;
    found.retain(|it| {
        it.id != approval.id
            && it.call.caller.subject == approval.call.caller.subject
            && denied_at(it).is_some_and(|at| at >= since)
    });
    Ok(found)
}

/// When it was denied.
pub(crate) fn denied_at(approval: &Approval) -> Option<Timestamp> {
    match &approval.state {
        ApprovalState::Denied { at, .. } => Some(*at),
        ApprovalState::Pending
        | ApprovalState::Approved { .. }
        | ApprovalState::Expired { .. }
        | ApprovalState::Cancelled { .. }
        | ApprovalState::Revoked { .. }
        | ApprovalState::Redeeming { .. }
        | ApprovalState::Executed { .. }
        | ApprovalState::Failed { .. }
        | ApprovalState::OutcomeUnknown { .. } => None,
    }
}

fn difference(last: &Approval, now: &Approval) -> Earlier {
    let is_hidden =
        |leaf: &Leaf<'_>, of: &Approval| view::is_hidden(&leaf.pointer, &of.call.hidden);
    let (then_leaves, now_leaves) = (view::leaves(&last.call.shown), view::leaves(&now.call.shown));
    let mut both: BTreeMap<&str, (Option<&Leaf<'_>>, Option<&Leaf<'_>>)> = BTreeMap::new();
    for leaf in &then_leaves {
        both.entry(&leaf.pointer).or_default().0 = Some(leaf);
    }
    for leaf in &now_leaves {
        both.entry(&leaf.pointer).or_default().1 = Some(leaf);
    }
    let (mut rows, mut same, mut not_compared) = (Vec::new(), 0, 0);
    for (then, now_leaf) in both.into_values() {
        let hidden = then.is_some_and(|it| is_hidden(it, last))
            || now_leaf.is_some_and(|it| is_hidden(it, now));
        let name = then.or(now_leaf).map_or("", |it| it.name.as_str());
        if hidden {
            not_compared += 1;
        } else if then.map(|it| it.value) == now_leaf.map(|it| it.value) {
            same += 1;
        } else if rows.len() < view::ARGUMENTS_MAX {
            rows.push(Difference {
                name: Text::line(name),
                then: then.map(|it| view::value_text(it.value)),
                now: now_leaf.map(|it| view::value_text(it.value)),
            });
        }
    }
    Earlier { id: last.id.to_string(), at: view::Moment(last.opened_at), rows, same, not_compared }
}

/// States that a call has after people approved it.
const APPROVED: [&str; 6] =
    ["approved", "redeeming", "executed", "failed", "outcome_unknown", "revoked"];
/// How far back the last approved call and earlier denials are looked for.
const LOOK_BACK_MAX: u32 = 200;
const DENIALS_SPAN: Span = Span::from_days(30);
