//! Grants that the catalog's files have. The files say what is granted; people say whether it may go on.
//! What a review ended or narrowed stays so until the file says something else, and the plan proposes
//! what the file should say (R11).

use super::CatalogError;
use crate::{
    Actor, Governance, GrantError,
    grants::{self, GrantStep, GrantWritten, rights},
};
use countersign_model::{
    Catalog, Grant, GrantId, GrantOrigin, GrantState, Timestamp,
    catalog::{
        compile::{Fault, Place},
        raw::{RawCatalog, RawGrant},
    },
    grant::{Applied, Certified, DeclaredGrant, Differs},
    record::GrantChange,
};
use countersign_store::{Effect, GrantRow, Transaction};
use serde::Serialize;
use std::sync::Arc;

/// Why a grant ended that no file has any more.
const TAKEN_OUT: &str = "taken out of the catalog's files";

/// What becomes of one grant of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedGrant {
    /// Its name in the files.
    pub name: String,
    /// The grant, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<GrantId>,
    /// What would happen, or what the file should say.
    pub effect: PlannedEffect,
    /// The same in plain words.
    pub text: String,
}

/// What becomes of a grant of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedEffect {
    /// It is made. Nobody has certified it.
    Made,
    /// It permits less, on the next call.
    Narrowed,
    /// It permits something else, and waits for a review.
    Widened,
    /// It ends, on the next call.
    Revoked,
    /// Nothing happens: people decided otherwise since the file was written, and the file should follow.
    Differs,
}

/// What is to be done for a name.
enum Step {
    Make(Box<Grant>),
    Write(Box<Turn>),
    Differs { id: GrantId, how: Differs },
}

/// A grant's next state.
struct Turn {
    next: GrantRow,
    turns: Turns,
}

/// What becomes of a grant that stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turns {
    Narrower,
    Wider,
    Over,
}

impl Turns {
    fn kind(self) -> GrantChange {
        match self {
            Self::Narrower => GrantChange::Narrowed,
            Self::Wider => GrantChange::Widened,
            Self::Over => GrantChange::Revoked,
        }
    }

    fn effect(self) -> Effect {
        match self {
            Self::Narrower | Self::Over => Effect::AtCommit,
            Self::Wider => Effect::AtDelivery,
        }
    }
}

/// Steps of grants that were written, for after the commit.
#[must_use = "tell who waits, after the commit"]
#[derive(Default)]
pub(super) struct Written(Vec<GrantWritten>);

/// A catalog that is to be applied, and what is known when it is.
pub(super) struct Applying<'a> {
    pub(super) actor: &'a Actor,
    pub(super) before: &'a RawCatalog,
    pub(super) raw: &'a RawCatalog,
    pub(super) next: &'a Catalog,
    pub(super) now: Timestamp,
}

impl Governance {
    /// What a catalog would do to the grants of its files.
    pub(super) async fn plan_file_grants(
        &self,
        change: &mut Transaction,
        applying: &Applying<'_>,
    ) -> Result<Vec<PlannedGrant>, CatalogError> {
        let steps = self.file_steps(change, applying).await?;
        Ok(steps.into_iter().map(|(name, step)| planned(name, &step)).collect())
    }

    /// Does it, in the transaction that applies the catalog.
    pub(super) async fn apply_file_grants(
        &self,
        change: &mut Transaction,
        applying: &Applying<'_>,
    ) -> Result<Written, CatalogError> {
        let mut written = Written::default();
        let by = &applying.actor.person.subject;
        for (name, step) in self.file_steps(change, applying).await? {
            match step {
                Step::Make(grant) => {
                    self.make_grant(change, &grant, by).await?;
                    change.name_file_grant(&name, grant.id).await?;
                }
                Step::Write(turn) => {
                    let Turn { next, turns } = *turn;
                    let (kind, effect) = (turns.kind(), turns.effect());
                    let step = GrantStep { next, kind, by, effect };
                    let done = self.change_grant(change, step).await;
                    written.0.push(done.map_err(|source| CatalogError::Grant {
                        name,
                        source: Box::new(source),
                    })?);
                }
                Step::Differs { .. } => {}
            }
        }
        Ok(written)
    }

    /// After the commit: wakes who waits for calls of grants that ended.
    pub(super) async fn after_file_grants(&self, written: Written) -> Result<(), CatalogError> {
        for written in written.0 {
            self.after_change(written).await?;
        }
        Ok(())
    }

    async fn file_steps(
        &self,
        change: &mut Transaction,
        applying: &Applying<'_>,
    ) -> Result<Vec<(String, Step)>, CatalogError> {
        let known = change.file_grants().await?;
        let mut steps = Vec::new();
        for (name, declared) in &applying.next.grants {
            let stands = match known.get(name) {
                Some(id) => change.grant(*id).await?,
                None => None,
            };
            let step = match stands.filter(|row| !is_new(name, row, applying)) {
                Some(row) => {
                    let step = follow(&row, declared, applying)?;
                    if let Some(Step::Write(turn)) = &step
                        && turn.turns == Turns::Wider
                    {
                        self.refuse_more(name, &turn.next.grant, applying)?;
                    }
                    step
                }
                None => self.make(declared, applying)?,
            };
            steps.extend(step.map(|step| (name.clone(), step)));
        }
        for (name, id) in known.iter().filter(|(name, _)| !applying.next.grants.contains_key(*name))
        {
            let Some(row) = change.grant(*id).await? else { continue };
            if row.grant.is_over(applying.now) {
                continue;
            }
            let by = &applying.actor.person.subject;
            let grant = row.grant.revoke(by, applying.now, TAKEN_OUT);
            let next = GrantRow { grant, revision: row.revision };
            steps.push((name.clone(), Step::Write(Box::new(Turn { next, turns: Turns::Over }))));
        }
        Ok(steps)
    }

