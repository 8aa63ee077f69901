//! An epoch: all that a decision reads, immutable, swapped whole. A look-up costs a few probes
//! whatever the number of grants.

use crate::{
    Caller, CallerKind, Catalog, Denial, Function, Grant, GrantId, GrantRef, GrantState, Group,
    Holder, Subject, Timestamp, ToldGroup, ToldGroups,
    catalog::{FunctionIx, FunctionName, Rate, ReviewRule, Tag, TargetName},
    expression::Expression,
    grant::Freshness,
};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

/// The number of a snapshot. Grows with every change of policy, across all gateways.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What stops calls at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// What is stopped.
    pub scope: KillScope,
    /// Who stopped it.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Why; callers are told.
    pub why: String,
}

/// What a kill switch stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillScope {
    /// Every call.
    Everything,
    /// Calls to one target.
    Target(TargetName),
    /// Calls to one function.
    Function(FunctionName),
}

/// A subject that may not call for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Whom.
    pub subject: Subject,
    /// Who suspended it.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// A subject that a directory says has left, or may not work for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivation {
    /// Whom.
    pub subject: Subject,
    /// The directory's name in the configuration.
    pub directory: Arc<str>,
    /// When it said so.
    pub at: Timestamp,
    /// How the directory's name for it is compared.
    pub letters: Letters,
}

/// How a name is compared where that takes rights away. Where it gives rights, always exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letters {
    /// Byte for byte.
    Exact,
    /// Upper and lower case are the same, as in SCIM's `userName`.
    Folded,
}

impl Deactivation {
    /// Whether it means this subject.
    pub fn means(&self, subject: &Subject) -> bool {
        self.subject == *subject
            || (self.letters == Letters::Folded && folded(&self.subject) == folded(subject))
    }
}

/// A name in lower case; most are.
fn folded(subject: &Subject) -> Cow<'_, str> {
    let text = subject.as_str();
    if text.bytes().any(|it| it.is_ascii_uppercase() || !it.is_ascii()) {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// A function that nobody answers for any more (R7), as far as it was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unowned {
    /// Which.
    pub function: FunctionName,
    /// When that was first seen.
    pub seen_at: Timestamp,
    /// Since when its calls are stopped for it.
    pub stopped_at: Option<Timestamp>,
}

/// The facts that a snapshot is made of.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The number of this state of the facts.
    pub epoch: Epoch,
    /// The catalog, compiled.
    pub catalog: Arc<Catalog>,
    /// Every grant, ended ones too: a refusal says that it ended.
    pub grants: Vec<Arc<Grant>>,
    /// Suspended subjects.
    pub suspensions: Vec<Suspension>,
    /// Subjects that their directories deactivated.
    pub deactivations: Vec<Deactivation>,
    /// Denials, also those that have ended by themselves.
    pub denials: Vec<Arc<Denial>>,
    /// Kill switches that are on.
    pub kills: Vec<Kill>,
    /// Groups that directories tell of, those that count.
    pub told: Arc<ToldGroups>,
    /// Functions that nobody answered for when it was last looked.
    pub unowned: Vec<Unowned>,
}

/// An immutable state of policy.
#[derive(Debug, Default)]
pub struct Snapshot {
    epoch: Epoch,
    catalog: Arc<Catalog>,
    grants: Vec<CompiledGrant>,
    holders: HashMap<Holder, Held>,
    suspensions: HashMap<Subject, Suspension>,
    /// By the name as it is written, and those that mean other letters too by it in lower case.
    deactivated: HashMap<Subject, Deactivation>,
    deactivated_folded: HashMap<Box<str>, Deactivation>,
    denials: HashMap<Holder, Vec<Arc<Denial>>>,
    kills: Vec<Kill>,
    told: Arc<ToldGroups>,
    /// Functions all of whose owners are barred, with what was noted of them.
    unowned: HashMap<FunctionName, Option<Unowned>>,
    /// Constraints of grants by their text: many grants share one, and the next snapshot takes
    /// over what it still needs.
    constraints: HashMap<Box<str>, Option<Expression>>,
}

/// A grant whose constraints are compiled. What most decisions ask of it stands beside it, in one line of
/// the processor's cache: among a million grants, each look at the grant itself is a walk to memory.
#[derive(Debug)]
#[repr(align(64))]
pub struct CompiledGrant {
    /// The grant.
    pub grant: Arc<Grant>,
    /// Its constraints; one that does not compile is `None` and is never satisfied.
    pub constraints: Box<[Option<Expression>]>,
    id: GrantId,
    version: u32,
    is_active: bool,
    has_rate: bool,
    is_certified: bool,
    /// Of the version that stands; meaningless if nobody certified that.
    certified_at: Timestamp,
    /// [`NEVER`] if it does not end by itself.
    expires_at: Timestamp,
}

