//! Whom requests for grants and changes of them tell what. Each is committed with its fact.

use super::rights::owns;
use crate::{Governance, notices::NewNotice};
use countersign_model::{
    Catalog, Grant, GrantRequestId, Holder, NoticeKind, Snapshot, Subject, Urgency,
    grant::{GrantRequest, GrantRequestState},
    record::GrantChange,
};
use countersign_store::{StoreError, Transaction};
use std::collections::BTreeSet;

/// Functions that a title names; the text on the page has all.
const NAMED_MAX: usize = 3;

impl Governance {
    /// Tells the owners whose yes a request needs. Nobody is asked about their own access.
    pub(super) async fn tell_requested(
        &self,
        change: &mut Transaction,
        request: &GrantRequest,
        snapshot: &Snapshot,
    ) -> Result<(), StoreError> {
        let holder = told(&request.holder, snapshot);
        let who = &request.asked_by;
        let what = named(request);
        let (title, text) = match request.renews {
            None => (
                format!("{who} asks for {what}"),
                format!("For {}: {}", request.holder, request.reason),
            ),
            Some(_) => (
                format!("{who} asks for a later end of {what}"),
                format!("Held by {}: {}", request.holder, request.reason),
            ),
        };
        for to in owners(request, snapshot.catalog()) {
            if to == *who || Some(&to) == holder.as_ref() {
                continue;
            }
            let notice = NewNotice {
                to,
                kind: NoticeKind::GrantRequested,
                about: vec![request.id.into()],
                title: title.clone(),
                text: text.clone(),
                link: format!("/console/grant-requests/{}", request.id),
                urgency: Urgency::Now,
                occasion: occasion(request.id),
            };
            self.tell(change, notice).await?;
        }
        Ok(())
    }

    /// A request waits no more: who asked hears of the answer, and owners need not look at it.
    pub(super) async fn tell_answered(
        &self,
        change: &mut Transaction,
        request: &GrantRequest,
    ) -> Result<(), StoreError> {
        let (title, text) = match &request.state {
            GrantRequestState::Pending => return Ok(()),
            GrantRequestState::Withdrawn { .. } => {
                return self.withdraw(change, &occasion(request.id)).await;
            }
            GrantRequestState::Approved { grant, .. } => (
                format!("Granted: {}", named(request)),
                format!(
                    "The grant is {}. Where its first review is not said with the yes, it carries calls \
                     once somebody certified it.",
                    grant.id
                ),
            ),
            GrantRequestState::Denied { by, why, .. } => {
                (format!("Not granted: {}", named(request)), format!("{by} says: {why}"))
            }
            GrantRequestState::Lapsed { .. } => (
                format!("Nobody answered: {}", named(request)),
                "The request has lapsed. Ask again, or talk to the functions' owners.".to_owned(),
            ),
        };
        self.withdraw(change, &occasion(request.id)).await?;
        let notice = NewNotice {
            to: request.asked_by.clone(),
            kind: NoticeKind::GrantAnswered,
            about: vec![request.id.into()],
            title,
            text,
            link: format!("/console/grant-requests/{}", request.id),
            urgency: Urgency::Now,
            occasion: format!("grant_request:{}:answered", request.id),
        };
        self.tell(change, notice).await
    }

    /// Tells whoever holds a grant, or answers for the agent that does, what somebody else made of it;
    /// with the digest of the day, since reviews change many at once.
    pub(super) async fn tell_changed(
        &self,
        change: &mut Transaction,
        grant: &Grant,
        kind: GrantChange,
        by: &Subject,
    ) -> Result<(), StoreError> {
        let what = match kind {
            GrantChange::Narrowed => "permits less",
            GrantChange::Widened => "permits something else, and waits for a review",
            GrantChange::Transferred => "passed to another holder",
            GrantChange::Suspended => "is suspended",
            GrantChange::Resumed => "carries calls again",
            GrantChange::Revoked => "was revoked",
            GrantChange::Restored => "stands again",
            GrantChange::Made
            | GrantChange::Certified
            | GrantChange::Uncertified
            | GrantChange::Renewed => return Ok(()),
        };
        let Some(to) = told(&grant.holder, &self.policy().load()).filter(|to| to != by) else {
            return Ok(());
        };
        let notice = NewNotice {
            to,
            kind: NoticeKind::GrantChanged,
            about: vec![grant.id.into()],
            title: format!("A grant of {} {what}", grant.holder),
            text: format!("{by} did it. The grant was made for: {}", grant.reason),
            link: format!("/console/grants/{}", grant.id),
            urgency: Urgency::Digest,
            occasion: format!(
                "grant:{}:{}:{}",
                grant.id,
                grant.version,
                self.new_entry(self.clock().now())
            ),
        };
        self.tell(change, notice).await
    }
}

fn occasion(id: GrantRequestId) -> String {
    format!("grant_request:{id}")
}

/// The person who is told of what a holder has. Of a group nobody knows all members.
fn told(holder: &Holder, snapshot: &Snapshot) -> Option<Subject> {
    match holder {
        Holder::Group(_) => None,
        Holder::Subject(holder) => {
            let sponsor = snapshot.agents().get(holder).map(|it| &it.sponsor);
            Some(sponsor.unwrap_or(holder).clone())
        }
    }
}

fn owners(request: &GrantRequest, catalog: &Catalog) -> BTreeSet<Subject> {
    let functions = request.terms.functions.iter();
    let found = functions.filter_map(|it| Some(catalog.by_name(it.as_str())?.1));
    let all: BTreeSet<&Subject> = found.flat_map(|it| &it.owners).collect();
    let is_asked = |who: &&Subject| {
        let open = request.open(|by, name| owns(by, name, catalog));
        open.iter().any(|name| owns(who, name, catalog))
    };
    all.into_iter().filter(is_asked).cloned().collect()
}

/// What is asked for, in a few words.
fn named(request: &GrantRequest) -> String {
    let functions = &request.terms.functions;
    let first: Vec<&str> = functions.iter().take(NAMED_MAX).map(|it| it.as_str()).collect();
    match functions.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
