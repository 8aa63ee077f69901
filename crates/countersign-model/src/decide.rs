//! The decision: a function of a call, a snapshot and the time. It never waits and does no I/O.
//!
//! The checks stand in [`decide`] in the order that PRODUCT gives; the first that applies
//! decides. Where several grants would carry a call, the freshest that fits is taken. Where an
//! agent acts for a user, each of them needs a grant: rights are the intersection of the chain.

mod conflicts;
mod explain;
mod going_on;
mod say;

pub use conflicts::{Conflict, HeldSide, conflicts, would_conflict};
pub use explain::{Condition, Depends, Explanation, GrantPath, Link, Reached, Through, explain};
pub use going_on::{Cut, may_go_on};

use going_on::refuse_stopped;

use crate::{
    Caller, Function, GrantRef, Group, Reason, Snapshot, Span, Subject, Timestamp,
    catalog::{Approver, FunctionIx, Overdue, Rate},
    expression::{Activation, Sees},
    grant::Freshness,
    snapshot::CompiledGrant,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call as the decision sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// What, in the snapshot's catalog.
    pub function: FunctionIx,
    /// With which arguments: an object.
    pub arguments: &'a Value,
}

/// What the gateway says about a call.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may run.
    Forward(Grounds),
    /// A human must say yes first.
    Hold(Question),
    /// It does not run.
    Block(Refusal),
}

/// Why a call may run. Made only by [`decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds {
    grants: Vec<GrantRef>,
    reason: Reason,
    expires_at: Option<Timestamp>,
}

impl Grounds {
    /// The grants that carry the call: the subject's first, then each actor's.
    pub fn grants(&self) -> &[GrantRef] {
        &self.grants
    }

    /// When the first of them ends by itself.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// [`Reason::Granted`] or [`Reason::GrantOverdueWarned`].
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

/// What people must answer before a call runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// [`Reason::GrantOverdue`] or [`Reason::ApprovalRequired`].
    pub reason: Reason,
    /// Why the call is held, for a person.
    pub sentence: String,
    /// What must be met, all of it.
    pub demands: Vec<Demand>,
    /// How long people have to answer, and an approval waits to be used.
    pub within: Span,
    /// How long an HTTP caller is kept waiting.
    pub wait: Span,
    /// The grants that would carry the call.
    pub grants: Vec<GrantRef>,
}

/// So many distinct people out of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Who may answer.
    pub from: Vec<Approver>,
    /// How many distinct people; at least 1.
    pub people: u32,
}

/// Why a call does not run, what it means, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub reason: Reason,
    /// What happened, for a person.
    pub sentence: String,
    /// What to do next: whom to ask, where.
    pub next_step: String,
    /// How long until the same call may pass, where that is known.
    pub retry_after: Option<Span>,
}

/// Counts calls against a rate. The gateway keeps the counters; the decision only asks.
pub trait Meter {
    /// Takes one call from what `subject` may do, or says that nothing is left.
    fn take(&self, subject: &Subject, function: FunctionIx, rate: Rate) -> Taken;
}

/// What a [`Meter`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The call is within the rate.
    Within,
    /// The rate is used up; more can be taken after this time.
    UsedUp {
        /// How long until the next call is let through.
        retry_after: Span,
    },
}

/// How long people have to answer for an overdue grant.
const OVERDUE_WITHIN: Span = Span::from_seconds(15 * 60);
/// How long an HTTP caller waits for the owner of an overdue grant.
const OVERDUE_WAIT: Span = Span::from_seconds(60);

/// Judges a call.
pub fn decide(call: &Call<'_>, snapshot: &Snapshot, now: Timestamp, meter: &dyn Meter) -> Decision {
    match judge(call, snapshot, now, meter) {
        Ok(decision) => decision,
        Err(refusal) => Decision::Block(refusal),
    }
}

/// Whether some call to this function could pass for this caller now: nothing stops it, each
/// identity of the chain holds a grant that stands, and the token has the scopes. Arguments, rates
/// and rules are not looked at.
pub fn could_pass(caller: &Caller, ix: FunctionIx, snapshot: &Snapshot, now: Timestamp) -> bool {
    passes(caller, ix, snapshot, now).is_ok()
}