/// Later than every moment.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl CompiledGrant {
    fn new(grant: Arc<Grant>, constraints: Box<[Option<Expression>]>) -> Self {
        let certified_at = grant.certified_at();
        Self {
            constraints,
            id: grant.id,
            version: grant.version,
            is_active: grant.state == GrantState::Active,
            has_rate: grant.rate.is_some(),
            is_certified: certified_at.is_some(),
            certified_at: certified_at.unwrap_or_default(),
            expires_at: grant.expires_at.unwrap_or(NEVER),
            grant,
        }
    }

    /// [`Grant::reference`].
    pub(crate) fn reference(&self) -> GrantRef {
        GrantRef { id: self.id, version: self.version }
    }

    /// Whether it carries calls: [`Grant::ended`] has nothing to say.
    pub(crate) fn stands(&self, now: Timestamp) -> bool {
        self.is_active && now < self.expires_at
    }

    /// [`Grant::freshness`].
    pub(crate) fn freshness(&self, rule: &ReviewRule, now: Timestamp) -> Freshness {
        Freshness::of(self.is_certified.then_some(self.certified_at), rule, now)
    }

    /// How many calls it lets through.
    pub(crate) fn rate(&self) -> Option<Rate> {
        if self.has_rate { self.grant.rate } else { None }
    }

    /// When it ends by itself.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        (self.expires_at < NEVER).then_some(self.expires_at)
    }
}

/// What one holder holds, sorted for binary search.
#[derive(Debug, Default)]
struct Held {
    by_function: Vec<(FunctionIx, u32)>,
    by_tag: Vec<(Tag, u32)>,
}

impl Snapshot {
    /// Indexes facts.
    pub fn compile(facts: Facts) -> Self {
        Self::compile_after(&Self::default(), facts)
    }

    /// Indexes facts that follow on others: constraints that were compiled before are taken over.
    pub fn compile_after(before: &Self, facts: Facts) -> Self {
        let mut known: HashMap<Box<str>, Option<Expression>> = HashMap::new();
        let Facts {
            epoch,
            catalog,
            grants,
            suspensions,
            deactivations,
            denials,
            kills,
            told,
            unowned,
        } = facts;
        let mut holders: HashMap<Holder, Held> = HashMap::new();
        let mut compiled = Vec::with_capacity(grants.len());
        // Those of a store come in this order; a look-up by name needs it.
        let mut grants = grants;
        grants.sort_by_key(|it| it.id);
        for grant in grants {
            let place = u32::try_from(compiled.len()).unwrap_or(u32::MAX);
            let held = holders.entry(grant.holder.clone()).or_default();
            for name in &grant.functions {
                if let Some((ix, _)) = catalog.by_name(name.as_str()) {
                    held.by_function.push((ix, place));
                }
            }
            held.by_tag.extend(grant.tags.iter().map(|tag| (tag.clone(), place)));
            let mut constraint = |text: &String| match known.get(text.as_str()) {
                Some(expression) => expression.clone(),
                None => {
                    let taken_over = before.constraints.get(text.as_str()).cloned();
                    let expression =
                        taken_over.unwrap_or_else(|| Expression::compile_unchecked(text).ok());
                    known.insert(text.as_str().into(), expression.clone());
                    expression
                }
            };
            let constraints = grant.constraints.iter().map(&mut constraint).collect();
            compiled.push(CompiledGrant::new(grant, constraints));
        }
        for held in holders.values_mut() {
            held.by_function.sort_unstable();
            held.by_tag.sort_unstable();
        }
        let mut denied: HashMap<Holder, Vec<Arc<Denial>>> = HashMap::new();
        for denial in denials {
            denied.entry(denial.whom.clone()).or_default().push(denial);
        }
        let suspensions =
            suspensions.into_iter().map(|it| (it.subject.clone(), it)).collect::<HashMap<_, _>>();
        let folding = deactivations.iter().filter(|it| it.letters == Letters::Folded);
        let deactivated_folded =
            folding.map(|it| (folded(&it.subject).into(), it.clone())).collect();
        let deactivated = deactivations.into_iter().map(|it| (it.subject.clone(), it)).collect();
        let snapshot = Self {
            epoch,
            catalog,
            grants: compiled,
            holders,
            suspensions,
            deactivated,
            deactivated_folded,
            denials: denied,
            kills,
            told,
            unowned: HashMap::new(),
            constraints: known,
        };
        let unowned = snapshot.find_unowned(unowned);
        Self { unowned, ..snapshot }
    }

