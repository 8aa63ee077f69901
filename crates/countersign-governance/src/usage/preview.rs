//! What a grant would let through, judged by what its holder did: calls that ran and attempts that did
//! not. Arguments are known of recorded calls only, and of these as masked: what can't be judged is
//! counted and said, never guessed.

mod fates;
mod judge;
mod recorded;

use super::{
    LOOK_BACK_DEFAULT, LOOK_BACK_MAX,
    fold::{day_begins, day_of},
    history::{History, week_of},
};
use crate::{
    Actor, Governance, GrantError, Unavailable,
    grants::{
        check,
        rights::{may_answer_request, may_make, owns},
    },
};
use countersign_model::{
    FunctionName, Grant, GrantId, GrantOrigin, GrantRequestId, GrantState, Holder, Reason,
    Snapshot, Span, Subject, Timestamp,
    approval::Standing,
    catalog::Tag,
    grant::{GrantRequestState, Terms},
};
use countersign_store::{StoreError, UsageRow};
pub use fates::{Fate, FateReason, Fates, FunctionPreview};
use fates::{NOT_RECORDED, NOT_RUN, Tally, Why};
use judge::Judge;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Members of a group whose calls are looked at.
const MEMBERS_MAX: usize = 500;

/// A grant that nobody has made yet, and how far back it is judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedGrant {
    /// Who would hold it.
    pub holder: Holder,
    /// Functions by name.
    #[serde(default)]
    pub functions: Vec<FunctionName>,
    /// Functions by tag.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// CEL expressions that a call's arguments would have to satisfy.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// How far back it is looked; absent: [`LOOK_BACK_DEFAULT`](super::LOOK_BACK_DEFAULT).
    #[serde(default)]
    pub look_back: Option<Span>,
}

/// Where arguments of calls are known from.
#[derive(Clone, Copy, Debug)]
pub enum ArgumentsFrom<'a> {
    /// The recordings in this directory. That they were read is in the ledger.
    Recordings(&'a Path),
    /// Nothing is read: what depends on arguments can't be judged.
    Nowhere,
}

/// What a grant would let through, once it is certified.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantPreview {
    /// How far back it was looked.
    pub look_back: Span,
    /// From when on.
    pub since: Timestamp,
    /// Of the calls that ran and succeeded.
    pub ran: Fates,
    /// Why, the most frequent first.
    pub ran_why: Vec<FateReason>,
    /// Of the attempts that did not run.
    pub denied: Fates,
    /// Why, the most frequent first.
    pub denied_why: Vec<FateReason>,
    /// By function, where there was any.
    pub functions: BTreeMap<FunctionName, FunctionPreview>,
    /// Calls whose recordings were read, the newest.
    pub read: u64,
    /// All of it in a sentence.
    pub sentence: String,
    /// What is known of arguments, in a sentence.
    pub basis: String,
}

impl Governance {
    /// What a grant would let through, by what its holder did within a look-back. For whoever may make
    /// such a grant, and for those who see everything. Arguments come from this gateway's recordings, the
    /// newest thousands of them; that they were read is in the ledger before this answers.
    ///
    /// # Errors
    /// [`GrantError::Forbidden`], [`GrantError::Invalid`] as when such a grant is made,
    /// [`GrantError::Unavailable`].
    pub async fn preview_grant(
        &self,
        actor: &Actor,
        wanted: WantedGrant,
        from: ArgumentsFrom<'_>,
    ) -> Result<GrantPreview, GrantError> {
        let actor = self.judged(actor);
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let look_back = wanted.look_back;
        let grant = grant(wanted, &actor, now);
        match may_make(&actor, &grant, snapshot.catalog()) {
            Ok(()) => {}
            Err(_) if sees_all(&actor) => {}
            Err(forbidden) => return Err(forbidden.into()),
        }
        check(&grant, snapshot.catalog(), now)?;
        self.preview(&actor, &grant, &snapshot, look_back, from).await
    }

