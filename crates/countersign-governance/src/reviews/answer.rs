//! Answers of reviewers, one or many in one act. Each is judged anew when it comes: who answers, what
//! they saw, and whether the grant may stand (R2, R4, R5, R12, R13, R17). A revoke acts with the commit,
//! a certification when the ledger has it.

use super::{
    ACT_ITEMS_MAX, ReviewError,
    acts::{Answered, NewAnswer},
    deed::{Deed, Said, is_suspended_here},
    hand_on::Taker,
    read::running,
};
use crate::{
    Actor, Forbidden, Governance,
    roles::{self, may_act},
};
use countersign_model::{
    CallerKind, CampaignId, Catalog, Grant, Holder, Sensitivity, Subject, Timestamp,
    grant::{Certified, Ended, Terms},
    record::{GrantChange, ReviewChange},
    review::{
        Answer, Campaign, Item, ItemResult, ItemState, Judged, Outcome, ReviewFacts, ReviewRefused,
        ReviewVerdict, Reviewed, judge, may_review, reviewers_for, schedule::ReasonNeeded,
    },
};
use countersign_store::{GrantRow, ItemRow};
use std::{collections::BTreeSet, sync::Arc};

/// Who answers, and what they are judged by.
pub(super) struct Asked<'a> {
    pub(super) actor: &'a Actor,
    pub(super) campaign: &'a Campaign,
    pub(super) catalog: &'a Catalog,
    pub(super) facts: &'a ReviewFacts,
    /// How many items this act answers.
    pub(super) together: u32,
}

