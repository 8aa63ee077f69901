//! Why somebody may call a function, or may not: what the judgement looks at, for people to read.
//! The answer is the judgement's own; nothing here judges again.

use super::{Refusal, groups, passes, say};
use crate::{
    Caller, Denial, Freshness, Function, Grant, Group, Holder, Snapshot, Subject, Timestamp,
    catalog::{FunctionIx, Overdue, Tag},
    grant::Ended,
};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Why somebody may call a function, or may not.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The refusal that every such call would meet; `None` if some call may pass.
    pub refused: Option<Refusal>,
    /// For each identity of the chain, what it holds.
    pub links: Vec<Link>,
    /// What a call depends on beyond that.
    pub conditions: Vec<Condition>,
    /// Until when it stays so by itself: the first end among the grants that are needed.
    pub until: Option<Timestamp>,
}

/// One identity of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Who.
    pub subject: Subject,
    /// Every grant for the function that reaches it, those that carry calls first.
    pub grants: Vec<GrantPath>,
}

/// How a grant reaches somebody, and what becomes of it.
#[derive(Clone, Debug)]
pub struct GrantPath {
    /// The grant.
    pub grant: Arc<Grant>,
    /// How it reaches them.
    pub through: Through,
    /// How it reaches the function.
    pub reached: Reached,
    /// How fresh its certification is for this function.
    pub freshness: Freshness,
    /// Why it carries no calls.
    pub ended: Option<Ended>,
    /// What denies it to them.
    pub denied: Option<Arc<Denial>>,
}

/// How a grant reaches somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// It is their own.
    Own,
    /// They are in a group that an identity provider told of.
    Group(Group),
    /// They are in a group that a directory tells of.
    Told {
        /// The group.
        group: Group,
        /// The directory's name in the configuration.
        directory: Arc<str>,
    },
}

/// How a grant reaches a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// It names it.
    Name,
    /// By a tag.
    Tag(Tag),
}

/// What a call depends on beyond grants that stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// What would come of it: the reason code.
    pub code: &'static str,
    /// For a person.
    pub sentence: String,
    /// Whether the call's arguments decide.
    pub depends_on: Depends,
}

/// What decides whether a condition applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Depends {
    /// Nothing: it applies to every call.
    Nothing,
    /// The call's arguments.
    Arguments,
    /// What the token carries.
    Token,
    /// How many calls there were lately.
    Calls,
}

