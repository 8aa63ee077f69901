//! The people who are asked about one grant, as they are found: by the stage's rules, then by the chain.

use super::{
    REVIEWERS_MAX, ReviewFacts, Reviewed,
    eligible::{eligible, is_sponsor, sponsor},
};
use crate::{
    Holder, Subject,
    review::{
        item::Reviewer,
        schedule::{CampaignRules, ReviewerRule, StageMode},
    },
};
use std::borrow::Cow;

/// Begins the `why` of a reviewer who stands in for another.
const DELEGATE_OF: &str = "delegate of ";

pub(super) struct Panel<'a> {
    mode: StageMode,
    rules: &'a CampaignRules,
    item: &'a Reviewed<'a>,
    facts: &'a ReviewFacts,
    asked: Vec<Reviewer>,
    /// Whom a rule named who is not eligible: the chain begins with them.
    passed_over: Vec<Subject>,
}

/// A link of the chain, in its order.
#[derive(Clone, Copy)]
enum Link {
    Delegates,
    Managers,
    OtherOwners,
    Fallback,
    CampaignOwner,
}

const CHAIN: [Link; 5] =
    [Link::Delegates, Link::Managers, Link::OtherOwners, Link::Fallback, Link::CampaignOwner];

impl<'a> Panel<'a> {
    pub(super) fn new(
        mode: StageMode,
        rules: &'a CampaignRules,
        item: &'a Reviewed<'a>,
        facts: &'a ReviewFacts,
    ) -> Self {
        Self { mode, rules, item, facts, asked: Vec::new(), passed_over: Vec::new() }
    }

    /// Asks whom the stage's rules name.
    pub(super) fn name(&mut self, rules: &[ReviewerRule]) {
        for rule in rules {
            let Some((named, why)) = self.named_by(rule) else { continue };
            let before = self.passed_over.len();
            let mut is_met = false;
            for subject in named {
                is_met |= self.ask(&subject, &why);
            }
            match self.mode {
                StageMode::AnyOne if is_met => return,
                // Each rule is a pair of eyes that is wanted: one that finds nobody is not left out.
                StageMode::All if !is_met => self.replace(before),
                StageMode::AnyOne | StageMode::All | StageMode::Quorum(_) => {}
            }
        }
    }

    /// Asks those who were asked, or who takes over from them.
    pub(super) fn go_on_with(&mut self, asked: &[Reviewer]) {
        for reviewer in asked {
            let before = self.passed_over.len();
            let is_met = match self.stood_for(reviewer) {
                Some(person) => self.ask(&person, "back from a delegate"),
                None => self.ask_again(reviewer),
            };
            match self.mode {
                StageMode::All if !is_met => self.replace(before),
                StageMode::AnyOne | StageMode::All | StageMode::Quorum(_) => {}
            }
        }
    }

    /// Goes down the chain until enough people are asked, or it ends.
    pub(super) fn complete(&mut self) {
        let passed_over = self.passed_over.clone();
        for link in CHAIN {
            if self.is_enough() {
                return;
            }
            for (subject, why) in self.linked(link, &passed_over) {
                if self.ask(&subject, &why) && self.asks_one_by_one() && self.is_enough() {
                    return;
                }
            }
        }
    }

    pub(super) fn into_reviewers(self) -> Vec<Reviewer> {
        // Never the sponsor alone: then nobody.
        if self.has_other_than_sponsor() { self.asked } else { Vec::new() }
    }

    /// Who a rule names, and why; nothing where the rule is not about such a holder.
    fn named_by(&self, rule: &ReviewerRule) -> Option<(Vec<Subject>, Cow<'static, str>)> {
        Some(match rule {
            ReviewerRule::Owner => (self.owners_of_all(), "owner".into()),
            ReviewerRule::Sponsor => {
                (vec![sponsor(self.item, self.facts)?.clone()], "sponsor".into())
            }
            ReviewerRule::Manager => {
                let manager = self.facts.manager(self.accountable()?);
                (manager.into_iter().cloned().collect(), "manager".into())
            }
            ReviewerRule::Group(group) => {
                let members = self.facts.members(group).to_vec();
                (members, format!("group:{group}").into())
            }
            ReviewerRule::Person(subject) => (vec![subject.clone()], "person".into()),
        })
    }

    /// Whoever owns every function. Of none, nobody is the owner.
    fn owners_of_all(&self) -> Vec<Subject> {
        let Some((first, rest)) = self.item.functions.split_first() else { return Vec::new() };
        let owns_rest = |it: &&Subject| rest.iter().all(|other| other.owners.contains(it));
        first.owners.iter().filter(owns_rest).cloned().collect()
    }

