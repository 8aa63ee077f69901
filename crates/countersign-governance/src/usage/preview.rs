//! What a grant would let through, judged by what its holder did: calls that ran and attempts that did
//! not. Arguments are known of recorded calls only, and of these as masked: what can't be judged is
//! counted and said, never guessed.

mod judge;
mod recorded;

use super::{
    LOOK_BACK_MAX,
    fold::{day_begins, day_of},
    history::{History, week_of},
};
use crate::{
    Actor, Governance, GrantError, Unavailable,
    grants::{check, rights::may_make},
};
use countersign_model::{
    FunctionName, Grant, GrantId, GrantOrigin, GrantState, Holder, Reason, Snapshot, Span, Subject,
    Timestamp, approval::Standing, catalog::Tag,
};
use countersign_store::{StoreError, UsageRow};
use judge::Judge;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Members of a group whose calls are looked at.
const MEMBERS_MAX: usize = 500;

/// A grant that nobody has made yet.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
}

/// What would become of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fates {
    /// They would pass.
    pub pass: u64,
    /// They would be held for a human.
    pub held: u64,
    /// They would be refused.
    pub refused: u64,
    /// Nobody can say: their arguments are not known, or a mask hides what it depends on.
    pub unknown: u64,
}

/// What would become of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    Held,
    Refused,
    Unknown,
}

impl Fates {
    fn add(&mut self, fate: Fate, calls: u64) {
        *match fate {
            Fate::Pass => &mut self.pass,
            Fate::Held => &mut self.held,
            Fate::Refused => &mut self.refused,
            Fate::Unknown => &mut self.unknown,
        } += calls;
    }

    fn join(&mut self, other: Self) {
        self.pass += other.pass;
        self.held += other.held;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }

    fn all(&self) -> u64 {
        self.pass + self.held + self.refused + self.unknown
    }
}

/// What would become of the calls to one function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FunctionPreview {
    /// Of the calls that ran and succeeded, by whichever grants.
    pub ran: Fates,
    /// Of the attempts that did not run.
    pub denied: Fates,
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
    /// Of the attempts that did not run.
    pub denied: Fates,
    /// By function, where there was any.
    pub functions: BTreeMap<FunctionName, FunctionPreview>,
    /// Calls whose recordings were read, the newest.
    pub read: u64,
    /// All of it in a sentence.
    pub sentence: String,
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
        look_back: Span,
        recordings: &Path,
    ) -> Result<GrantPreview, GrantError> {
        let look_back = look_back.clamp(Span::from_days(1), LOOK_BACK_MAX);
        let snapshot = self.policy().load();
        let now = self.clock().now();
        let grant = grant(wanted, actor, now);
        let actor = self.judged(actor);
        match may_make(&actor, &grant, snapshot.catalog()) {
            Ok(()) => {}
            Err(_) if actor.sees_everything() && actor.person.standing == Standing::Good => {}
            Err(forbidden) => return Err(forbidden.into()),
        }
        check(&grant, snapshot.catalog(), now)?;
        let judge = Arc::new(Judge::of(&grant, &snapshot));
        let holders = self.holders(&grant.holder, &snapshot).await?;
        let since = day_begins(day_of(now.minus(look_back)));
        let counted = self.counted(&judge, &holders, since).await?;
        let recorded = if judge.needs_arguments() {
            self.read_calls(&actor, &judge, holders, since, recordings).await?
        } else {
            BTreeMap::new()
        };
        Ok(GrantPreview::of(&judge, counted, &recorded, (look_back, since)))
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

impl GrantPreview {
    fn of(
        judge: &Judge,
        mut counted: BTreeMap<FunctionName, Counted>,
        recorded: &BTreeMap<FunctionName, Fates>,
        (look_back, since): (Span, Timestamp),
    ) -> Self {
        for name in recorded.keys() {
            counted.entry(name.clone()).or_default();
        }
        let functions: BTreeMap<FunctionName, FunctionPreview> = counted
            .into_iter()
            .map(|(name, counted)| {
                let read = recorded.get(&name).copied().unwrap_or_default();
                let told = function(judge.fate_of(&name), &counted, read);
                (name, told)
            })
            .collect();
        let (mut ran, mut denied) = (Fates::default(), Fates::default());
        for told in functions.values() {
            ran.join(told.ran);
            denied.join(told.denied);
        }
        let read = recorded.values().map(Fates::all).sum();
        let sentence = sentence(ran, denied, look_back);
        Self { look_back, since, ran, denied, functions, read, sentence }
    }
}

/// What would become of the calls to a function. `fate`: of each of them, if arguments don't matter.
fn function(fate: Option<Fate>, counted: &Counted, read: Fates) -> FunctionPreview {
    let mut told = FunctionPreview::default();
    match fate {
        Some(fate) => told.ran.add(fate, counted.ran),
        None => {
            let known = Fates { unknown: 0, ..read };
            told.ran = known;
            // Counting is a few seconds late, and recordings are not.
            told.ran.unknown = counted.ran.max(read.all()) - known.all();
        }
    }
    for (reason, calls) in &counted.denied {
        let fate = if WANT_A_GRANT.iter().any(|it| it.code() == reason) {
            fate.unwrap_or(Fate::Unknown)
        } else {
            Fate::Refused
        };
        told.denied.add(fate, *calls);
    }
    told
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

fn grant(wanted: WantedGrant, actor: &Actor, now: Timestamp) -> Grant {
    let WantedGrant { holder, functions, tags, constraints } = wanted;
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