    /// What the grant that is asked for would let through, as it is asked for or narrower. For whoever may
    /// answer the request, of the functions that they own; for those who see everything, of all.
    ///
    /// # Errors
    /// [`GrantError::NotFound`], [`GrantError::Forbidden`], [`GrantError::Answered`] once it does not wait,
    /// [`GrantError::Wider`], [`GrantError::Invalid`] and [`GrantError::Unavailable`].
    pub async fn preview_grant_request(
        &self,
        actor: &Actor,
        id: GrantRequestId,
        narrower: Option<Terms>,
        look_back: Option<Span>,
        from: ArgumentsFrom<'_>,
    ) -> Result<GrantPreview, GrantError> {
        let actor = self.judged(actor);
        let request = self.grant_request(&actor, id).await?.request;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let catalog = snapshot.catalog();
        match may_answer_request(&actor, &request, catalog) {
            Ok(()) => {}
            Err(_) if sees_all(&actor) => {}
            Err(forbidden) => return Err(forbidden.into()),
        }
        if !request.waits(now) {
            let state = match &request.state {
                GrantRequestState::Pending => "lapsed",
                other @ (GrantRequestState::Approved { .. }
                | GrantRequestState::Denied { .. }
                | GrantRequestState::Withdrawn { .. }
                | GrantRequestState::Lapsed { .. }) => other.name(),
            };
            return Err(GrantError::Answered(state));
        }
        let mut terms = request.terms.clone();
        if let Some(narrower) = narrower {
            narrower.within(&request.terms, catalog)?;
            terms = narrower;
        }
        let is_shown =
            |name: &FunctionName| sees_all(&actor) || owns(&actor.person.subject, name, catalog);
        let wanted = WantedGrant {
            holder: request.holder,
            functions: terms.functions.into_iter().filter(is_shown).collect(),
            tags: terms.tags,
            constraints: terms.constraints,
            look_back,
        };
        let grant = grant(wanted, &actor, now);
        check(&grant, catalog, now)?;
        self.preview(&actor, &grant, &snapshot, look_back, from).await
    }

    /// Who looks is judged, and the grant checked.
    async fn preview(
        &self,
        actor: &Actor,
        grant: &Grant,
        snapshot: &Snapshot,
        look_back: Option<Span>,
        from: ArgumentsFrom<'_>,
    ) -> Result<GrantPreview, GrantError> {
        let look_back = look_back.unwrap_or(LOOK_BACK_DEFAULT);
        let look_back = look_back.clamp(Span::from_days(1), LOOK_BACK_MAX);
        let now = self.clock().now();
        let judge = Arc::new(Judge::of(grant, snapshot, now));
        let holders = self.holders(&grant.holder, snapshot).await?;
        let since = day_begins(day_of(now.minus(look_back)));
        let counted = self.counted(&judge, &holders, since).await?;
        let (recorded, basis) = match from {
            _ if !judge.needs_arguments() => (BTreeMap::new(), Basis::NotNeeded),
            ArgumentsFrom::Nowhere => (BTreeMap::new(), Basis::NotRead),
            ArgumentsFrom::Recordings(directory) => {
                let found = self.read_calls(actor, &judge, holders, since, directory).await?;
                (found, Basis::Read)
            }
        };
        Ok(GrantPreview::of(&judge, counted, &recorded, basis, (look_back, since)))
    }

    /// Who makes the calls of a grant: its holder, or the members of the group that are known.
    async fn holders(
        &self,
        holder: &Holder,
        snapshot: &Snapshot,
    ) -> Result<BTreeSet<Subject>, Unavailable> {
        let group = match holder {
            Holder::Subject(subject) => return Ok([subject.clone()].into()),
            Holder::Group(group) => group,
        };
        let is_in = |it: &&Subject| snapshot.told_of(it).iter().any(|it| it.group == *group);
        let told = snapshot.told().subjects().filter(is_in).cloned();
        let of_group = |grant: &&Arc<Grant>| grant.holder == *holder;
        let grants: Vec<GrantId> = snapshot.grants().filter(of_group).map(|it| it.id).collect();
        let rows = self.store().view().await?.usage_of(&grants).await?;
        Ok(told.chain(rows.into_iter().map(|it| it.key.subject)).take(MEMBERS_MAX).collect())
    }

    /// What was counted of these subjects' calls to the functions: those that ran and succeeded, and the
    /// attempts, by reason.
    async fn counted(
        &self,
        judge: &Judge,
        holders: &BTreeSet<Subject>,
        since: Timestamp,
    ) -> Result<BTreeMap<FunctionName, Counted>, Unavailable> {
        let subjects: Vec<Subject> = holders.iter().cloned().collect();
        let from = day_of(since);
        let mut counted: BTreeMap<FunctionName, Counted> = BTreeMap::new();
        let mut view = self.store().view().await?;
        for row in view.usage_by(&subjects).await? {
            if judge.reaches(&row.key.function) {
                counted.entry(row.key.function.clone()).or_default().ran += used(&row, from)?;
            }
        }
        for row in view.denied_of(&subjects, week_of(from)).await? {
            if judge.reaches(&row.function) {
                let attempts = &mut counted.entry(row.function).or_default().denied;
                *attempts.entry(row.reason).or_default() += row.calls;
            }
        }
        counted.retain(|_, it| it.ran > 0 || !it.denied.is_empty());
        Ok(counted)
    }
}

/// What was counted of one function.
#[derive(Debug, Default)]
struct Counted {
    ran: u64,
    denied: BTreeMap<String, u64>,
}

/// What is known of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// Nothing depends on them.
    NotNeeded,
    /// They matter, and nobody looked.
    NotRead,
    /// They are known of recorded calls.
    Read,
}

