//! What would become of a recorded call under a grant: its constraints, then the function's rules, as the
//! decision takes them. What a mask hides is not known, and what depends on it is not either.

use super::fates::{HIDDEN, TOKEN_UNKNOWN, Why};
use crate::grants::rights::reached;
use countersign_model::{
    Caller, CallerKind, Denial, Function, FunctionName, Grant, Issued, Reason, Snapshot, Subject,
    Timestamp, ToldGroup,
    exchange::Exchange,
    expression::{Activation, Expression},
    record::Who,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A grant, the rules of its functions, and what stands over it.
#[derive(Debug)]
pub(super) struct Judge {
    functions: BTreeMap<FunctionName, Arc<Function>>,
    /// Those that somebody denied to the holder.
    denied: BTreeSet<FunctionName>,
    constraints: Vec<Expression>,
    agents: BTreeSet<Subject>,
    told: BTreeMap<Subject, Vec<ToldGroup>>,
}

/// What an expression says of a recorded call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes,
    No,
    /// It can't be evaluated, which counts as the strictest outcome.
    Error,
    /// It depends on what is not known, and why.
    Unknown(&'static str),
}

impl Judge {
    /// A grant whose constraints were checked.
    pub(super) fn of(grant: &Grant, snapshot: &Snapshot, now: Timestamp) -> Self {
        let functions = reached(grant, snapshot.catalog());
        // What is denied to the holder is refused whatever their grants say.
        let denials: Vec<&Arc<Denial>> =
            snapshot.denials().filter(|it| it.whom == grant.holder && it.stands(now)).collect();
        let denied = functions.iter().filter(|it| denials.iter().any(|denial| denial.names(it)));
        let denied = denied.map(|it| it.name.clone()).collect();
        let compile = |it: &String| Expression::compile_unchecked(it).ok();
        let told = snapshot.told().subjects();
        Self {
            denied,
            functions: functions.into_iter().map(|it| (it.name.clone(), Arc::clone(it))).collect(),
            constraints: grant.constraints.iter().filter_map(compile).collect(),
            agents: snapshot.agents().keys().cloned().collect(),
            told: told.map(|it| (it.clone(), snapshot.told_of(it).to_vec())).collect(),
        }
    }

    pub(super) fn reaches(&self, function: &FunctionName) -> bool {
        self.functions.contains_key(function)
    }

    /// Whether there is a function where arguments matter.
    pub(super) fn needs_arguments(&self) -> bool {
        self.functions.keys().any(|it| self.fate_of(it).is_none())
    }

    /// What becomes of each call of a function, if arguments don't matter.
    pub(super) fn fate_of(&self, function: &FunctionName) -> Option<Why> {
        if self.denied.contains(function) {
            return Some(Why::refused(Reason::Denied.code(), None));
        }
        let function = self.functions.get(function)?;
        let rules = &function.approvals;
        if !self.constraints.is_empty() || !function.blocks.is_empty() {
            None
        } else if rules.iter().any(|it| it.when.is_none()) {
            Some(Why::held(None))
        } else if rules.is_empty() {
            Some(Why::passes())
        } else {
            None
        }
    }

    /// What would become of a recorded call.
    pub(super) fn judge(&self, call: &Exchange) -> Why {
        let Some(function) = self.functions.get(&call.function) else {
            return Why::refused(Reason::NoGrant.code(), None);
        };
        if let Some(fate) = self.fate_of(&call.function) {
            return fate;
        }
        if call.hidden.is_empty() && function.input.validate(&call.arguments).is_err() {
            return Why::refused(Reason::ArgumentsInvalid.code(), None);
        }
        let caller = self.caller(&call.who);
        let told = self.told.get(&caller.subject).map(Vec::as_slice).unwrap_or_default();
        let activation = Activation::new(&caller, told, &call.arguments, &function.input);
        let says = |expression: &Expression| {
            if let Some(why) = is_open(expression.source(), &call.hidden) {
                return Said::Unknown(why);
            }
            match expression.evaluate(&activation) {
                Ok(true) => Said::Yes,
                Ok(false) => Said::No,
                Err(_) => Said::Error,
            }
        };
        let mut unknown = None;
        for constraint in &self.constraints {
            match says(constraint) {
                Said::Yes => {}
                Said::No | Said::Error => {
                    let code = Reason::OutsideConstraints.code();
                    return Why::refused(code, Some(constraint.source()));
                }
                Said::Unknown(why) => unknown = Some(why),
            }
        }
        for rule in &function.blocks {
            match says(&rule.when) {
                Said::No => {}
                Said::Yes | Said::Error => {
                    return Why::refused(Reason::BlockedByRule.code(), Some(&rule.because));
                }
                Said::Unknown(why) => unknown = Some(why),
            }
        }
        if let Some(why) = unknown {
            return Why::unknown(why);
        }
        for rule in &function.approvals {
            match rule.when.as_ref().map_or(Said::Yes, &says) {
                Said::No => {}
                Said::Yes | Said::Error => {
                    return Why::held(rule.when.as_ref().map(Expression::source));
                }
                Said::Unknown(why) => unknown = Some(why),
            }
        }
        unknown.map_or_else(Why::passes, Why::unknown)
    }

    /// The caller, as far as a recording says.
    fn caller(&self, who: &Who) -> Caller {
        let is_agent = self.agents.contains(&who.subject);
        Caller {
            subject: who.subject.clone(),
            kind: if is_agent { CallerKind::Agent } else { CallerKind::Person },
            actors: who.actors.clone(),
            client: who.client.clone(),
            issuer: Arc::clone(&who.issuer),
            groups: BTreeSet::new(),
            scopes: BTreeSet::new(),
            name: None,
            email: None,
            expires_at: Timestamp::default(),
            issued: Issued::default(),
        }
    }
}

/// Why an expression depends on what a recording does not say, if it does: what tokens said of the caller,
/// or arguments that are hidden.
pub(super) fn is_open(source: &str, hidden: &[String]) -> Option<&'static str> {
    let words: BTreeSet<&str> =
        source.split(|it: char| !it.is_ascii_alphanumeric() && it != '_').collect();
    if ["groups", "scopes", "kind"].iter().any(|it| words.contains(it)) && words.contains("caller")
    {
        return Some(TOKEN_UNKNOWN);
    }
    if hidden.is_empty() || !words.contains("args") {
        return None;
    }
    let reads_hidden = |pointer: &String| match pointer.strip_prefix('/') {
        None => true,
        Some(path) => {
            let name = path.split('/').next().unwrap_or_default();
            let name = name.replace("~1", "/").replace("~0", "~");
            words.contains(name.as_str()) || source.contains(&name)
        }
    };
    (reads_whole(source) || hidden.iter().any(reads_hidden)).then_some(HIDDEN)
}

/// Whether an expression takes `args` otherwise than by the name of one argument.
fn reads_whole(source: &str) -> bool {
    source.match_indices("args").any(|(at, _)| {
        let rest = source.get(at + "args".len()..).unwrap_or_default().trim_start();
        !rest.starts_with('.') && !rest.starts_with("[\"") && !rest.starts_with("['")
    })
}
