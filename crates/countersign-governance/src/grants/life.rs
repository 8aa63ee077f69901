//! What becomes of a grant after it was made: narrower, wider, with another end, another holder,
//! suspended, and back.

use super::{GrantError, GrantStep, check, refuse_conflict, refuse_other_catalog, refuse_unowned};
use crate::{Actor, Governance, roles};
use countersign_model::{
    Grant, GrantId, GrantOrigin, GrantState, Holder, Snapshot, Timestamp,
    grant::{Certification, Certified, NotRestored, Terms},
    record::GrantChange,
};
use countersign_store::{Effect, GrantRow, Transaction};
use serde::Serialize;
use std::sync::Arc;

use super::rights::{
    certified_at_birth, may_certify, may_make, may_restore, may_resume, may_revoke,
};

/// A grant that passed to another holder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransferredGrant {
    /// The grant that ended.
    pub ended: Grant,
    /// The one that was made from it. Nobody has certified it.
    pub made: Grant,
}

/// A change that was begun: the actor as judged, the policy, the grant as it was last written.
struct Begun {
    actor: Actor,
    snapshot: Arc<Snapshot>,
    now: Timestamp,
    change: Transaction,
    row: GrantRow,
}

impl Begun {
    fn next(&self, grant: Grant) -> GrantRow {
        GrantRow { grant, revision: self.row.revision }
    }
}