impl Governance {
    /// Takes a reviewer's answers about items of one campaign, [`ACT_ITEMS_MAX`] at most, in one
    /// transaction. What can't be taken of them is said beside it, and does not keep the others.
    ///
    /// # Errors
    /// [`ReviewError`], where none is taken. With [`ReviewError::Unavailable`] of the ledger they are
    /// taken, and what gives rights waits.
    pub async fn answer_items(
        &self,
        actor: &Actor,
        campaign: CampaignId,
        answers: Vec<NewAnswer>,
    ) -> Result<Vec<Answered>, ReviewError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_decide(&actor)?;
        check_act(&answers)?;
        let facts = self.review_facts().await?;
        let catalog = Arc::clone(facts.snapshot.catalog());
        let mut deed = self.deed().await?;
        deed.refuse_other_catalog(&catalog).await?;
        let row = running(&mut deed.change, campaign).await?;
        check_bulk(&row.campaign, &answers)?;
        let together = u32::try_from(answers.len()).unwrap_or(u32::MAX);
        let asked = Asked {
            actor: &actor,
            campaign: &row.campaign,
            catalog: &catalog,
            facts: &facts,
            together,
        };
        let mut all = Vec::with_capacity(answers.len());
        for new in answers {
            let grant = new.grant;
            let result = match self.prepare(&mut deed, &asked, new).await {
                // From here on a failure would leave half of it: then nothing of the act is kept.
                Ok(prepared) => Ok(self.carry_out(&mut deed, &asked, prepared).await?),
                Err(ReviewError::Unavailable(unavailable)) => return Err(unavailable.into()),
                Err(refused) => Err(refused),
            };
            all.push(Answered { grant, result });
        }
        deed.finish().await?;
        Ok(all)
    }

    /// Judges an answer. Nothing is written.
    async fn prepare(
        &self,
        deed: &mut Deed<'_>,
        asked: &Asked<'_>,
        new: NewAnswer,
    ) -> Result<Prepared, ReviewError> {
        let id = asked.campaign.id;
        let mut row = deed.change.item(id, new.grant).await?.ok_or(ReviewError::NoItem)?;
        let grant = deed.change.grant(new.grant).await?.ok_or(ReviewError::NoItem)?;
        let reviewed = Reviewed::of(&grant.grant, asked.catalog);
        let sensitivity = reviewed.sensitivity.max(row.item.snapshot.sensitivity);
        let reviewed = Reviewed { sensitivity, ..reviewed };
        may_answer(asked, &row.item, &reviewed, &new.verdict)?;
        takes(&row.item, &new.verdict)?;
        let reason = reason(asked.campaign, &row.item, sensitivity, &new)?;
        if let ReviewVerdict::HandOn { to } = &new.verdict {
            let taker = Taker { from: asked.actor.subject(), to, why: &reason };
            self.hand_over(asked, &mut row.item, &reviewed, &taker, deed.now).await?;
            return Ok(Prepared::HandOn { row, to: to.clone(), why: reason });
        }
        check_version(&row.item, &grant.grant, &new, deed.now)?;
        check_in_bulk(asked, sensitivity, &new.verdict)?;
        check_reduction(&grant.grant, &new.verdict, asked.catalog, deed.now)?;
        let answer = Answer {
            by: asked.actor.subject().clone(),
            at: deed.now,
            stage: row.item.stage,
            version: grant.grant.version,
            against: new.verdict.is_against(row.item.snapshot.recommendation.advice),
            verdict: new.verdict,
            reason,
            together: asked.together,
            seen_ms: new.seen_ms,
            void: None,
        };
        replace(&mut row.item, asked, &answer)?;
        Ok(Prepared::Answer { row, grant, answer })
    }

    async fn carry_out(
        &self,
        deed: &mut Deed<'_>,
        asked: &Asked<'_>,
        prepared: Prepared,
    ) -> Result<Item, ReviewError> {
        match prepared {
            Prepared::HandOn { row, to, why } => {
                let taker = Taker { from: asked.actor.subject(), to: &to, why: &why };
                self.write_handed(deed, asked, &row, &taker).await?;
                Ok(row.item)
            }
            Prepared::Answer { mut row, grant, answer } => {
                self.act(deed, asked, &mut row, &grant, &answer).await?;
                deed.write_item(&row).await?;
                deed.decided(&row.item, answer.version, Some(&answer)).await?;
                Ok(row.item)
            }
        }
    }

    /// Does what the answers that count make of an item.
    async fn act(
        &self,
        deed: &mut Deed<'_>,
        asked: &Asked<'_>,
        row: &mut ItemRow,
        grant: &GrantRow,
        answer: &Answer,
    ) -> Result<(), ReviewError> {
        let sponsor = match &grant.grant.holder {
            Holder::Subject(holder) => asked.catalog.agents.get(holder).map(|it| &it.sponsor),
            Holder::Group(_) => None,
        };
        let by = asked.actor.subject();
        let (result, people, last) = match judge(&row.item, &asked.campaign.rules, sponsor) {
            Judged::Waits => return Ok(()),
            Judged::StageMet => {
                next_stage(asked, &mut row.item, &grant.grant);
                return Ok(());
            }
            Judged::Revoked { by: people } => {
                let next = grant.grant.clone().revoke(by, deed.now, &why(asked, answer));
                (
                    ItemResult::Revoked,
                    people,
                    deed.step(grant, next, GrantChange::Revoked, by).await?,
                )
            }
            Judged::Certified { by: people } => {
                (ItemResult::Certified, people, certify(deed, grant.clone(), by).await?)
            }
            Judged::Reduced { by: people, functions, constraints } => {
                let terms = grant.grant.terms().reduced(&functions, &constraints);
                let narrowed = narrow(&grant.grant, terms, asked.catalog)?;
                let row = deed.step(grant, narrowed, GrantChange::Narrowed, by).await?;
                (ItemResult::Reduced, people, certify(deed, row, by).await?)
            }
        };
        let before = before(&row.item, &grant.grant);
        let narrowed_from = (result == ItemResult::Reduced).then(|| Box::new(grant.grant.clone()));
        row.item.state = ItemState::Decided(Outcome {
            result,
            at: deed.now,
            by: people,
            epoch: deed.epoch().await?,
            verified_at: None,
            version: last.grant.version,
            before,
            narrowed_from,
        });
        Ok(())
    }
}

