//! What reviewers are shown beside a grant: what it was used for, who else has the like, what changed
//! since somebody last certified it, and what follows from that.

use crate::{Governance, Unavailable};
use countersign_model::{
    Catalog, Digest, Function, Grant, GrantId, Holder, Snapshot, Span, Timestamp,
    catalog::FunctionIx,
    review::{
        Campaign, GrantUsage, Recommendation, Reviewed,
        item::{Change, Peers},
        peers,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Earlier catalogs that are compared with the one in force at most, the newest.
const CATALOGS_MAX: usize = 32;
/// Changes of one kind that are named one by one.
const NAMED_MAX: usize = 5;

/// Evidence for the grants of one campaign.
pub(super) struct Evidence {
    governance: Governance,
    usage: BTreeMap<GrantId, GrantUsage>,
    peers: BTreeMap<GrantId, Peers>,
    history: History,
    pub(super) counted_until: BTreeMap<String, Timestamp>,
}

/// What is shown beside one grant.
pub(super) struct Told {
    pub(super) usage: GrantUsage,
    pub(super) peers: Peers,
    pub(super) changes: Vec<Change>,
    pub(super) recommendation: Recommendation,
}

/// Catalogs that were in force, newest first: when each was applied, and what it was, if it was looked
/// up.
#[derive(Default)]
struct History(Vec<(Timestamp, Digest, Option<Arc<Catalog>>)>);

impl Governance {
    pub(super) async fn evidence(
        &self,
        campaign: &Campaign,
        grants: &[Arc<Grant>],
        snapshot: &Arc<Snapshot>,
    ) -> Result<Arc<Evidence>, Unavailable> {
        let now = self.clock().now();
        let (in_scope, of) = (grants.to_vec(), Arc::clone(snapshot));
        let related = tokio::task::spawn_blocking(move || related(&in_scope, &of, now));
        let related = related.await.map_err(|_| Unavailable::Policy)?;
        let usage = self.grant_usage(&related, campaign.rules.look_back).await?;
        let of = Arc::clone(snapshot);
        let wanted: HashSet<GrantId> = grants.iter().map(|it| it.id).collect();
        let count = move || {
            let found = peers(of.grants(), of.catalog(), &usage, now);
            let found = found.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
            let usage = usage.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
            (found, usage)
        };
        let (peers, usage) =
            tokio::task::spawn_blocking(count).await.map_err(|_| Unavailable::Policy)?;
        let certified = grants.iter().filter_map(|it| Some(it.certified.as_ref()?.at)).collect();
        let history = self.history(certified, snapshot.catalog().digest).await?;
        let counted_until = self.counted_until().await?;
        let governance = self.clone();
        Ok(Arc::new(Evidence { governance, usage, peers, history, counted_until }))
    }

    /// The catalogs in force when grants were certified, where those are not the one in force now.
    async fn history(
        &self,
        certified: BTreeSet<Timestamp>,
        now: Digest,
    ) -> Result<History, Unavailable> {
        let versions = self.store().view().await?.catalog_history().await?;
        let mut history = History(versions.into_iter().map(|(at, it)| (at, it, None)).collect());
        let wanted: BTreeSet<Digest> =
            certified.into_iter().filter_map(|at| history.digest_at(at)).collect();
        let mut known: BTreeMap<Digest, Arc<Catalog>> = BTreeMap::new();
        for (_, digest, catalog) in &mut history.0 {
            if *digest == now || !wanted.contains(digest) {
                continue;
            }
            if !known.contains_key(digest) && known.len() < CATALOGS_MAX {
                let row = self.store().view().await?.catalog(digest).await?;
                // One that compiled once and does not any more says nothing; what can't be compared is
                // said to be unknown.
                if let Some(row) = row
                    && let Ok(compiled) = self.compile(row.catalog).await
                {
                    known.insert(*digest, Arc::new(compiled));
                }
            }
            *catalog = known.get(digest).cloned();
        }
        Ok(history)
    }
}

impl Evidence {
    pub(super) fn of(
        &self,
        grant: &Grant,
        snapshot: &Snapshot,
        look_back: Span,
        now: Timestamp,
    ) -> Told {
        let usage = self.usage.get(&grant.id).cloned().unwrap_or_default();
        let peers = self.peers.get(&grant.id).copied().unwrap_or_default();
        let recommendation = self.governance.recommend_for(grant, &usage, peers, look_back);
        let changes = self.history.changes(grant, snapshot, now);
        Told { usage, peers, changes, recommendation }
    }
}

/// Active grants that reach a function that one of some grants reaches: these are their peers.
fn related(grants: &[Arc<Grant>], snapshot: &Snapshot, now: Timestamp) -> Vec<GrantId> {
    let catalog = snapshot.catalog();
    let places = |grant: &Grant| -> Vec<FunctionIx> {
        let reviewed = Reviewed::of(grant, catalog);
        reviewed
            .functions
            .iter()
            .filter_map(|it| Some(catalog.by_name(it.name.as_str())?.0))
            .collect()
    };
    let own: HashSet<GrantId> = grants.iter().map(|it| it.id).collect();
    let reached: HashSet<u32> =
        grants.iter().flat_map(|it| places(it)).map(|FunctionIx(place)| place).collect();
    let is_related = |grant: &Grant| {
        own.contains(&grant.id)
            || (grant.ended(now).is_none()
                && places(grant).iter().any(|FunctionIx(it)| reached.contains(it)))
    };
    snapshot.grants().filter(|it| is_related(it)).map(|it| it.id).collect()
}

impl History {
    fn digest_at(&self, at: Timestamp) -> Option<Digest> {
        self.0.iter().find(|(applied, ..)| *applied <= at).map(|(_, digest, _)| *digest)
    }

    /// What changed since a grant was last certified, in plain words.
    fn changes(&self, grant: &Grant, snapshot: &Snapshot, now: Timestamp) -> Vec<Change> {
        let mut found = Vec::new();
        let mut add = |code: &str, sentence: String| {
            found.push(Change { code: code.to_owned(), sentence });
        };
        if let Holder::Subject(holder) = &grant.holder
            && snapshot.bars(holder)
        {
            add("holder_left", format!("{holder} is suspended or has left."));
        }
        let Some(certified) = &grant.certified else {
            add("never_certified", "Nobody has certified it yet.".to_owned());
            return found;
        };
        if certified.version != grant.version {
            let sentence = format!(
                "It permits other things than on {}, when it was last certified.",
                certified.at.date()
            );
            add("widened", sentence);
        }
        if grant.expires_at.is_some_and(|at| at <= now.plus(Span::from_days(30))) {
            add("expires", "It ends by itself soon.".to_owned());
        }
        let Some((_, digest, then)) = self.0.iter().find(|(at, ..)| *at <= certified.at) else {
            return found;
        };
        match then {
            Some(then) => catalog_changes(grant, then, snapshot.catalog(), &mut add),
            None if *digest == snapshot.catalog().digest => {}
            None => add(
                "unknown",
                "What of its functions changed since it was last certified is not known."
                    .to_owned(),
            ),
        }
        found
    }
}

/// What is different between two catalogs for whoever holds a grant.
fn catalog_changes(
    grant: &Grant,
    then: &Catalog,
    now: &Catalog,
    add: &mut impl FnMut(&str, String),
) {
    let functions = Reviewed::of(grant, now).functions;
    let before = Reviewed::of(grant, then).functions;
    let was = |it: &Function| before.iter().find(|old| old.name == it.name);
    let names = |of: Vec<&Arc<Function>>| {
        let mut names: Vec<String> =
            of.iter().take(NAMED_MAX).map(|it| it.name.to_string()).collect();
        let more = of.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        names.join(", ")
    };
    let pick = |is: &dyn Fn(&Function) -> bool| -> Vec<&Arc<Function>> {
        functions.iter().copied().filter(|it| is(it)).collect()
    };
    let new = pick(&|it| was(it).is_none());
    let contract = pick(&|it| was(it).is_some_and(|old| old.contract != it.contract));
    let rose = pick(&|it| was(it).is_some_and(|old| old.sensitivity < it.sensitivity));
    if !rose.is_empty() {
        add("sensitivity", format!("More sensitive than then: {}.", names(rose)));
    }
    if !new.is_empty() {
        add("widened", format!("It did not reach then: {}.", names(new)));
    }
    if !contract.is_empty() {
        add("contract", format!("Another contract than then: {}.", names(contract)));
    }
    if let Holder::Subject(holder) = &grant.holder {
        let sponsor = |of: &Catalog| of.agents.get(holder).map(|it| it.sponsor.clone());
        if let (Some(was), Some(is)) = (sponsor(then), sponsor(now))
            && was != is
        {
            add("sponsor", format!("{is} answers for {holder} now; it was {was}."));
        }
    }
}