    /// Owners that nobody has seen yet live: only who is suspended or deactivated does not.
    fn find_unowned(&self, noted: Vec<Unowned>) -> HashMap<FunctionName, Option<Unowned>> {
        if self.suspensions.is_empty() && self.deactivated.is_empty() {
            return HashMap::new();
        }
        let mut noted: HashMap<FunctionName, Unowned> =
            noted.into_iter().map(|it| (it.function.clone(), it)).collect();
        let functions = self.catalog.functions.iter();
        let unowned = functions.filter(|it| it.owners.iter().all(|owner| self.bars(owner)));
        unowned.map(|it| (it.name.clone(), noted.remove(&it.name))).collect()
    }

    /// Functions that nobody answers for any more, in no order, each with what was noted of it.
    pub fn unowned(&self) -> impl Iterator<Item = (&FunctionName, Option<&Unowned>)> {
        self.unowned.iter().map(|(name, noted)| (name, noted.as_ref()))
    }

    /// Whether nobody answers for a function any more: each of its owners is suspended or deactivated.
    pub fn is_unowned(&self, function: &FunctionName) -> bool {
        self.unowned.contains_key(function)
    }

    /// What stops calls to a function that nobody answers for: only while that is so.
    pub fn unowned_stop(&self, function: &Function) -> Option<Timestamp> {
        self.unowned.get(&function.name)?.as_ref()?.stopped_at
    }

    /// The number of this state.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The catalog of this state.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Every grant, ended ones too.
    pub fn grants(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.iter().map(|it| &it.grant)
    }

    /// A grant, in the version that stands, ended or not.
    pub fn grant(&self, id: GrantId) -> Option<&Arc<Grant>> {
        let place = self.grants.binary_search_by_key(&id, |it| it.id).ok()?;
        self.grants.get(place).map(|it| &it.grant)
    }

    /// Whether there is any grant of this holder, ended ones too.
    pub fn holds(&self, holder: &Holder) -> bool {
        self.holders.contains_key(holder)
    }

    /// The suspension of a subject, if it is suspended.
    pub fn suspension(&self, subject: &Subject) -> Option<&Suspension> {
        self.suspensions.get(subject)
    }

    /// The suspension of whoever answers for an agent: without them nobody does.
    pub fn sponsor_suspension(&self, agent: &Subject) -> Option<&Suspension> {
        if self.suspensions.is_empty() {
            return None;
        }
        self.suspension(&self.catalog.agents.get(agent)?.sponsor)
    }

    /// Every suspension.
    pub fn suspensions(&self) -> impl Iterator<Item = &Suspension> {
        self.suspensions.values()
    }

    /// The deactivation of a subject, if its directory has deactivated it.
    pub fn deactivation(&self, subject: &Subject) -> Option<&Deactivation> {
        if self.deactivated.is_empty() {
            return None;
        }
        let exact = self.deactivated.get(subject);
        exact.or_else(|| self.deactivated_folded.get(folded(subject).as_ref()))
    }

    /// Every deactivated subject.
    pub fn deactivations(&self) -> impl Iterator<Item = &Deactivation> {
        self.deactivated.values()
    }