/// An answer that was judged, and what it is to be written to.
#[expect(clippy::large_enum_variant, reason = "one after the other is made and used up")]
enum Prepared {
    HandOn { row: ItemRow, to: Subject, why: String },
    Answer { row: ItemRow, grant: GrantRow, answer: Answer },
}

/// People in good standing who change things: never an agent, a service or an auditor (R5).
pub(super) fn may_decide(actor: &Actor) -> Result<(), Forbidden> {
    may_act(actor)?;
    match actor.person.kind {
        CallerKind::Person => Ok(()),
        CallerKind::Agent | CallerKind::Service => Err(Forbidden::NotAPerson),
    }
}

fn check_act(answers: &[NewAnswer]) -> Result<(), ReviewError> {
    let grants: BTreeSet<_> = answers.iter().map(|it| it.grant).collect();
    if answers.is_empty() || answers.len() > ACT_ITEMS_MAX {
        return Err(ReviewError::invalid("answers", format!("1 to {ACT_ITEMS_MAX} items")));
    }
    if grants.len() == answers.len() {
        Ok(())
    } else {
        Err(ReviewError::invalid("answers", "each grant once"))
    }
}

/// No more may be kept in one act than the rules say.
fn check_bulk(campaign: &Campaign, answers: &[NewAnswer]) -> Result<(), ReviewError> {
    let kept = answers.iter().filter(|it| keeps(&it.verdict)).count();
    let most = usize::try_from(campaign.rules.bulk_max).unwrap_or(usize::MAX).max(1);
    if kept <= most {
        return Ok(());
    }
    let message = match campaign.rules.bulk_max {
        0 | 1 => "certify one by one in this campaign".to_owned(),
        most => format!("certify at most {most} in one act"),
    };
    Err(ReviewError::Bulk { message })
}

fn keeps(verdict: &ReviewVerdict) -> bool {
    match verdict {
        ReviewVerdict::Certify | ReviewVerdict::Reduce { .. } => true,
        ReviewVerdict::Revoke | ReviewVerdict::HandOn { .. } | ReviewVerdict::DontKnow => false,
    }
}

/// What reaches high sensitivity is certified by itself.
fn check_in_bulk(
    asked: &Asked<'_>,
    sensitivity: Sensitivity,
    verdict: &ReviewVerdict,
) -> Result<(), ReviewError> {
    if asked.together > 1 && sensitivity == Sensitivity::High && keeps(verdict) {
        let message = "what reaches high sensitivity is certified one by one".to_owned();
        return Err(ReviewError::Bulk { message });
    }
    Ok(())
}

