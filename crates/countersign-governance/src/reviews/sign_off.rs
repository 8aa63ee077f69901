//! Sign-off (R16): an act of its own, after everything is decided, by which somebody answers for what
//! was decided with their name. Afterwards nothing of it changes; corrections are written beside it.

use super::{
    ReviewError, SIGNED_IN_WITHIN,
    answer::may_decide,
    deed::{Deed, Said},
    read::is_or_was_asked,
};
use crate::{Actor, Forbidden, Governance, roles};
use countersign_model::{
    CampaignId, Digest, GrantId, Span, Subject,
    passkey::SignedKind,
    record::{Event, ReviewChange, ReviewSignOffProof, ReviewSignedOff},
    review::{Campaign, CampaignState, Covers, Item, SignOff, SignOffProof, campaign::Addendum},
};
use countersign_store::{ITEMS_PAGE_MAX, ItemQuery, Transaction};

/// How far a provider's clock may be ahead of ours.
const CLOCK_SKEW: Span = Span::from_seconds(60);
/// Addenda of one campaign at most.
const ADDENDA_MAX: usize = 1_000;

impl Governance {
    /// Signs for the actor's own decisions, or, as the owner of a closed campaign, for all of it. The
    /// proof is a sign-in not longer than [`SIGNED_IN_WITHIN`] ago, or what a passkey of the actor's
    /// signed over these very decisions ([`SignOff::signed_digest`]).
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn sign_off(
        &self,
        actor: &Actor,
        id: CampaignId,
        covers: Covers,
        proof: SignOffProof,
    ) -> Result<SignOff, ReviewError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_decide(&actor)?;
        let mut deed = self.deed().await?;
        let now = deed.now;
        if let SignOffProof::SignIn { signed_in_at } = proof
            && (signed_in_at < now.minus(SIGNED_IN_WITHIN) || signed_in_at > now.plus(CLOCK_SKEW))
        {
            return Err(ReviewError::SignInAgain);
        }
        let mut row = deed.change.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
        let by = actor.subject().clone();
        let (items, digest) = match covers {
            Covers::Own => own(&mut deed, &row.campaign, &by).await?,
            Covers::Campaign => self.whole(&mut deed, &row.campaign, &actor).await?,
        };
        if let SignOffProof::Passkey { passkey } = &proof {
            let signed = SignOff::signed_digest(id, &by, covers, items, &digest);
            let kind = SignedKind::ReviewSignOff;
            self.signed_by(&mut deed.change, &actor, passkey, (kind, &signed), now).await?;
        }
        let entry_proof = ReviewSignOffProof::from(&proof);
        let sign_off = SignOff { by: by.clone(), at: now, covers, items, digest, proof };
        row.campaign.sign_offs.push(sign_off.clone());
        if covers == Covers::Campaign
            && let CampaignState::Closed { at, report } = row.campaign.state
        {
            row.campaign.state = CampaignState::SignedOff { closed_at: at, at: now, report };
        }
        deed.write_campaign(&row).await?;
        let event = ReviewSignedOff { campaign: id, by, covers, items, digest, proof: entry_proof };
        deed.say(&id.to_string(), Event::ReviewSignedOff(event)).await?;
        deed.finish().await?;
        Ok(sign_off)
    }

    /// The whole of a closed campaign: its owner, or an administrator where the owner has left.
    async fn whole(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
        actor: &Actor,
    ) -> Result<(u64, Digest), ReviewError> {
        let owner = &campaign.rules.owner;
        let is_gone = self.policy().load().bars(owner);
        if *owner != *actor.subject() && !(is_gone && actor.is_administrator()) {
            return Err(Forbidden::NotYours.into());
        }
        match campaign.state {
            CampaignState::Closed { .. } => {}
            CampaignState::SignedOff { at, .. } => return Err(ReviewError::SignedOff { at }),
            CampaignState::Opening
            | CampaignState::Open
            | CampaignState::Stopped { .. }
            | CampaignState::Grace { .. } => {
                return Err(ReviewError::CampaignState { state: campaign.state.name() });
            }
        }
        Ok(decisions(&mut deed.change, campaign.id).await?)
    }

    /// Writes a correction beside a campaign or one of its items, after a sign-off or the close. Those
    /// who took part, its owner and administrators.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn add_addendum(
        &self,
        actor: &Actor,
        id: CampaignId,
        grant: Option<GrantId>,
        text: &str,
    ) -> Result<Addendum, ReviewError> {
        let actor = self.judged(actor);
        may_decide(&actor)?;
        let text = roles::reason(text);
        let text = text.map_err(|bad| ReviewError::invalid("text", bad.to_string()))?;
        let mut deed = self.deed().await?;
        let mut row = deed.change.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
        let by = actor.subject().clone();
        let signed = row.campaign.sign_offs.iter().any(|it| it.by == by);
        if row.campaign.state.closed_at().is_none() && !signed {
            return Err(ReviewError::CampaignState { state: row.campaign.state.name() });
        }
        if row.campaign.addenda.len() >= ADDENDA_MAX {
            return Err(ReviewError::invalid("text", "this campaign has too many addenda"));
        }
        let mut part = row.campaign.rules.owner == by || actor.is_administrator() || signed;
        if let Some(grant) = grant {
            let item = deed.change.item(id, grant).await?.ok_or(ReviewError::NoItem)?;
            part |= is_or_was_asked(&item.item, &by);
        } else if !part {
            let query = of(id, &by, None, 1);
            part = !deed.change.items(&query).await?.is_empty();
        }
        if !part {
            return Err(Forbidden::NotYours.into());
        }
        let addendum = Addendum { by: by.clone(), at: deed.now, grant, text: text.clone() };
        row.campaign.addenda.push(addendum.clone());
        deed.write_campaign(&row).await?;
        let said = Said {
            grant,
            by: Some(&by),
            text: Some(&text),
            ..Said::of(&row.campaign, ReviewChange::Addendum)
        };
        deed.changed(said).await?;
        deed.finish().await?;
        Ok(addendum)
    }
}