    /// A grant that no name stood for.
    fn make(
        &self,
        declared: &Arc<DeclaredGrant>,
        applying: &Applying<'_>,
    ) -> Result<Option<Step>, CatalogError> {
        let DeclaredGrant { name, holder, reason, terms } = &**declared;
        if terms.expires_at.is_some_and(|at| at <= applying.now) {
            // It would have ended already.
            return Ok(None);
        }
        let now = applying.now;
        let grant = Grant {
            id: GrantId::new(now, self.entropy()),
            version: 1,
            holder: holder.clone(),
            functions: terms.functions.clone(),
            tags: terms.tags.clone(),
            reason: reason.clone(),
            constraints: terms.constraints.clone(),
            rate: terms.rate,
            made_by: applying.actor.person.subject.clone(),
            made_at: now,
            origin: GrantOrigin::File { name: name.clone() },
            successor_of: None,
            expires_at: terms.expires_at,
            certified: None,
            state: GrantState::Active,
        };
        self.refuse_more(name, &grant, applying)?;
        Ok(Some(Step::Make(Box::new(grant))))
    }

    /// What gives more is refused where nobody answers for a function under the new catalog (R7), and where
    /// somebody would come to hold what nobody may hold both of.
    fn refuse_more(
        &self,
        name: &str,
        grant: &Grant,
        applying: &Applying<'_>,
    ) -> Result<(), CatalogError> {
        let refused =
            |source| CatalogError::Grant { name: name.to_owned(), source: Box::new(source) };
        let snapshot = self.policy().load();
        for function in rights::reached(grant, applying.next) {
            if function.owners.iter().all(|owner| snapshot.bars(owner)) {
                return Err(refused(GrantError::Unowned(function.name.clone())));
            }
        }
        grants::refuse_conflict(grant, &snapshot, applying.now).map_err(refused)
    }
}

/// A name that was taken out of the files and its grant with it, and that stands there again.
fn is_new(name: &str, row: &GrantRow, applying: &Applying<'_>) -> bool {
    row.grant.is_over(applying.now) && !applying.before.grants.contains_key(name)
}

/// What a declaration means for the grant that stands for its name.
fn follow(
    row: &GrantRow,
    declared: &DeclaredGrant,
    applying: &Applying<'_>,
) -> Result<Option<Step>, CatalogError> {
    let name = &declared.name;
    if row.grant.holder != declared.holder {
        let message = format!(
            "the grant of this name is held by {}: another holder is another grant, with another name",
            row.grant.holder
        );
        let place = Place::Grant(name.clone());
        return Err(CatalogError::Faults(vec![Fault { place, key: "holder".into(), message }]));
    }
    let differs = |row: &GrantRow| {
        let how = declared.differs(&row.grant)?;
        Some(Step::Differs { id: row.grant.id, how })
    };
    let says_the_same = match (applying.before.grants.get(name), applying.raw.grants.get(name)) {
        (Some(before), Some(after)) => same_terms(before, after),
        (Some(_) | None, Some(_) | None) => false,
    };
    if says_the_same || matches!(row.grant.state, GrantState::Revoked { .. }) {
        return Ok(differs(row));
    }
    let certified = match rights::may_certify(applying.actor, &row.grant, applying.next) {
        Ok(()) => Certified::Kept,
        Err(_) => Certified::Lost,
    };
    let (grant, turns) = match declared.applied(&row.grant, applying.next, certified) {
        None => return Ok(differs(row)),
        Some(Applied::Narrowed(grant)) => (grant, Turns::Narrower),
        Some(Applied::Widened(grant)) => (grant, Turns::Wider),
    };
    let next = GrantRow { grant, revision: row.revision };
    Ok(Some(Step::Write(Box::new(Turn { next, turns }))))
}

/// Whether two declarations permit the same; their reasons are for people.
fn same_terms(before: &RawGrant, after: &RawGrant) -> bool {
    let bare = |it: &RawGrant| RawGrant { reason: String::new(), ..it.clone() };
    bare(before) == bare(after)
}

fn planned(name: String, step: &Step) -> PlannedGrant {
    let (id, effect, text) = match step {
        Step::Make(_) => (
            None,
            PlannedEffect::Made,
            "is made, and carries calls as soon as somebody certified it",
        ),
        Step::Write(turn) => {
            let (effect, text) = match turn.turns {
                Turns::Narrower => (PlannedEffect::Narrowed, "permits less, on the next call"),
                Turns::Wider => {
                    (PlannedEffect::Widened, "permits something else, and waits for a review")
                }
                Turns::Over => (PlannedEffect::Revoked, "ends, on the next call"),
            };
            (Some(turn.next.grant.id), effect, text)
        }
        Step::Differs { id, how } => {
            let text = differs(how);
            return PlannedGrant { name, id: Some(*id), effect: PlannedEffect::Differs, text };
        }
    };
    PlannedGrant { name, id, effect, text: text.to_owned() }
}

fn differs(how: &Differs) -> String {
    match how {
        Differs::Revoked(by, at, why) => format!(
            "was revoked by {by} on {} ({why}) and stays so: take it out of the file",
            at.date()
        ),
        Differs::Suspended(by, at, why) => {
            format!("is suspended by {by} since {} ({why})", at.date())
        }
        Differs::Terms => {
            "permits something else since people changed it: write what it permits into \
                           the file"
                .to_owned()
        }
    }
}