/// Nobody reviews their own access, and only those who are asked answer. What takes access away needs
/// no more than that.
fn may_answer(
    asked: &Asked<'_>,
    item: &Item,
    reviewed: &Reviewed<'_>,
    verdict: &ReviewVerdict,
) -> Result<(), ReviewError> {
    let stage = asked.campaign.rules.stages.get(item.stage).ok_or(ReviewError::NotAsked)?;
    let person = &asked.actor.person;
    let is_same = |it: &Subject| asked.facts.is_same_person(it, &person.subject);
    let is_asked = item.reviewers.iter().any(|it| is_same(&it.subject));
    let refused = match may_review(person, reviewed, &item.reviewers, stage.mode, asked.facts) {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    Err(match refused {
        _ if !is_asked => ReviewError::NotAsked,
        // The sponsor's word counts beside another's, in this stage or another one: the judge sees to it.
        ReviewRefused::SponsorAlone if asked.campaign.rules.stages.len() > 1 => return Ok(()),
        ReviewRefused::Maker | ReviewRefused::SponsorAlone if !keeps(verdict) => return Ok(()),
        ReviewRefused::NotAsked => ReviewError::NotAsked,
        ReviewRefused::NotAPerson => Forbidden::NotAPerson.into(),
        ReviewRefused::Barred => Forbidden::Suspended.into(),
        ReviewRefused::OwnAccess | ReviewRefused::OwnGroup => Forbidden::OwnAccess.into(),
        ReviewRefused::SponsorAlone => Forbidden::Sponsor.into(),
        ReviewRefused::Maker => Forbidden::Maker.into(),
    })
}

/// Whether an item takes such an answer where it stands. A decision that takes rights away is undone
/// before it is another one.
fn takes(item: &Item, verdict: &ReviewVerdict) -> Result<(), ReviewError> {
    let is_taken = match &item.state {
        ItemState::Open | ItemState::Suspended { .. } => true,
        ItemState::Moot { .. } => false,
        ItemState::Decided(outcome) => match outcome.result {
            ItemResult::Certified | ItemResult::NotReviewed => verdict.decides(),
            ItemResult::Reduced => *verdict == ReviewVerdict::Revoke,
            ItemResult::Revoked | ItemResult::EndedByRule => false,
        },
    };
    if is_taken { Ok(()) } else { Err(ReviewError::ItemState { state: item.state.name() }) }
}

/// The reason as it is kept, if one is there where one is needed (R17).
fn reason(
    campaign: &Campaign,
    item: &Item,
    sensitivity: Sensitivity,
    new: &NewAnswer,
) -> Result<String, ReviewError> {
    let text = roles::comment(&new.reason);
    let text = text.map_err(|bad| ReviewError::invalid("reason", bad.to_string()))?.to_owned();
    let is_kept = keeps(&new.verdict);
    let because = match (&campaign.rules.reason, sensitivity) {
        _ if new.verdict.is_against(item.snapshot.recommendation.advice) => {
            "it is against the recommendation"
        }
        _ if matches!(new.verdict, ReviewVerdict::HandOn { .. }) => {
            "whoever takes over should know"
        }
        (ReasonNeeded::Always, _) if is_kept => "this campaign asks for a reason each time",
        (ReasonNeeded::High, Sensitivity::High) if is_kept => {
            "this campaign asks for a reason at high sensitivity"
        }
        (ReasonNeeded::AgainstRecommendation | ReasonNeeded::High | ReasonNeeded::Always, _) => {
            return Ok(text);
        }
    };
    if text.is_empty() { Err(ReviewError::ReasonNeeded { because }) } else { Ok(text) }
}

/// What keeps a grant is said of the version that stands; a revoke is of the grant, whatever its
/// version (R2).
fn check_version(
    item: &Item,
    grant: &Grant,
    new: &NewAnswer,
    now: Timestamp,
) -> Result<(), ReviewError> {
    match &new.verdict {
        ReviewVerdict::Certify | ReviewVerdict::Reduce { .. } => {
            if grant.version != new.version {
                return Err(ReviewError::Version { current: grant.version });
            }
        }
        ReviewVerdict::Revoke | ReviewVerdict::HandOn { .. } | ReviewVerdict::DontKnow => {}
    }
    match grant.ended(now) {
        None => Ok(()),
        // What nobody answered about is suspended by us, and stands again when somebody keeps it.
        Some(Ended::Suspended { .. }) if !keeps(&new.verdict) || is_suspended_here(grant) => Ok(()),
        Some(suspended @ Ended::Suspended { .. }) => Err(crate::GrantError::from(suspended).into()),
        Some(Ended::Revoked { .. } | Ended::Expired { .. }) => {
            Err(ReviewError::ItemState { state: item.state.name() })
        }
    }
}

/// What is narrowed must be less than it was, in words that compile.
fn check_reduction(
    grant: &Grant,
    verdict: &ReviewVerdict,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<(), ReviewError> {
    let ReviewVerdict::Reduce { functions, constraints } = verdict else { return Ok(()) };
    let terms = grant.terms().reduced(functions, constraints);
    let narrowed = narrow(grant, terms, catalog)?;
    if narrowed.version == grant.version {
        return Err(ReviewError::invalid("functions", "it is no narrower than before; certify it"));
    }
    crate::grants::check(&narrowed, catalog, now)?;
    Ok(())
}

fn narrow(grant: &Grant, terms: Terms, catalog: &Catalog) -> Result<Grant, ReviewError> {
    // Whoever narrows it here certifies what is left.
    let narrowed = grant.clone().narrow(terms, catalog, Certified::Kept);
    narrowed.map_err(|wider| ReviewError::invalid("functions", wider.to_string()))
}

/// Puts an answer in, in the place of what the same person said before in this stage. What they signed
/// for stays (R16).
fn replace(item: &mut Item, asked: &Asked<'_>, answer: &Answer) -> Result<(), ReviewError> {
    let signed = asked.campaign.signed_off_by(&answer.by);
    let stage = item.stage;
    let before = |it: &&mut Answer| it.stage == stage && it.by == answer.by && it.void.is_none();
    for old in item.answers.iter_mut().filter(before) {
        if old.verdict.decides()
            && let Some(at) = signed.filter(|at| *at >= old.at)
        {
            return Err(ReviewError::SignedOff { at });
        }
        old.void = Some("changed".to_owned());
    }
    // Whoever is asked by another name of theirs answers under the one that they signed in with.
    let is_named = item.reviewers.iter().any(|it| it.subject == answer.by);
    if !is_named
        && let Some(same) =
            item.reviewers.iter_mut().find(|it| asked.facts.is_same_person(&it.subject, &answer.by))
    {
        same.subject = answer.by.clone();
    }
    item.answers.push(answer.clone());
    Ok(())
}

/// Asks the people of the next stage.
fn next_stage(asked: &Asked<'_>, item: &mut Item, grant: &Grant) {
    item.stage = item.stage.saturating_add(1);
    item.state = match item.state {
        ItemState::Suspended { at } => ItemState::Suspended { at },
        ItemState::Open | ItemState::Decided(_) | ItemState::Moot { .. } => ItemState::Open,
    };
    let rules = &asked.campaign.rules;
    let Some(stage) = rules.stages.get(item.stage) else { return };
    let reviewed = Reviewed::of(grant, asked.catalog);
    item.reviewers = reviewers_for(stage, rules, &reviewed, asked.facts);
}

/// Certifies a grant; one that is suspended because nobody answered carries calls again.
async fn certify(
    deed: &mut Deed<'_>,
    mut row: GrantRow,
    by: &Subject,
) -> Result<GrantRow, ReviewError> {
    if is_suspended_here(&row.grant) {
        let next = row.grant.clone().resume(deed.now).map_err(crate::GrantError::from)?;
        row = deed.step(&row, next, GrantChange::Resumed, by).await?;
    }
    let next = row.grant.clone().certify(by, deed.now).map_err(crate::GrantError::from)?;
    deed.step(&row, next, GrantChange::Certified, by).await
}

/// The certification that an item's decision is undone to: that which stood before the campaign's.
fn before(item: &Item, grant: &Grant) -> Option<countersign_model::grant::Certification> {
    match &item.state {
        ItemState::Decided(outcome) => match outcome.result {
            ItemResult::Certified | ItemResult::Reduced => outcome.before.clone(),
            ItemResult::Revoked | ItemResult::NotReviewed | ItemResult::EndedByRule => {
                grant.certified.clone()
            }
        },
        ItemState::Open | ItemState::Suspended { .. } | ItemState::Moot { .. } => {
            grant.certified.clone()
        }
    }
}

fn why(asked: &Asked<'_>, answer: &Answer) -> String {
    match answer.reason.as_str() {
        "" => format!("not needed any more, says the review {}", asked.campaign.title),
        reason => reason.to_owned(),
    }
}

/// Says who is asked from now on.
pub(super) fn handed<'a>(item: &'a Item, by: &'a Subject, why: &'a str) -> Said<'a> {
    Said {
        by: Some(by),
        item: Some(item),
        text: Some(why),
        ..Said::of_item(item, ReviewChange::HandedOn)
    }
}