/// As [`could_pass`], and why not.
///
/// # Errors
/// The refusal that every such call would meet.
pub fn passes(
    caller: &Caller,
    ix: FunctionIx,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Refusal> {
    let call = Call { caller, function: ix, arguments: &Value::Null };
    let function = snapshot.catalog().function(ix).ok_or_else(say::not_catalogued)?;
    refuse_stopped(caller, function, snapshot).map_err(|it| it.refusal)?;
    refuse_denied(caller, function, snapshot, now)?;
    let links = live_grants(&call, function, snapshot, now)?;
    refuse_separated(&call, function, &links, snapshot, now)?;
    refuse_missing_scope(&call, function)
}

fn judge(
    call: &Call<'_>,
    snapshot: &Snapshot,
    now: Timestamp,
    meter: &dyn Meter,
) -> Result<Decision, Refusal> {
    let function = snapshot.catalog().function(call.function).ok_or_else(say::not_catalogued)?;
    refuse_stopped(call.caller, function, snapshot).map_err(|it| it.refusal)?;
    refuse_denied(call.caller, function, snapshot, now)?;
    let links = live_grants(call, function, snapshot, now)?;
    refuse_separated(call, function, &links, snapshot, now)?;
    refuse_missing_scope(call, function)?;
    function
        .input
        .validate(call.arguments)
        .map_err(|fault| say::arguments_invalid(function, &fault))?;
    let activation = LazyActivation::new(call, function, snapshot);
    let grants = fitting_grants(links, function, &activation, now)?;
    take_rate(call, function, &grants, meter)?;
    refuse_by_rule(function, &activation)?;
    weigh(function, &grants, &activation, now)
}

/// The groups that count for an identity of the chain: the subject's, and nobody else's.
fn groups<'a>(
    caller: &'a Caller,
    snapshot: &'a Snapshot,
    place: usize,
) -> impl Iterator<Item = &'a Group> + Clone {
    let told = snapshot.told_groups(caller).iter().map(|it| &it.group);
    caller.groups.iter().chain(told).take(if place == 0 { usize::MAX } else { 0 })
}

/// What somebody denied to an identity of the chain comes before every grant.
fn refuse_denied(
    caller: &Caller,
    function: &Function,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Refusal> {
    let denial = caller.chain().enumerate().find_map(|(place, subject)| {
        let groups = groups(caller, snapshot, place);
        Some((subject, snapshot.denial(subject, groups, now, |it| it.names(function))?))
    });
    match denial {
        Some((subject, denial)) => Err(say::denied(denial, subject, function)),
        None => Ok(()),
    }
}

/// For each identity in the chain, the grants that stand. Groups count for the subject only.
fn live_grants<'a>(
    call: &'a Call<'a>,
    function: &Function,
    snapshot: &'a Snapshot,
    now: Timestamp,
) -> Result<Vec<(&'a Subject, Vec<&'a CompiledGrant>)>, Refusal> {
    let mut links = Vec::with_capacity(1 + call.caller.actors.len());
    for (place, subject) in call.caller.chain().enumerate() {
        let groups = groups(call.caller, snapshot, place);
        let mut held = snapshot.held(subject, groups.clone(), call.function, function);
        if held.is_empty() {
            return Err(say::no_grant(subject, function));
        }
        let denial = |it: &CompiledGrant| {
            let of = |denial: &crate::Denial| denial.is_of(it.grant.id);
            snapshot.denial(subject, groups.clone(), now, of)
        };
        let ended = held.iter().filter(|it| !it.stands(now));
        let ended = ended.filter_map(|it| it.grant.ended(now)).next_back();
        held.retain(|it| it.stands(now));
        let denied = held.iter().find_map(|it| denial(it));
        held.retain(|it| denial(it).is_none());
        match (held.is_empty(), denied, ended) {
            (false, _, _) => links.push((subject, held)),
            (true, Some(denied), _) => return Err(say::denied(denied, subject, function)),
            (true, None, Some(ended)) => return Err(say::ended(&ended, function)),
            (true, None, None) => return Err(say::no_grant(subject, function)),
        }
    }
    Ok(links)
}

