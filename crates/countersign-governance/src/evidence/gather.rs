//! Gathers the facts of a pack from the store. Who sees every grant, and the campaign's owner, may take
//! it; taking it stands in the ledger.

use super::{
    archive::{self, PACK_BYTES_MAX},
    facts::{Facts, Line, MadeMeanwhile, Told},
    render,
    sample::{SAMPLE_MAX, SEED_CHARS_MAX, draw},
};
use crate::{Actor, Governance, ReviewError, roles::may_look};
use countersign_model::{
    CampaignId, DeliveryId, Digest, Grant, GrantId, NoticeId, PasskeyId, Subject, Timestamp,
    ids::EntryId,
    record::{Event, EvidenceTaken, ReviewEvidence},
    review::{Campaign, CampaignState, Item, Reviewed, Scope, SignOffProof},
};
use countersign_store::{
    DeliveryRow, ITEMS_PAGE_MAX, ItemQuery, NoticeRow, PlaceRow, StoreError, Transaction,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Evidence of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The name of its file.
    pub name: String,
    /// The archive.
    pub bytes: Vec<u8>,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Entries of the ledger that no checkpoint covers yet; none, once the logs had a few seconds.
    pub unproven: u64,
}

/// A random sample of a campaign's items.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleView {
    /// What draws it again.
    pub seed: String,
    /// How many were asked for.
    pub size: u32,
    /// Of how many.
    pub of: u64,
    /// SHA-256 over the grants' ids, one a line, in the order in which they were drawn: as the ledger
    /// has it.
    pub digest: Digest,
    /// The items, in the order in which they were drawn.
    pub items: Vec<Item>,
}

impl Governance {
    /// The evidence of a campaign. That it was taken stands in the ledger before it is handed out.
    ///
    /// # Errors
    /// [`ReviewError::NoCampaign`], also where the actor may not see all of it;
    /// [`ReviewError::CampaignState`] before its snapshot is complete.
    pub async fn evidence_pack(&self, actor: &Actor, id: CampaignId) -> Result<Pack, ReviewError> {
        let actor = self.judged(actor);
        let facts = self.facts(&actor, id).await?;
        let unproven = facts.entries.iter().filter(|it| it.proof.is_none()).count();
        let made = tokio::task::spawn_blocking(move || {
            archive::write(&id.to_string(), &render::files(&facts))
        });
        let bytes = made.await.map_err(|_| crate::Unavailable::Policy)?;
        if bytes.len() > PACK_BYTES_MAX {
            return Err(ReviewError::Invalid {
                place: "campaign".to_owned(),
                message: "its evidence is larger than 512 MiB; split the scope of the next one"
                    .to_owned(),
            });
        }
        let digest = Digest::of(&bytes);
        self.took(&actor, id, EvidenceTaken::Pack { digest }).await?;
        let name = format!("evidence-{id}.tar");
        Ok(Pack { name, bytes, digest, unproven: u64::try_from(unproven).unwrap_or(u64::MAX) })
    }