/// What somebody decided in a campaign: nothing may wait for them any more.
async fn own(
    deed: &mut Deed<'_>,
    campaign: &Campaign,
    by: &Subject,
) -> Result<(u64, Digest), ReviewError> {
    match campaign.state {
        CampaignState::Opening | CampaignState::SignedOff { .. } => {
            return Err(ReviewError::CampaignState { state: campaign.state.name() });
        }
        CampaignState::Open
        | CampaignState::Stopped { .. }
        | CampaignState::Grace { .. }
        | CampaignState::Closed { .. } => {}
    }
    let (mut after, mut items, mut open, mut bytes) = (None, 0_u64, 0_u64, Vec::new());
    loop {
        let page = deed.change.items(&of(campaign.id, by, after, ITEMS_PAGE_MAX)).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.item.campaign, last.item.grant));
        for row in &page {
            if campaign.state.takes_answers() && row.item.waits_for(by) {
                open = open.saturating_add(1);
            }
            for answer in row.item.answers.iter().filter(|it| it.by == *by && it.counts()) {
                items = items.saturating_add(1);
                bytes.extend_from_slice(&answer_digest(&row.item, answer).0);
            }
        }
    }
    if open > 0 {
        return Err(ReviewError::Undecided { open });
    }
    if items == 0 {
        return Err(ReviewError::invalid("covers", "you decided nothing in this campaign"));
    }
    Ok((items, Digest::of(&bytes)))
}

/// One answer with the grant and the snapshot that it is about.
fn answer_digest(item: &Item, answer: &countersign_model::review::Answer) -> Digest {
    Digest::of_json(&serde_json::json!({
        "grant": item.grant, "snapshot": item.digest, "answer": answer,
    }))
}

fn of(
    id: CampaignId,
    reviewer: &Subject,
    after: Option<(CampaignId, GrantId)>,
    limit: u32,
) -> ItemQuery {
    ItemQuery {
        campaign: Some(id),
        reviewer: Some(reviewer.clone()),
        after,
        limit,
        ..ItemQuery::default()
    }
}

/// How many items a campaign has, and the digest over all decisions in the order of grants' ids.
pub(super) async fn decisions(
    change: &mut Transaction,
    id: CampaignId,
) -> Result<(u64, Digest), countersign_store::StoreError> {
    let (mut after, mut items, mut bytes) = (None, 0_u64, Vec::new());
    loop {
        let query =
            ItemQuery { campaign: Some(id), after, limit: ITEMS_PAGE_MAX, ..ItemQuery::default() };
        let page = change.items(&query).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.item.campaign, last.item.grant));
        items = items.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
        page.iter().for_each(|row| bytes.extend_from_slice(&row.item.decision().0));
    }
    Ok((items, Digest::of(&bytes)))
}