/// Explains whether a caller may call a function now. What their token would carry is not known
/// here: the function's scopes are said as a condition.
pub fn explain(
    caller: &Caller,
    ix: FunctionIx,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Explanation {
    let Some(function) = snapshot.catalog().function(ix) else {
        let refused = Some(say::not_catalogued());
        return Explanation { refused, links: vec![], conditions: vec![], until: None };
    };
    let mut caller = caller.clone();
    caller.scopes = function.scopes.iter().cloned().collect();
    let refused = passes(&caller, ix, snapshot, now).err();
    let chain = caller.chain().enumerate();
    let links: Vec<Link> = chain.map(|it| link(it, &caller, ix, function, snapshot, now)).collect();
    let conditions = conditions(function, &links);
    // For each identity the longest grant counts; of the chain the first end.
    let longest = links.iter().filter_map(|link| {
        let ends = link.grants.iter().filter(|it| it.carries()).map(|it| it.grant.expires_at);
        ends.map(|it| it.unwrap_or(Timestamp::from_millis(i64::MAX))).max()
    });
    let until = longest.min().filter(|it| *it != Timestamp::from_millis(i64::MAX));
    Explanation { until: until.filter(|_| refused.is_none()), refused, links, conditions }
}

impl GrantPath {
    /// Whether it carries calls.
    pub fn carries(&self) -> bool {
        self.ended.is_none() && self.denied.is_none()
    }
}

fn link(
    (place, subject): (usize, &Subject),
    caller: &Caller,
    ix: FunctionIx,
    function: &Function,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Link {
    let groups = groups(caller, snapshot, place);
    let held = snapshot.held(subject, groups.clone(), ix, function);
    let path = |grant: &Arc<Grant>| {
        let of = |denial: &Denial| denial.is_of(grant.id);
        Some(GrantPath {
            through: through(grant, caller, snapshot),
            reached: reached(grant, function)?,
            freshness: grant.freshness(&function.review, now),
            ended: grant.ended(now),
            denied: snapshot.denial(subject, groups.clone(), now, of).cloned(),
            grant: Arc::clone(grant),
        })
    };
    let mut grants: Vec<GrantPath> = held.iter().filter_map(|it| path(&it.grant)).collect();
    grants.sort_by_key(|it| (!it.carries(), it.grant.id));
    Link { subject: subject.clone(), grants }
}

fn through(grant: &Grant, caller: &Caller, snapshot: &Snapshot) -> Through {
    match &grant.holder {
        Holder::Subject(_) => Through::Own,
        Holder::Group(group) => {
            let told = snapshot.told_groups(caller).iter().find(|it| it.group == *group);
            match told {
                Some(it) => {
                    let directory = Arc::clone(&it.directory);
                    Through::Told { group: group.clone(), directory }
                }
                None => Through::Group(group.clone()),
            }
        }
    }
}

fn reached(grant: &Grant, function: &Function) -> Option<Reached> {
    if grant.functions.contains(&function.name) {
        return Some(Reached::Name);
    }
    let tag = grant.tags.iter().find(|tag| function.tags.contains(*tag))?;
    Some(Reached::Tag(tag.clone()))
}

fn conditions(function: &Function, links: &[Link]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut add = |code, depends_on, sentence| {
        conditions.push(Condition { code, sentence, depends_on });
    };
    if !function.scopes.is_empty() {
        let scopes: BTreeSet<&str> = function.scopes.iter().map(|it| &**it).collect();
        let scopes = scopes.into_iter().collect::<Vec<_>>().join(" ");
        add("missing_scope", Depends::Token, format!("The token must carry the scope {scopes}."));
    }
    for link in links {
        of_grants(function, link, &mut add);
    }
    if let Some(rate) = function.rate {
        let sentence = format!("{} calls of a subject in {} at most.", rate.calls, rate.per);
        add("rate_limited", Depends::Calls, sentence);
    }
    for rule in &function.blocks {
        let sentence = format!("Blocked where {}: {}", rule.when.source(), rule.because);
        add("blocked_by_rule", Depends::Arguments, sentence);
    }
    for rule in &function.approvals {
        let depends = if rule.when.is_some() { Depends::Arguments } else { Depends::Nothing };
        add("approval_required", depends, say::approval_required(function, rule));
    }
    conditions
}

/// What the grants of one identity ask for: any of them will do.
fn of_grants(
    function: &Function,
    link: &Link,
    add: &mut impl FnMut(&'static str, Depends, String),
) {
    let carrying: Vec<&GrantPath> = link.grants.iter().filter(|it| it.carries()).collect();
    if carrying.iter().all(|it| !it.grant.constraints.is_empty()) {
        for path in &carrying {
            let grant = &path.grant;
            let all = grant.constraints.join(" && ");
            let sentence = format!("The grant {} only allows calls where {all}.", grant.id);
            add("outside_constraints", Depends::Arguments, sentence);
        }
    }
    if let Some(rate) = carrying.iter().find_map(|it| it.grant.rate) {
        let sentence = format!("{} calls in {} at most on a grant.", rate.calls, rate.per);
        add("rate_limited", Depends::Calls, sentence);
    }
    let is_overdue = |it: &GrantPath| matches!(it.freshness, Freshness::Overdue { .. });
    if !carrying.is_empty() && carrying.iter().all(|it| is_overdue(it)) {
        let (what, code) = match function.review.overdue {
            Overdue::Warn => ("each call goes on with a warning", "grant_overdue_warned"),
            Overdue::Hold => ("each call waits for an owner's yes", "grant_overdue"),
            Overdue::Block => ("no call runs", "grant_overdue"),
        };
        let sentence = format!("What {} holds is overdue for review: {what}.", link.subject);
        add(code, Depends::Nothing, sentence);
    }
}

#[cfg(test)]
mod tests;