    /// A random sample of a campaign's items, which the same seed draws again. That it was drawn
    /// stands in the ledger.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn sample_items(
        &self,
        actor: &Actor,
        id: CampaignId,
        seed: &str,
        size: u32,
    ) -> Result<SampleView, ReviewError> {
        let actor = self.judged(actor);
        let invalid = |place: &str, message: &str| ReviewError::Invalid {
            place: place.to_owned(),
            message: message.to_owned(),
        };
        if size == 0 || size > SAMPLE_MAX {
            return Err(invalid("size", "1 to 1000 items"));
        }
        let fits = !seed.is_empty() && seed.chars().count() <= SEED_CHARS_MAX;
        if !fits || seed.chars().any(char::is_control) {
            return Err(invalid("seed", "1 to 200 characters on one line"));
        }
        let mut view = self.store().view().await?;
        seen(&actor, &mut view, id).await?;
        let all = grants(&mut view, id).await?;
        let drawn = draw(&all, seed, usize::try_from(size).unwrap_or(usize::MAX));
        let lines: String = drawn.iter().map(|it| format!("{it}\n")).collect();
        let mut items = Vec::with_capacity(drawn.len());
        for grant in &drawn {
            items.push(view.item(id, *grant).await?.ok_or(ReviewError::NoItem)?.item);
        }
        drop(view);
        let of = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let (digest, seed) = (Digest::of(lines.as_bytes()), seed.to_owned());
        let took = EvidenceTaken::Sample { seed: seed.clone(), size, of, digest };
        self.took(&actor, id, took).await?;
        Ok(SampleView { seed, size, of, digest, items })
    }

    async fn took(
        &self,
        actor: &Actor,
        campaign: CampaignId,
        took: EvidenceTaken,
    ) -> Result<(), ReviewError> {
        let by = actor.subject().clone();
        let event = Event::ReviewEvidence(ReviewEvidence { campaign, by, took });
        Ok(self.record(&campaign.to_string(), event).await?)
    }

    async fn facts(&self, actor: &Actor, id: CampaignId) -> Result<Facts, ReviewError> {
        let mut view = self.store().view().await?;
        let campaign = seen(actor, &mut view, id).await?;
        if campaign.state == CampaignState::Opening {
            return Err(ReviewError::CampaignState { state: campaign.state.name() });
        }
        let report = view.report(id).await?;
        let items = items(&mut view, id).await?;
        let notices = told(&mut view, id).await?;
        let window = window(&campaign);
        let mut entries = entries(&mut view, id, window).await?;
        entries.extend(of_passkeys(&mut view, &campaign).await?);
        entries.sort_by_key(|it| it.id);
        let agents = match &campaign.opening {
            Some(opening) => agents(&mut view, &opening.catalog).await?,
            None => BTreeSet::new(),
        };
        drop(view);
        let known: BTreeSet<GrantId> = items.iter().map(|it| it.grant).collect();
        let made_meanwhile = match &report {
            Some(report) => reported(report)?,
            None => self.in_scope_now(&campaign.scope, &known),
        };
        Ok(Facts { campaign, agents, items, made_meanwhile, notices, entries, report })
    }

    /// Active grants in scope that are no items of a campaign that runs.
    fn in_scope_now(&self, scope: &Scope, known: &BTreeSet<GrantId>) -> Vec<MadeMeanwhile> {
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let catalog = snapshot.catalog();
        let is_new = |it: &&Arc<Grant>| {
            !known.contains(&it.id)
                && !it.is_over(now)
                && scope.includes(&Reviewed::of(it, catalog), catalog)
        };
        snapshot.grants().filter(is_new).map(|it| made_meanwhile(it)).collect()
    }
}

fn made_meanwhile(grant: &Grant) -> MadeMeanwhile {
    MadeMeanwhile {
        grant: grant.id,
        version: grant.version,
        holder: grant.holder.to_string(),
        functions: grant.functions.clone(),
        tags: grant.tags.clone(),
        reason: grant.reason.clone(),
        made_by: grant.made_by.clone(),
        made_at: grant.made_at,
    }
}

/// What the report of the close says was made meanwhile.
fn reported(report: &str) -> Result<Vec<MadeMeanwhile>, StoreError> {
    #[derive(Deserialize)]
    struct Report {
        not_reviewed: Vec<MadeMeanwhile>,
    }
    let read = serde_json::from_str::<Report>(report);
    let damaged = |bad| StoreError::Damaged { what: "report", source: Box::new(bad) };
    Ok(read.map_err(damaged)?.not_reviewed)
}

/// The campaign, for who may see all of it.
async fn seen(
    actor: &Actor,
    view: &mut Transaction,
    id: CampaignId,
) -> Result<Campaign, ReviewError> {
    may_look(actor)?;
    let campaign = view.campaign(id).await?.ok_or(ReviewError::NoCampaign)?.campaign;
    let may = actor.sees_grants() || campaign.rules.owner == *actor.subject();
    if may { Ok(campaign) } else { Err(ReviewError::NoCampaign) }
}

/// From the opening to the close, or for as long as it runs.
fn window(campaign: &Campaign) -> (Timestamp, Timestamp) {
    let from = campaign.opening.as_ref().map_or_else(|| campaign.id.made_at(), |it| it.at);
    let until = campaign.state.closed_at().unwrap_or_else(|| Timestamp::from_millis(i64::MAX));
    (from, until)
}

async fn items(view: &mut Transaction, id: CampaignId) -> Result<Vec<Item>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query =
            ItemQuery { campaign: Some(id), after, limit: ITEMS_PAGE_MAX, ..ItemQuery::default() };
        let page = view.items(&query).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some((last.item.campaign, last.item.grant));
        all.extend(page.into_iter().map(|it| it.item));
    }
}