/// Who also holds, since the same time or earlier, what must not be in one hand with this function,
/// may not call it. What was granted first stays: nobody loses it by what comes later.
fn refuse_separated(
    call: &Call<'_>,
    function: &Function,
    links: &[(&Subject, Vec<&CompiledGrant>)],
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Refusal> {
    let separations = &snapshot.catalog().separations;
    if separations.is_empty() {
        return Ok(());
    }
    for separation in separations {
        let Some(other) = separation.other(call.function) else { continue };
        for (place, (subject, held)) in links.iter().enumerate() {
            let Some(since) = held.iter().map(|it| it.grant.made_at).min() else { continue };
            let groups = groups(call.caller, snapshot, place);
            let first = other.iter().filter_map(|ix| {
                let function = snapshot.catalog().function(*ix)?;
                let named = |it: &crate::Denial| it.names(function);
                if snapshot.denial(subject, groups.clone(), now, named).is_some() {
                    return None;
                }
                let held = snapshot.held(subject, groups.clone(), *ix, function);
                let stands = held.into_iter().filter(|it| {
                    let of = |denial: &crate::Denial| denial.is_of(it.grant.id);
                    it.stands(now) && snapshot.denial(subject, groups.clone(), now, of).is_none()
                });
                let first = stands.min_by_key(|it| (it.grant.made_at, it.grant.id))?;
                Some((&*first.grant, function))
            });
            let first = first.min_by_key(|(grant, _)| (grant.made_at, grant.id));
            if let Some((grant, other)) = first.filter(|(grant, _)| grant.made_at <= since) {
                return Err(say::separated(subject, function, other, grant, separation));
            }
        }
    }
    Ok(())
}

fn refuse_missing_scope(call: &Call<'_>, function: &Function) -> Result<(), Refusal> {
    let missing: Vec<&str> = function
        .scopes
        .iter()
        .filter(|scope| !call.caller.scopes.contains(*scope))
        .map(AsRef::as_ref)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(say::missing_scope(function, &missing)) }
}

/// For each identity, the freshest grant whose constraints the arguments satisfy.
fn fitting_grants<'a>(
    links: Vec<(&'a Subject, Vec<&'a CompiledGrant>)>,
    function: &Function,
    activation: &LazyActivation<'_>,
    now: Timestamp,
) -> Result<Vec<(&'a Subject, &'a CompiledGrant)>, Refusal> {
    links
        .into_iter()
        .map(|(subject, held)| {
            let fits = |grant: &&CompiledGrant| {
                // A constraint that can't be evaluated is not satisfied.
                grant.constraints.iter().all(|constraint| {
                    constraint.as_ref().is_some_and(|it| activation.holds(it) == Some(true))
                })
            };
            held.iter()
                .copied()
                .filter(fits)
                .max_by_key(|it| certified_until(&it.freshness(&function.review, now)))
                .map(|grant| (subject, grant))
                .ok_or_else(|| say::outside_constraints(function, &held))
        })
        .collect()
}

fn certified_until(freshness: &Freshness) -> Option<Timestamp> {
    match freshness {
        Freshness::Fresh { until } | Freshness::Due { until } => Some(*until),
        Freshness::Overdue { since } => *since,
    }
}

fn take_rate(
    call: &Call<'_>,
    function: &Function,
    grants: &[(&Subject, &CompiledGrant)],
    meter: &dyn Meter,
) -> Result<(), Refusal> {
    let own = function.rate.map(|rate| (&call.caller.subject, rate));
    let granted = grants.iter().filter_map(|(subject, it)| it.rate().map(|rate| (*subject, rate)));
    for (subject, rate) in own.into_iter().chain(granted) {
        match meter.take(subject, call.function, rate) {
            Taken::Within => {}
            Taken::UsedUp { retry_after } => {
                return Err(say::rate_limited(function, rate, retry_after));
            }
        }
    }
    Ok(())
}