    /// The person whose manager is meant: the holder, or who answers for the agent that holds it.
    fn accountable(&self) -> Option<&'a Subject> {
        match &self.item.grant.holder {
            Holder::Subject(holder) => Some(sponsor(self.item, self.facts).unwrap_or(holder)),
            Holder::Group(_) => None,
        }
    }

    fn linked(&self, link: Link, passed_over: &[Subject]) -> Vec<(Subject, Cow<'static, str>)> {
        match link {
            Link::Delegates => passed_over.iter().filter_map(|it| self.delegate(it)).collect(),
            Link::Managers => {
                let managers = passed_over.iter().filter_map(|it| {
                    let manager = self.facts.manager(it)?.clone();
                    Some((manager, format!("manager of {it}").into()))
                });
                let holders = self.accountable().and_then(|it| self.facts.manager(it));
                managers.chain(holders.map(|it| (it.clone(), "manager".into()))).collect()
            }
            Link::OtherOwners => {
                let owners = self.item.functions.iter().flat_map(|it| &it.owners);
                owners.map(|it| (it.clone(), "other owner".into())).collect()
            }
            Link::Fallback => {
                self.rules.fallback.iter().map(|it| (it.clone(), "fallback".into())).collect()
            }
            Link::CampaignOwner => vec![(self.rules.owner.clone(), "campaign owner".into())],
        }
    }

    /// Who stands in for somebody. Where it is about them or their agent, only whom others chose: nobody
    /// chooses who reviews their own access.
    fn delegate(&self, of: &Subject) -> Option<(Subject, Cow<'static, str>)> {
        let delegation = self.facts.delegation(of)?;
        let is_free = match eligible(of, self.item, self.mode, self.facts) {
            Ok(()) => !is_sponsor(of, self.item, self.facts),
            Err(refused) => refused.is_absence() && !is_sponsor(of, self.item, self.facts),
        };
        let chosen_by_others = !self.facts.is_same_person(&delegation.by, of);
        (is_free || chosen_by_others)
            .then(|| (delegation.to.clone(), format!("{DELEGATE_OF}{of}").into()))
    }

    /// Asks a person, or who stands in for them; says whether one of them is asked now.
    fn ask(&mut self, subject: &Subject, why: &str) -> bool {
        if eligible(subject, self.item, self.mode, self.facts).is_err() {
            self.passed_over.push(subject.clone());
            return false;
        }
        let since = self.facts.now;
        if let Some((delegate, why)) = self.delegate(subject)
            && eligible(&delegate, self.item, self.mode, self.facts).is_ok()
        {
            return self.add(Reviewer { subject: delegate, why: why.into_owned(), since });
        }
        self.add(Reviewer { subject: subject.clone(), why: why.to_owned(), since })
    }

    /// Asks who was asked, as they were, while they are eligible and not away.
    fn ask_again(&mut self, reviewer: &Reviewer) -> bool {
        let is_away = !reviewer.why.starts_with(DELEGATE_OF)
            && self.facts.delegation(&reviewer.subject).is_some();
        let is_eligible = eligible(&reviewer.subject, self.item, self.mode, self.facts).is_ok();
        if is_eligible && !is_away {
            return self.add(reviewer.clone());
        }
        self.ask(&reviewer.subject, &reviewer.why)
    }

    /// The person whom a delegate stood in for, when that is over.
    fn stood_for(&self, reviewer: &Reviewer) -> Option<Subject> {
        let of = Subject::from(reviewer.why.strip_prefix(DELEGATE_OF)?);
        let delegation = self.facts.delegation(&of);
        let still = delegation.is_some_and(|it| it.to == reviewer.subject);
        let is_eligible = eligible(&of, self.item, self.mode, self.facts).is_ok();
        (!still && is_eligible).then_some(of)
    }

    /// Asks one more, by the chain of those who were passed over since.
    fn replace(&mut self, before: usize) {
        let passed_over = self.passed_over.get(before..).unwrap_or_default().to_vec();
        let wanted = self.asked.len() + 1;
        for link in CHAIN {
            for (subject, why) in self.linked(link, &passed_over) {
                self.ask(&subject, &why);
                if self.asked.len() >= wanted {
                    return;
                }
            }
        }
    }

    /// Each person once, by whatever names.
    fn add(&mut self, reviewer: Reviewer) -> bool {
        let is_same = |it: &Reviewer| self.facts.is_same_person(&it.subject, &reviewer.subject);
        if self.asked.iter().any(is_same) {
            return true;
        }
        let has_room = self.asked.len() < REVIEWERS_MAX;
        if has_room {
            self.asked.push(reviewer);
        }
        has_room
    }

    fn is_enough(&self) -> bool {
        let wanted = match self.mode {
            StageMode::AnyOne | StageMode::All => 1,
            StageMode::Quorum(people) => usize::try_from(people).unwrap_or(usize::MAX),
        };
        self.asked.len() >= wanted && self.has_other_than_sponsor()
    }

    fn has_other_than_sponsor(&self) -> bool {
        self.asked.iter().any(|it| !is_sponsor(&it.subject, self.item, self.facts))
    }

    /// Whether each who is asked must answer: then the chain asks no more than it needs.
    fn asks_one_by_one(&self) -> bool {
        match self.mode {
            StageMode::All => true,
            StageMode::AnyOne | StageMode::Quorum(_) => false,
        }
    }
}