async fn grants(view: &mut Transaction, id: CampaignId) -> Result<Vec<GrantId>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = view.item_digests(id, after, ITEMS_PAGE_MAX).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some(*last);
        all.extend(page.into_iter().map(|(it, _)| it));
    }
}

async fn entries(
    view: &mut Transaction,
    id: CampaignId,
    window: (Timestamp, Timestamp),
) -> Result<Vec<Line>, StoreError> {
    let (mut all, mut after): (Vec<Line>, Option<EntryId>) = (Vec::new(), None);
    loop {
        let page = view.places_of_campaign(id, window, after).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(page.into_iter().map(line));
    }
}

/// What the logs say of the passkeys that signed for it, until they did: so that the evidence is the same
/// when one is removed later.
async fn of_passkeys(view: &mut Transaction, campaign: &Campaign) -> Result<Vec<Line>, StoreError> {
    let mut signed: BTreeMap<PasskeyId, Timestamp> = BTreeMap::new();
    for sign_off in &campaign.sign_offs {
        if let SignOffProof::Passkey { passkey } = &sign_off.proof {
            let at = signed.entry(passkey.passkey).or_insert(sign_off.at);
            *at = sign_off.at.max(*at);
        }
    }
    let mut all = Vec::new();
    for (passkey, until) in signed {
        let rows = view.places_about(&passkey.to_string(), until).await?;
        all.extend(rows.into_iter().map(line));
    }
    Ok(all)
}

fn line(row: PlaceRow) -> Line {
    let PlaceRow { id, gateway, position, entry, proven, .. } = row;
    let (vkey, proof) = proven.unzip();
    // Entries are JSON of ours, so they are text.
    let entry = String::from_utf8_lossy(&entry).into_owned();
    Line { id, gateway, index: position, entry, vkey, proof }
}

/// Who was told: one for each delivery, of digests too, and one for each notice that has none.
async fn told(view: &mut Transaction, id: CampaignId) -> Result<Vec<Told>, StoreError> {
    let about = id.to_string();
    let mut deliveries: BTreeMap<NoticeId, Vec<DeliveryRow>> = BTreeMap::new();
    let mut after: Option<DeliveryId> = None;
    loop {
        let page = view.deliveries_about(&about, after, NOTICES_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in page {
            deliveries.entry(row.notice).or_default().push(row);
        }
    }
    let (mut all, mut after): (Vec<Told>, Option<NoticeId>) = (Vec::new(), None);
    loop {
        let page = view.notices_about(&about, after, NOTICES_PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id);
        for notice in &page {
            match deliveries.get(&notice.id) {
                Some(rows) => all.extend(rows.iter().map(|it| delivered(notice, it))),
                None => all.push(in_the_inbox(notice)),
            }
        }
    }
}

fn in_the_inbox(notice: &NoticeRow) -> Told {
    Told {
        notice: notice.id.to_string(),
        kind: notice.kind.name().to_owned(),
        to: notice.to.to_string(),
        title: notice.title.clone(),
        made_at: notice.made_at,
        read_at: notice.read_at,
        channel: "console".to_owned(),
        delivery: String::new(),
        state: if notice.withdrawn_at.is_some() { "withdrawn" } else { "shown" }.to_owned(),
        attempts: 0,
        ended_at: notice.withdrawn_at,
        answer: String::new(),
        error: String::new(),
    }
}

fn delivered(notice: &NoticeRow, row: &DeliveryRow) -> Told {
    Told {
        channel: row.channel.clone(),
        to: row.to.as_ref().map_or_else(|| notice.to.to_string(), Subject::to_string),
        delivery: row.id.to_string(),
        state: row.state.name().to_owned(),
        attempts: row.attempts,
        ended_at: row.ended_at,
        answer: row.answer.clone(),
        error: row.error.clone(),
        ..in_the_inbox(notice)
    }
}

/// The agents of a version of the catalog.
async fn agents(view: &mut Transaction, catalog: &Digest) -> Result<BTreeSet<Subject>, StoreError> {
    let Some(row) = view.catalog(catalog).await? else { return Ok(BTreeSet::new()) };
    Ok(row.catalog.agents.keys().map(|it| Subject::new(it.as_str())).collect())
}

/// Notices that one look takes.
const NOTICES_PAGE: u32 = 500;
