//! What the answers about an item make of it: a function of values. A revoke beats every other answer
//! (R12), and an agent's sponsor alone never certifies (R4).

use super::{
    item::{Item, ReviewVerdict},
    schedule::{CampaignRules, StageMode},
};
use crate::{FunctionName, Subject};
use std::collections::BTreeSet;

/// What the answers that count make of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// More answers are needed.
    Waits,
    /// This stage is met, and another one follows.
    StageMet,
    /// It ends.
    Revoked {
        /// Who said so.
        by: Vec<Subject>,
    },
    /// It stands as it is.
    Certified {
        /// Who said so.
        by: Vec<Subject>,
    },
    /// It stands, narrower.
    Reduced {
        /// Who said so, those who would have kept it as it is too.
        by: Vec<Subject>,
        /// The functions that stay: those that everybody who narrowed it would keep. Empty: all stay.
        functions: Vec<FunctionName>,
        /// Constraints that are added: those of everybody.
        constraints: Vec<String>,
    },
}

/// Judges an item by its answers. `sponsor` answers for the agent that holds the grant.
pub fn judge(item: &Item, rules: &CampaignRules, sponsor: Option<&Subject>) -> Judged {
    let revoked: BTreeSet<&Subject> = item
        .answers
        .iter()
        .filter(|it| it.counts() && it.verdict == ReviewVerdict::Revoke)
        .map(|it| &it.by)
        .collect();
    if !revoked.is_empty() {
        return Judged::Revoked { by: revoked.into_iter().cloned().collect() };
    }
    let here: BTreeSet<&Subject> = item.counting().map(|it| &it.by).collect();
    let Some(stage) = rules.stages.get(item.stage) else { return Judged::Waits };
    let is_met = match stage.mode {
        StageMode::AnyOne => !here.is_empty(),
        StageMode::All => {
            !here.is_empty() && item.reviewers.iter().all(|it| here.contains(&it.subject))
        }
        StageMode::Quorum(people) => {
            here.len() >= usize::try_from(people.max(1)).unwrap_or(usize::MAX)
        }
    };
    if !is_met {
        return Judged::Waits;
    }
    if item.stage.saturating_add(1) < rules.stages.len() {
        return Judged::StageMet;
    }
    kept(item, sponsor)
}

/// The last stage is met, and nobody revokes.
fn kept(item: &Item, sponsor: Option<&Subject>) -> Judged {
    let all: BTreeSet<&Subject> =
        item.answers.iter().filter(|it| it.counts()).map(|it| &it.by).collect();
    if all.iter().all(|it| Some(*it) == sponsor) {
        return Judged::Waits;
    }
    let by = all.into_iter().cloned().collect();
    let (mut functions, mut constraints) = (None, Vec::new());
    for answer in item.answers.iter().filter(|it| it.counts()) {
        if let ReviewVerdict::Reduce { functions: stay, constraints: more } = &answer.verdict {
            functions = narrower(functions, stay);
            let new = more.iter().filter(|it| !constraints.contains(*it));
            constraints.extend(new.cloned().collect::<Vec<_>>());
        }
    }
    match functions {
        None if constraints.is_empty() => Judged::Certified { by },
        None => Judged::Reduced { by, functions: Vec::new(), constraints },
        // Nothing that all of them would keep.
        Some(functions) if functions.is_empty() => Judged::Revoked { by },
        Some(functions) => {
            Judged::Reduced { by, functions: functions.into_iter().collect(), constraints }
        }
    }
}

/// What stays of two narrowings; nothing named stands for everything.
fn narrower(
    before: Option<BTreeSet<FunctionName>>,
    stay: &[FunctionName],
) -> Option<BTreeSet<FunctionName>> {
    if stay.is_empty() {
        return before;
    }
    let stay: BTreeSet<FunctionName> = stay.iter().cloned().collect();
    Some(match before {
        None => stay,
        Some(before) => before.intersection(&stay).cloned().collect(),
    })
}

#[cfg(test)]
mod tests;
