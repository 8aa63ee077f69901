//! Campaigns in the small world.

use crate::world::{CUSTOMER, REFUND, World, actor, ada, caller};
use countersign_governance::{Actor, NewAnswer, NewCampaign, ReviewError};
use countersign_model::{
    Call, CampaignId, Decision, Grant, GrantId, Reason, Span, Subject,
    catalog::{FunctionIx, Rate},
    decide::{Meter, Taken},
    review::{
        Campaign, CampaignRules, Item, ItemState, ReviewVerdict, ReviewerRule, Scope,
        schedule::{ReasonNeeded, Stage, StageMode},
    },
};
use countersign_store::CampaignRow;
use serde_json::json;

/// A fortnight for the owners, a week of grace, ada answers for it.
pub(crate) fn rules() -> CampaignRules {
    CampaignRules {
        owner: "ada".into(),
        stages: vec![stage(vec![ReviewerRule::Owner], StageMode::AnyOne)],
        fallback: vec!["fiona".into()],
        duration: Span::from_days(14),
        grace: Span::from_days(7),
        reminders: vec![Span::from_days(3), Span::from_days(1)],
        look_back: Span::from_days(90),
        breaker_percent: 100,
        bulk_max: 50,
        reason: ReasonNeeded::AgainstRecommendation,
    }
}

pub(crate) fn stage(reviewers: Vec<ReviewerRule>, mode: StageMode) -> Stage {
    Stage { reviewers, mode }
}

pub(crate) fn person(name: &str) -> ReviewerRule {
    ReviewerRule::Person(name.into())
}

pub(crate) fn campaign(rules: CampaignRules) -> NewCampaign {
    NewCampaign { title: "Spring".to_owned(), scope: Scope::default(), rules }
}

impl World {
    pub(crate) async fn open_review(&self, rules: CampaignRules) -> Campaign {
        self.governance.open_campaign(&ada(), campaign(rules)).await.unwrap()
    }

    pub(crate) async fn item(&self, campaign: &Campaign, grant: GrantId) -> Item {
        let mut view = self.governance.store().view().await.unwrap();
        view.item(campaign.id, grant).await.unwrap().unwrap().item
    }

    pub(crate) async fn campaign(&self, id: CampaignId) -> Campaign {
        let mut view = self.governance.store().view().await.unwrap();
        let CampaignRow { campaign, .. } = view.campaign(id).await.unwrap().unwrap();
        campaign
    }

    pub(crate) async fn asked(&self, campaign: &Campaign, grant: GrantId) -> Vec<String> {
        let item = self.item(campaign, grant).await;
        item.reviewers.iter().map(|it| it.subject.to_string()).collect()
    }

    pub(crate) async fn state(&self, campaign: &Campaign, grant: GrantId) -> String {
        let state = self.item(campaign, grant).await.state;
        match &state {
            ItemState::Decided(outcome) => outcome.result.name().to_owned(),
            ItemState::Open | ItemState::Suspended { .. } | ItemState::Moot { .. } => {
                state.name().to_owned()
            }
        }
    }

    /// One answer with a reason, to the version that stands.
    pub(crate) async fn answer(
        &self,
        by: &Actor,
        campaign: &Campaign,
        grant: GrantId,
        verdict: ReviewVerdict,
    ) -> Result<Item, ReviewError> {
        let version = self.stored(grant).await.version;
        let new = answer(grant, version, verdict);
        let answered = self.governance.answer_items(by, campaign.id, vec![new]).await?;
        answered.into_iter().next().unwrap().result
    }

    pub(crate) async fn refused(
        &self,
        by: &Actor,
        campaign: &Campaign,
        grant: GrantId,
        verdict: ReviewVerdict,
    ) -> &'static str {
        self.answer(by, campaign, grant, verdict).await.unwrap_err().code()
    }

    /// The grant as it was last written.
    pub(crate) async fn stored(&self, grant: GrantId) -> Grant {
        let mut view = self.governance.store().view().await.unwrap();
        view.grant(grant).await.unwrap().unwrap().grant
    }

    /// What is said about a call to a function now: its reason.
    pub(crate) fn said(&self, who: &str, groups: &[&str], function: &str) -> Reason {
        let snapshot = self.governance.policy().load();
        let caller = caller(who, groups);
        let (ix, _) = snapshot.catalog().by_name(function).unwrap();
        let arguments = match function {
            REFUND => json!({"amount": 40}),
            CUSTOMER => json!({"customer": "c"}),
            _ => json!({}),
        };
        let call = Call { caller: &caller, function: ix, arguments: &arguments };
        match countersign_model::decide(&call, &snapshot, self.now(), &Free) {
            Decision::Forward(grounds) => grounds.reason(),
            Decision::Hold(question) => question.reason,
            Decision::Block(refusal) => refusal.reason,
        }
    }

    /// A look of the clockwork.
    pub(crate) async fn look(&self) {
        self.governance.run_reviews().await.unwrap();
    }

    pub(crate) async fn pass_days(&self, days: i64) {
        self.pass(Span::from_days(days));
        self.look().await;
    }

    /// Somebody who has signed in once, so that others can name them.
    pub(crate) async fn known(&self, name: &str) -> Actor {
        let person = countersign_governance::PersonRow {
            subject: Subject::from(name),
            name: name.to_owned(),
            email: String::new(),
            groups: std::collections::BTreeSet::new(),
            issuer: "acme".to_owned(),
            seen_at: self.now(),
        };
        self.governance.store().saw_person(&person).await.unwrap();
        actor(name, &[])
    }
}

pub(crate) fn answer(grant: GrantId, version: u32, verdict: ReviewVerdict) -> NewAnswer {
    NewAnswer { grant, version, verdict, reason: "because".to_owned(), seen_ms: None }
}

/// Nothing is limited.
struct Free;

impl Meter for Free {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        Taken::Within
    }
}