impl Governance {
    /// Has a grant permit less, on the next call. It stays certified if whoever narrows it could
    /// certify it.
    ///
    /// # Errors
    /// [`GrantError`]. With [`GrantError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn narrow_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        version: u32,
        terms: Terms,
    ) -> Result<Grant, GrantError> {
        let begun = self.begin(actor, id, Some(version)).await?;
        let (catalog, before) = (begun.snapshot.catalog(), &begun.row.grant);
        may_revoke(&begun.actor, before, catalog)?;
        if let Some(ended) = before.ended(begun.now).filter(|_| before.is_over(begun.now)) {
            return Err(ended.into());
        }
        let certified = match may_certify(&begun.actor, before, catalog) {
            Ok(()) => Certified::Kept,
            Err(_) => Certified::Lost,
        };
        let grant = before.clone().narrow(in_order(terms), catalog, certified)?;
        if grant == *before {
            return Ok(grant);
        }
        check(&grant, catalog, begun.now)?;
        self.end_with(begun, grant, GrantChange::Narrowed, Effect::AtCommit).await
    }

    /// Has a grant permit something else. What permits more than before is not certified (R2), and
    /// acts once the ledger has the entry.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn widen_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        version: u32,
        terms: Terms,
    ) -> Result<Grant, GrantError> {
        let begun = self.begin(actor, id, Some(version)).await?;
        let (catalog, before) = (begun.snapshot.catalog(), &begun.row.grant);
        refuse_over(before, begun.now)?;
        // Who makes the next version must be one who could have made each of both.
        may_make(&begun.actor, before, catalog)?;
        let grant = before.clone().with(in_order(terms));
        may_make(&begun.actor, &grant, catalog)?;
        refuse_unowned(&grant, &begun.snapshot)?;
        check(&grant, catalog, begun.now)?;
        refuse_conflict(&grant, &begun.snapshot, begun.now)?;
        self.end_with(begun, grant, GrantChange::Widened, Effect::AtDelivery).await
    }

    /// Gives a grant another end. The new version is certified by whoever renews it, where making
    /// it would be.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn renew_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        expires_at: Timestamp,
    ) -> Result<Grant, GrantError> {
        let begun = self.begin(actor, id, None).await?;
        let catalog = begun.snapshot.catalog();
        let grant =
            renewed(&begun.actor, &begun.row.grant, expires_at, &begun.snapshot, begun.now)?;
        may_make(&begun.actor, &grant, catalog)?;
        self.end_with(begun, grant, GrantChange::Renewed, Effect::AtDelivery).await
    }

    /// Ends a grant, and makes one like it for another holder, which nobody has certified.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn transfer_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        to: Holder,
        why: &str,
    ) -> Result<TransferredGrant, GrantError> {
        let why = roles::reason(why).map_err(|bad| GrantError::invalid("why", bad.to_string()))?;
        let mut begun = self.begin(actor, id, None).await?;
        let (catalog, before) = (begun.snapshot.catalog(), begun.row.grant.clone());
        may_make(&begun.actor, &before, catalog)?;
        refuse_over(&before, begun.now)?;
        if to == before.holder {
            return Err(GrantError::invalid("to", "holds it already"));
        }
        let by = begun.actor.person.subject.clone();
        let made = Grant {
            id: GrantId::new(begun.now, self.entropy()),
            version: 1,
            holder: to,
            made_by: by.clone(),
            made_at: begun.now,
            origin: GrantOrigin::Direct,
            successor_of: Some(before.reference()),
            certified: None,
            state: GrantState::Active,
            ..before.clone()
        };
        refuse_unowned(&made, &begun.snapshot)?;
        check(&made, catalog, begun.now)?;
        let why = format!("passed to {} as {}: {why}", made.holder, made.id);
        let next = begun.next(before.revoke(&by, begun.now, &why));
        // Whoever had it has not got it any more: it is not what the other would conflict with.
        refuse_conflict(&made, &begun.snapshot, begun.now)?;
        let (kind, effect) = (GrantChange::Transferred, Effect::AtCommit);
        let step = GrantStep { next, kind, by: &by, effect };
        let written = self.change_grant(&mut begun.change, step).await?;
        self.make_grant(&mut begun.change, &made, &by).await?;
        begun.change.commit().await?;
        let settled = self.settle(Effect::AtCommit).await;
        let ended = self.after_change(written).await?;
        settled?;
        self.settle(Effect::AtDelivery).await?;
        Ok(TransferredGrant { ended, made })
    }

    /// Has a grant carry no calls for now, on the next call.
    ///
    /// # Errors
    /// [`GrantError`]. With [`GrantError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn suspend_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        why: &str,
    ) -> Result<Grant, GrantError> {
        let why = roles::reason(why).map_err(|bad| GrantError::invalid("why", bad.to_string()))?;
        let begun = self.begin(actor, id, None).await?;
        let before = &begun.row.grant;
        may_revoke(&begun.actor, before, begun.snapshot.catalog())?;
        let grant = before.clone().suspend(&begun.actor.person.subject, begun.now, &why)?;
        if grant == *before {
            return Ok(grant);
        }
        self.end_with(begun, grant, GrantChange::Suspended, Effect::AtCommit).await
    }

    /// Has a suspended grant carry calls again, once the ledger has the entry.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn resume_grant(&self, actor: &Actor, id: GrantId) -> Result<Grant, GrantError> {
        let begun = self.begin(actor, id, None).await?;
        let before = &begun.row.grant;
        may_resume(&begun.actor, before, begun.snapshot.catalog())?;
        let grant = before.clone().resume(begun.now)?;
        if grant == *before {
            return Ok(grant);
        }
        refuse_conflict(&grant, &begun.snapshot, begun.now)?;
        self.end_with(begun, grant, GrantChange::Resumed, Effect::AtDelivery).await
    }

    /// Undoes a revocation within 15 minutes of it (R10), once the ledger has the entry: whoever
    /// revoked it, or an administrator.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn restore_grant(&self, actor: &Actor, id: GrantId) -> Result<Grant, GrantError> {
        let begun = self.begin(actor, id, None).await?;
        let before = &begun.row.grant;
        may_restore(&begun.actor, before)?;
        let passed = |it: &Arc<Grant>| it.successor_of.is_some_and(|it| it.id == id);
        if begun.snapshot.grants().any(passed) {
            return Err(NotRestored::Passed.into());
        }
        let grant = before.clone().restore(begun.now)?;
        refuse_conflict(&grant, &begun.snapshot, begun.now)?;
        self.end_with(begun, grant, GrantChange::Restored, Effect::AtDelivery).await
    }

    async fn begin(
        &self,
        actor: &Actor,
        id: GrantId,
        version: Option<u32>,
    ) -> Result<Begun, GrantError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        let snapshot = self.policy().load();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        refuse_other_catalog(&mut change, snapshot.catalog()).await?;
        let row = change.grant(id).await?.ok_or(GrantError::NotFound)?;
        match version {
            Some(seen) if seen != row.grant.version => {
                Err(GrantError::Version { current: row.grant.version })
            }
            Some(_) | None => Ok(Begun { actor, snapshot, now: self.clock().now(), change, row }),
        }
    }

    async fn end_with(
        &self,
        begun: Begun,
        grant: Grant,
        kind: GrantChange,
        effect: Effect,
    ) -> Result<Grant, GrantError> {
        let next = begun.next(grant);
        let by = &begun.actor.person.subject;
        self.write(begun.change, GrantStep { next, kind, by, effect }).await
    }
}

/// The version with another end.
pub(super) fn renewed(
    actor: &Actor,
    before: &Grant,
    expires_at: Timestamp,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    refuse_over(before, now)?;
    let terms = Terms { expires_at: Some(expires_at), ..before.terms() };
    let mut grant = before.clone().with(terms);
    refuse_unowned(&grant, snapshot)?;
    check(&grant, snapshot.catalog(), now)?;
    if certified_at_birth(actor, &grant, snapshot.catalog()) {
        let by = actor.person.subject.clone();
        grant.certified = Some(Certification { by, at: now, version: grant.version });
    }
    Ok(grant)
}

/// A suspended grant is looked at first, and one that is over stays so.
fn refuse_over(grant: &Grant, now: Timestamp) -> Result<(), GrantError> {
    match grant.ended(now) {
        Some(ended) => Err(ended.into()),
        None => Ok(()),
    }
}

/// Terms as they are kept.
pub(super) fn in_order(terms: Terms) -> Terms {
    let Terms { mut functions, mut tags, constraints, rate, expires_at } = terms;
    functions.sort();
    functions.dedup();
    tags.sort();
    tags.dedup();
    Terms { functions, tags, constraints, rate, expires_at }
}