impl GrantPreview {
    fn of(
        judge: &Judge,
        mut counted: BTreeMap<FunctionName, Counted>,
        recorded: &BTreeMap<FunctionName, Tally>,
        basis: Basis,
        (look_back, since): (Span, Timestamp),
    ) -> Self {
        for name in recorded.keys() {
            counted.entry(name.clone()).or_default();
        }
        let none = Tally::default();
        let (mut ran, mut denied) = (Tally::default(), Tally::default());
        let mut functions = BTreeMap::new();
        for (name, counted) in counted {
            let read = recorded.get(&name).unwrap_or(&none);
            let (of_ran, of_denied) = function(judge.fate_of(&name).as_ref(), &counted, read);
            let told = FunctionPreview { ran: of_ran.fates(), denied: of_denied.fates() };
            functions.insert(name, told);
            ran.join(&of_ran);
            denied.join(&of_denied);
        }
        let read = recorded.values().map(Tally::all).sum();
        Self {
            look_back,
            since,
            ran: ran.fates(),
            ran_why: ran.reasons(),
            denied: denied.fates(),
            denied_why: denied.reasons(),
            functions,
            read,
            sentence: sentence(ran.fates(), denied.fates(), look_back),
            basis: basis.sentence(read, ran.all()),
        }
    }
}

impl Basis {
    fn sentence(self, read: u64, ran: u64) -> String {
        match self {
            Self::NotNeeded => "No call's arguments matter for it.".to_owned(),
            Self::NotRead => {
                "It depends on arguments, and no recordings were read to judge by.".to_owned()
            }
            Self::Read if read == 0 => {
                "It depends on arguments, and there are no recorded ones to judge by.".to_owned()
            }
            Self::Read => {
                format!("It depends on arguments, which are recorded of {read} of {ran} calls.")
            }
        }
    }
}

/// What would become of the calls to a function that ran, and of the attempts. `fate`: of each of them,
/// if arguments don't matter.
fn function(fate: Option<&Why>, counted: &Counted, read: &Tally) -> (Tally, Tally) {
    let (mut ran, mut denied) = (Tally::default(), Tally::default());
    match fate {
        Some(why) => ran.add(why.clone(), counted.ran),
        None => {
            ran.join(read);
            // Counting is a few seconds late, and recordings are not.
            ran.add(Why::unknown(NOT_RECORDED), counted.ran.saturating_sub(read.all()));
        }
    }
    for (reason, calls) in &counted.denied {
        let why = if WANT_A_GRANT.iter().any(|it| it.code() == reason) {
            fate.cloned().unwrap_or_else(|| Why::unknown(NOT_RUN))
        } else {
            Why::refused(reason, None)
        };
        denied.add(why, *calls);
    }
    (ran, denied)
}

/// Reasons for which a call was refused that another grant would not be refused for.
const WANT_A_GRANT: [Reason; 5] = [
    Reason::NoGrant,
    Reason::GrantExpired,
    Reason::GrantRevoked,
    Reason::OutsideConstraints,
    Reason::GrantOverdue,
];

fn sentence(ran: Fates, denied: Fates, look_back: Span) -> String {
    let part = |what: &str, fates: Fates| {
        let words = [
            (fates.pass, "would pass"),
            (fates.held, "would be held"),
            (fates.refused, "would be refused"),
            (fates.unknown, "can't be judged"),
        ];
        let words: Vec<String> = words
            .into_iter()
            .filter(|(calls, _)| *calls > 0)
            .map(|(calls, words)| format!("{calls} {words}"))
            .collect();
        let words = if words.is_empty() { "there were none".to_owned() } else { words.join(", ") };
        format!("Of the {what} in {look_back}: {words}.")
    };
    format!("{} {}", part("calls that ran", ran), part("attempts that did not run", denied))
}

/// Successful calls of a row from a day on.
fn used(row: &UsageRow, from: i64) -> Result<u64, StoreError> {
    let history = History::from_bytes(&row.history).ok_or_else(|| StoreError::Damaged {
        what: "row of usage",
        source: "its history is of no known form".into(),
    })?;
    let from = history.buckets().iter().filter(|it| it.day >= from);
    Ok(from.map(|it| it.counts.used).sum())
}

fn sees_all(actor: &Actor) -> bool {
    actor.sees_everything() && actor.person.standing == Standing::Good
}

fn grant(wanted: WantedGrant, actor: &Actor, now: Timestamp) -> Grant {
    let WantedGrant { holder, functions, tags, constraints, look_back: _ } = wanted;
    Grant {
        id: GrantId::from_bytes([0; 16]),
        version: 1,
        holder,
        functions,
        tags,
        reason: String::new(),
        constraints,
        rate: None,
        made_by: actor.person.subject.clone(),
        made_at: now,
        expires_at: None,
        certified: None,
        origin: GrantOrigin::Direct,
        successor_of: None,
        state: GrantState::Active,
    }
}

#[cfg(test)]
mod tests;
