//! What would become of calls, and why: counts that add up.

use countersign_model::Reason;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// What would become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It would pass.
    Pass,
    /// It would be held for a human.
    Held,
    /// It would be refused.
    Refused,
    /// Nobody can say: its arguments are not known, or a mask hides what it depends on.
    Unknown,
}

/// What would become of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fates {
    /// They would pass.
    pub pass: u64,
    /// They would be held for a human.
    pub held: u64,
    /// They would be refused.
    pub refused: u64,
    /// Nobody can say: their arguments are not known, or a mask hides what it depends on.
    pub unknown: u64,
}

/// What would become of the calls to one function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FunctionPreview {
    /// Of the calls that ran and succeeded, by whichever grants.
    pub ran: Fates,
    /// Of the attempts that did not run.
    pub denied: Fates,
}

/// Why so many calls would be held or refused, or can't be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FateReason {
    /// What would become of them.
    pub fate: Fate,
    /// A reason code of calls; `not_recorded`, `not_run`, `hidden` or `token_unknown` of those that can't
    /// be judged.
    pub code: String,
    /// Which rule or constraint it is, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, in a sentence.
    pub sentence: String,
    /// How many.
    pub calls: u64,
}

/// Why something would become of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Why {
    pub(super) fate: Fate,
    code: Arc<str>,
    rule: Option<Arc<str>>,
}

/// Calls by what would become of them and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<Why, u64>);

/// Nobody knows which arguments the call had.
pub(super) const NOT_RECORDED: &str = "not_recorded";
/// It did not run, so nothing was recorded of it.
pub(super) const NOT_RUN: &str = "not_run";
/// A mask hides what it depends on.
pub(super) const HIDDEN: &str = "hidden";
/// It depends on what a token said.
pub(super) const TOKEN_UNKNOWN: &str = "token_unknown";

impl Why {
    pub(super) fn passes() -> Self {
        Self { fate: Fate::Pass, code: Reason::Granted.code().into(), rule: None }
    }

    /// Held, because of a rule with a condition or without.
    pub(super) fn held(when: Option<&str>) -> Self {
        let (code, rule) = (Reason::ApprovalRequired.code().into(), when.map(Arc::from));
        Self { fate: Fate::Held, code, rule }
    }

    pub(super) fn refused(code: &str, rule: Option<&str>) -> Self {
        Self { fate: Fate::Refused, code: code.into(), rule: rule.map(Arc::from) }
    }

    pub(super) fn unknown(code: &str) -> Self {
        Self { fate: Fate::Unknown, code: code.into(), rule: None }
    }

    fn sentence(&self) -> String {
        let meaning = match &*self.code {
            NOT_RECORDED => {
                "It depends on arguments, and those of these calls are not recorded, or not read."
            }
            NOT_RUN => "It depends on arguments, and of calls that did not run none are recorded.",
            HIDDEN => "It depends on what a mask hides.",
            TOKEN_UNKNOWN => "It depends on what the caller's token said, which is not recorded.",
            code => match Reason::ALL.iter().find(|it| it.code() == code) {
                Some(reason) => reason.meaning(),
                None => "They were refused for a reason that is not known any more.",
            },
        };
        match &self.rule {
            Some(rule) => format!("{} ({rule})", meaning.trim_end_matches('.')) + ".",
            None => meaning.to_owned(),
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, why: Why, calls: u64) {
        if calls > 0 {
            *self.0.entry(why).or_default() += calls;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (why, calls) in &other.0 {
            self.add(why.clone(), *calls);
        }
    }

    pub(super) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn fates(&self) -> Fates {
        let mut fates = Fates::default();
        for (why, calls) in &self.0 {
            *match why.fate {
                Fate::Pass => &mut fates.pass,
                Fate::Held => &mut fates.held,
                Fate::Refused => &mut fates.refused,
                Fate::Unknown => &mut fates.unknown,
            } += calls;
        }
        fates
    }

    /// Why what does not pass does not, the most frequent first.
    pub(super) fn reasons(&self) -> Vec<FateReason> {
        let told = self.0.iter().filter(|(why, _)| why.fate != Fate::Pass);
        let mut reasons: Vec<FateReason> = told
            .map(|(why, calls)| FateReason {
                fate: why.fate,
                code: why.code.to_string(),
                rule: why.rule.as_deref().map(str::to_owned),
                sentence: why.sentence(),
                calls: *calls,
            })
            .collect();
        reasons.sort_by_key(|it| std::cmp::Reverse(it.calls));
        reasons
    }
}
