//! Who reviews a grant (R4), and who takes over when somebody leaves (R6): functions of values. Nobody is
//! asked who may not answer, and the same rules judge the answer when it comes.

mod eligible;
mod facts;
mod panel;

pub use eligible::{ReviewRefused, may_review};
pub use facts::ReviewFacts;

use super::{
    item::Reviewer,
    schedule::{CampaignRules, Stage},
};
use crate::{Catalog, Function, FunctionName, Grant, Sensitivity};
use panel::Panel;
use std::sync::Arc;

/// What is reviewed: a grant, and the functions that it reaches.
#[derive(Clone, Debug)]
pub struct Reviewed<'a> {
    /// The grant.
    pub grant: &'a Grant,
    /// The functions, those that the catalog still has.
    pub functions: Vec<&'a Arc<Function>>,
    /// The highest sensitivity among them; high where there is none to look at.
    pub sensitivity: Sensitivity,
}

impl<'a> Reviewed<'a> {
    /// A grant with what it reaches in a catalog.
    pub fn of(grant: &'a Grant, catalog: &'a Catalog) -> Self {
        let named = grant.functions.iter().filter_map(|name| catalog.by_name(name.as_str()));
        let mut functions: Vec<_> = named.map(|(_, function)| function).collect();
        if !grant.tags.is_empty() {
            let tagged = |it: &Function| grant.tags.iter().any(|tag| it.tags.contains(tag));
            functions.extend(catalog.functions.iter().filter(|it| tagged(it)));
            functions.sort_by(|one, other| one.name.cmp(&other.name));
            functions.dedup_by(|one, other| one.name == other.name);
        }
        let sensitivity = functions.iter().map(|it| it.sensitivity).max();
        Self { grant, functions, sensitivity: sensitivity.unwrap_or(Sensitivity::High) }
    }

    /// The same with the functions and the sensitivity that a campaign's snapshot has.
    pub fn as_frozen(
        grant: &'a Grant,
        functions: &[FunctionName],
        sensitivity: Sensitivity,
        catalog: &'a Catalog,
    ) -> Self {
        let known = functions.iter().filter_map(|name| catalog.by_name(name.as_str()));
        Self { grant, functions: known.map(|(_, function)| function).collect(), sensitivity }
    }
}

/// Who is asked about a grant in a stage. With `any_one`, the first rule that finds somebody eligible names
/// them; with `all` and `quorum`, every rule names people. Where too few are left, the chain goes on:
/// delegates of those who are not eligible, their managers, whoever owns one of the functions, the
/// campaign's fallback, its owner. Nobody, if none of these is eligible either: then nobody certifies.
pub fn reviewers_for(
    stage: &Stage,
    rules: &CampaignRules,
    item: &Reviewed<'_>,
    facts: &ReviewFacts,
) -> Vec<Reviewer> {
    let mut panel = Panel::new(stage.mode, rules, item, facts);
    panel.name(&stage.reviewers);
    panel.complete();
    panel.into_reviewers()
}

/// Who is asked now, of those who were (R6): whoever is not eligible any more is replaced by the chain,
/// whoever is away by their delegate, and a delegate whose time is over by the person. `None` while nothing
/// of that has happened.
pub fn reviewers_now(
    stage: &Stage,
    rules: &CampaignRules,
    item: &Reviewed<'_>,
    asked: &[Reviewer],
    facts: &ReviewFacts,
) -> Option<Vec<Reviewer>> {
    let mut panel = Panel::new(stage.mode, rules, item, facts);
    panel.go_on_with(asked);
    panel.complete();
    let now = panel.into_reviewers();
    let subjects = |of: &[Reviewer]| of.iter().map(|it| it.subject.clone()).collect::<Vec<_>>();
    (subjects(&now) != subjects(asked)).then_some(now)
}

/// Reviewers of one item at most: of more, the first by name are asked.
pub const REVIEWERS_MAX: usize = 100;

#[cfg(test)]
mod tests;