fn refuse_by_rule(function: &Function, activation: &LazyActivation<'_>) -> Result<(), Refusal> {
    // A rule that can't be evaluated blocks.
    match function.blocks.iter().find(|rule| activation.holds(&rule.when) != Some(false)) {
        Some(rule) => Err(say::blocked(function, &rule.because)),
        None => Ok(()),
    }
}

/// Overdue grants and approval rules: every demand that applies must be met, so that an owner's
/// yes to an overdue grant does not stand for the two people whom an approval rule wants.
fn weigh(
    function: &Function,
    grants: &[(&Subject, &CompiledGrant)],
    activation: &LazyActivation<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let references: Vec<GrantRef> = grants.iter().map(|(_, it)| it.reference()).collect();
    let overdue = grants.iter().find_map(|(_, it)| match it.freshness(&function.review, now) {
        Freshness::Fresh { .. } | Freshness::Due { .. } => None,
        Freshness::Overdue { since } => Some((&it.grant, since)),
    });
    let mut question = None;
    let mut reason = Reason::Granted;
    match (overdue, function.review.overdue) {
        (None, _) => {}
        (Some(_), Overdue::Warn) => reason = Reason::GrantOverdueWarned,
        (Some((grant, since)), Overdue::Block) => {
            return Err(say::overdue(function, grant, since));
        }
        (Some((grant, since)), Overdue::Hold) => {
            question = Some(Question {
                reason: Reason::GrantOverdue,
                sentence: say::overdue(function, grant, since).sentence,
                demands: vec![Demand { from: vec![Approver::Owner], people: 1 }],
                within: OVERDUE_WITHIN,
                wait: OVERDUE_WAIT,
                grants: references.clone(),
            });
        }
    }
    for rule in &function.approvals {
        // A condition that can't be evaluated holds the call.
        let applies = rule.when.as_ref().is_none_or(|when| activation.holds(when) != Some(false));
        if applies {
            let asked = question.get_or_insert_with(|| Question {
                reason: Reason::ApprovalRequired,
                sentence: say::approval_required(function, rule),
                demands: Vec::new(),
                within: rule.within,
                wait: rule.wait,
                grants: references.clone(),
            });
            asked.demands.push(Demand { from: rule.from.clone(), people: rule.people });
            asked.within = asked.within.min(rule.within);
            asked.wait = asked.wait.min(rule.wait);
        }
    }
    Ok(match question {
        Some(question) => Decision::Hold(question),
        None => {
            let expires_at = grants.iter().filter_map(|(_, it)| it.expires_at()).min();
            Decision::Forward(Grounds { grants: references, reason, expires_at })
        }
    })
}

/// What expressions see, built when the first of them asks: most functions have none.
struct LazyActivation<'a> {
    call: &'a Call<'a>,
    function: &'a Function,
    snapshot: &'a Snapshot,
    arguments: std::cell::OnceCell<Activation<'a>>,
    whole: std::cell::OnceCell<Activation<'a>>,
}

impl<'a> LazyActivation<'a> {
    fn new(call: &'a Call<'a>, function: &'a Function, snapshot: &'a Snapshot) -> Self {
        let (arguments, whole) = Default::default();
        Self { call, function, snapshot, arguments, whole }
    }

    /// Whether an expression holds; `None` if it can't be evaluated.
    fn holds(&self, expression: &crate::expression::Expression) -> Option<bool> {
        let (call, schema) = (self.call, &self.function.input);
        let activation = match expression.sees() {
            Sees::Arguments => {
                self.arguments.get_or_init(|| Activation::of_arguments(call.arguments, schema))
            }
            Sees::Caller => self.whole.get_or_init(|| {
                let told = self.snapshot.told_groups(call.caller);
                Activation::new(call.caller, told, call.arguments, schema)
            }),
        };
        expression.evaluate(activation).ok()
    }
}

#[cfg(test)]
mod tests;