    /// Of a chain, the first whose sponsor is deactivated, and the deactivation. An agent has one
    /// sponsor, so nobody answers for it then.
    pub fn without_sponsor<'a>(
        &self,
        mut chain: impl Iterator<Item = &'a Subject>,
    ) -> Option<(&'a Subject, &Deactivation)> {
        if self.deactivated.is_empty() {
            return None;
        }
        chain.find_map(|it| Some((it, self.deactivation(&self.agents().get(it)?.sponsor)?)))
    }

    /// Whether a subject may neither call nor decide: suspended here, or deactivated.
    pub fn bars(&self, subject: &Subject) -> bool {
        self.suspension(subject).is_some() || self.deactivation(subject).is_some()
    }

    /// The kill switches that are on.
    pub fn kills(&self) -> &[Kill] {
        &self.kills
    }

    /// The kill switch that stops this function, if any.
    pub fn kill(&self, function: &Function) -> Option<&Kill> {
        self.kills.iter().find(|kill| match &kill.scope {
            KillScope::Everything => true,
            KillScope::Target(target) => target.as_str() == function.name.target(),
            KillScope::Function(name) => *name == function.name,
        })
    }

    /// Every denial, also those that have ended by themselves.
    pub fn denials(&self) -> impl Iterator<Item = &Arc<Denial>> {
        self.denials.values().flatten()
    }

    /// The first denial of some kind that stands for a subject, its own or one of its groups'.
    pub(crate) fn denial<'a>(
        &'a self,
        subject: &Subject,
        groups: impl Iterator<Item = &'a Group>,
        now: Timestamp,
        of: impl Fn(&Denial) -> bool,
    ) -> Option<&'a Arc<Denial>> {
        if self.denials.is_empty() {
            return None;
        }
        let own = Holder::Subject(subject.clone());
        let groups = groups.map(|group| Holder::Group(group.clone()));
        let mut all = std::iter::once(own).chain(groups);
        all.find_map(|whom| self.denials.get(&whom)?.iter().find(|it| it.stands(now) && of(it)))
    }

    /// Grants for this function that a subject holds itself or through one of its groups, ended
    /// ones too.
    pub(crate) fn held<'a>(
        &'a self,
        subject: &Subject,
        groups: impl Iterator<Item = &'a Group>,
        ix: FunctionIx,
        function: &Function,
    ) -> Vec<&'a CompiledGrant> {
        let mut places = Vec::new();
        let own = Holder::Subject(subject.clone());
        let groups = groups.map(|group| Holder::Group(group.clone()));
        for holder in std::iter::once(own).chain(groups) {
            if let Some(held) = self.holders.get(&holder) {
                held.places(ix, function, &mut places);
            }
        }
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| self.grants.get(usize::try_from(place).ok()?))
            .collect()
    }

    /// Grants for this function that one holder holds, ended ones too.
    pub(crate) fn held_by(
        &self,
        holder: &Holder,
        ix: FunctionIx,
        function: &Function,
    ) -> Vec<&Arc<Grant>> {
        let mut places = Vec::new();
        if let Some(held) = self.holders.get(holder) {
            held.places(ix, function, &mut places);
        }
        let grant = |place: u32| self.grants.get(usize::try_from(place).ok()?);
        places.into_iter().filter_map(|it| Some(&grant(it)?.grant)).collect()
    }

    /// The groups that directories say the subject of a call is in. They tell of people: an agent or
    /// service is in none, whatever its name.
    pub fn told_groups(&self, caller: &Caller) -> &[ToldGroup] {
        match caller.kind {
            CallerKind::Person => self.told_of(&caller.subject),
            CallerKind::Agent | CallerKind::Service => &[],
        }
    }

    /// The groups that directories say a person is in. An agent of the catalog is none.
    pub fn told_of(&self, subject: &Subject) -> &[ToldGroup] {
        self.told_if_any(subject).map_or(&[], |it| &**it)
    }

    /// The same, to keep beside a [`crate::Person`].
    pub fn told_to(&self, subject: &Subject, kind: CallerKind) -> Arc<[ToldGroup]> {
        match kind {
            CallerKind::Person => self.told_if_any(subject).cloned().unwrap_or_default(),
            CallerKind::Agent | CallerKind::Service => Arc::default(),
        }
    }

    /// Everybody that directories say is in some group that counts.
    pub fn told(&self) -> &ToldGroups {
        &self.told
    }

    fn told_if_any(&self, subject: &Subject) -> Option<&Arc<[ToldGroup]>> {
        if self.told.is_empty() {
            return None;
        }
        self.told.of(subject).filter(|_| !self.catalog.agents.contains_key(subject))
    }

    /// Agents that are registered in the catalog.
    pub fn agents(&self) -> &BTreeMap<Subject, crate::catalog::Agent> {
        &self.catalog.agents
    }
}

impl Held {
    fn places(&self, ix: FunctionIx, function: &Function, places: &mut Vec<u32>) {
        let start = self.by_function.partition_point(|(it, _)| *it < ix);
        let own = self.by_function.iter().skip(start).take_while(|(it, _)| *it == ix);
        places.extend(own.map(|(_, place)| *place));
        if self.by_tag.is_empty() {
            return;
        }
        for tag in &function.tags {
            let start = self.by_tag.partition_point(|(it, _)| it < tag);
            let tagged = self.by_tag.iter().skip(start).take_while(|(it, _)| it == tag);
            places.extend(tagged.map(|(_, place)| *place));
        }
    }
}

#[cfg(test)]
mod tests;
