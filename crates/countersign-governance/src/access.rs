//! Why somebody may call a function, or may not, for people to read. The answer is the judgement's
//! own, under the snapshot in force; groups are those of the last sign-in and of directories.

use crate::{Actor, ErrorKind, Forbidden, Governance, Unavailable, grants::rights::owns, roles};
use countersign_model::{
    Caller, CallerKind, Denial, Epoch, Freshness, FunctionName, Grant, Holder, Issued, Refusal,
    Subject, Timestamp,
    decide::{Condition, Conflict, GrantPath, Reached, Through, conflicts, explain},
};
use countersign_store::StoreError;
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Whose access to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessQuestion {
    /// Who calls, or for whom.
    pub subject: Subject,
    /// Who acts for them, the nearest to the gateway first.
    pub actors: Vec<Subject>,
    /// What.
    pub function: FunctionName,
}

/// Why somebody may call a function, or may not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessAnswer {
    /// Who.
    pub subject: Subject,
    /// Who acts for them.
    pub actors: Vec<Subject>,
    /// What.
    pub function: FunctionName,
    /// Under which policy.
    pub epoch: Epoch,
    /// Whether some call may pass: `yes` or `no`.
    pub may: &'static str,
    /// The refusal that every call meets.
    pub refused: Option<RefusalView>,
    /// Until when it stays so by itself.
    pub until: Option<Timestamp>,
    /// For each identity of the chain, what it holds.
    pub links: Vec<LinkView>,
    /// What a call depends on beyond that.
    pub conditions: Vec<Condition>,
    /// When an identity provider last said which groups the subject is in; absent if it never did.
    pub groups_as_of: Option<Timestamp>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefusalView {
    /// The reason code.
    pub code: &'static str,
    /// For a person.
    pub sentence: String,
    /// What to do.
    pub next_step: String,
}

/// One identity of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkView {
    /// Who.
    pub subject: Subject,
    /// Every grant for the function that reaches it, those that carry calls first.
    pub grants: Vec<GrantPathView>,
}

/// A grant on the way to a function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantPathView {
    /// The grant.
    pub grant: Arc<Grant>,
    /// How it reaches them.
    pub through: Through,
    /// How it reaches the function.
    pub reached: Reached,
    /// `fresh`, `due` or `overdue`.
    pub freshness: String,
    /// Until when, or since when it is overdue.
    pub until: Option<Timestamp>,
    /// Why it carries no calls: it has ended or is suspended.
    pub ended: Option<String>,
    /// What denies it to them.
    pub denied: Option<Arc<Denial>>,
}

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The actor may not ask.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The catalog has no such function.
    #[error("the catalog has no such function")]
    NotCatalogued,
    /// The store can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl AccessError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NotCatalogued => "not_catalogued",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::NotCatalogued => ErrorKind::NotFound,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// Explains somebody's access to a function: to themselves and the sponsors of agents, owners of
    /// the function, administrators, auditors and reviewers.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn explain_access(
        &self,
        actor: &Actor,
        question: AccessQuestion,
    ) -> Result<AccessAnswer, AccessError> {
        let actor = self.judged(actor);
        roles::may_look(&actor)?;
        let AccessQuestion { subject, actors, function } = question;
        let snapshot = self.policy().load();
        let me = &actor.person.subject;
        // Of an agent's grants its sponsor may know, and not everybody for whom it could act.
        let is_mine = |it: &Subject| {
            it == me || snapshot.agents().get(it).is_some_and(|agent| agent.sponsor == *me)
        };
        let mine = std::iter::once(&subject).chain(&actors).all(is_mine);
        if !mine && !actor.sees_grants() && !owns(me, &function, snapshot.catalog()) {
            return Err(Forbidden::NotYours.into());
        }
        let found = snapshot.catalog().by_name(function.as_str());
        let (ix, _) = found.ok_or(AccessError::NotCatalogued)?;
        let mut facts = self.store().person_facts(std::slice::from_ref(&subject)).await?;
        let signed_in = facts.remove(&subject).unwrap_or_default().signed_in;
        let now = self.clock().now();
        let is_agent = snapshot.agents().contains_key(&subject);
        let caller = Caller {
            kind: if is_agent { CallerKind::Agent } else { CallerKind::Person },
            subject: subject.clone(),
            actors: actors.clone(),
            client: None,
            issuer: "".into(),
            groups: signed_in.as_ref().map(|it| it.groups.clone()).unwrap_or_default(),
            scopes: BTreeSet::new(),
            name: None,
            email: None,
            expires_at: now,
            issued: Issued::default(),
        };
        let explanation = explain(&caller, ix, &snapshot, now);
        let links = explanation.links.into_iter().map(|link| LinkView {
            subject: link.subject,
            grants: link.grants.into_iter().map(path).collect(),
        });
        Ok(AccessAnswer {
            subject,
            actors,
            function,
            epoch: snapshot.epoch(),
            may: if explanation.refused.is_none() { "yes" } else { "no" },
            refused: explanation.refused.map(|it| refusal(&it)),
            until: explanation.until,
            links: links.collect(),
            conditions: explanation.conditions,
            groups_as_of: signed_in.map(|it| it.seen_at),
        })
    }

    /// Everybody who holds what nobody may hold both of; who has no role to see it, themself.
    pub fn access_conflicts(&self, actor: &Actor) -> Vec<Conflict> {
        let mut found = conflicts(&self.policy().load(), self.clock().now());
        found.retain(|it| {
            actor.sees_grants() || it.holder == Holder::Subject(actor.subject().clone())
        });
        found
    }
}

fn path(it: GrantPath) -> GrantPathView {
    let until = match it.freshness {
        Freshness::Fresh { until } | Freshness::Due { until } => Some(until),
        Freshness::Overdue { since } => since,
    };
    GrantPathView {
        grant: it.grant,
        through: it.through,
        reached: it.reached,
        freshness: it.freshness.to_string(),
        until,
        ended: it.ended.map(|it| it.to_string()),
        denied: it.denied,
    }
}

fn refusal(it: &Refusal) -> RefusalView {
    RefusalView {
        code: it.reason.code(),
        sentence: it.sentence.clone(),
        next_step: it.next_step.clone(),
    }
}
