//! Approvals: a human's yes to one held call. States move forward only (A7); who may answer is
//! judged here (A5, A6); the store makes each transition a compare-and-set.

mod standing;

use crate::{
    ApprovalId, CallId, Caller, CallerKind, Digest, FunctionName, GrantRef, Group, Reason,
    Sensitivity, Span, Subject, TargetName, Timestamp, ToldGroup, catalog::Approver,
    decide::Demand,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// One held call and what people said about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// What it binds to; see [`call_digest`].
    pub digest: Digest,
    /// The held call.
    pub call: HeldCall,
    /// Why it is held.
    pub reason: Reason,
    /// Why, for a person.
    pub sentence: String,
    /// What must be met, all of it.
    pub demands: Vec<Demand>,
    /// When it was asked.
    pub opened_at: Timestamp,
    /// Until when people may answer.
    pub answer_by: Timestamp,
    /// How long an approval waits to be used.
    pub within: Span,
    /// Each person's yes, once.
    pub votes: Vec<Vote>,
    /// Where it stands.
    pub state: ApprovalState,
}

/// What will run, and what the approver sees of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldCall {
    /// Who calls, with the whole chain.
    pub caller: Caller,
    /// What is called.
    pub function: FunctionName,
    /// Where it lives.
    pub target: TargetName,
    /// The contract that was in force.
    pub contract: Digest,
    /// What the function does, for a person.
    pub purpose: String,
    /// How much harm a call can do.
    pub sensitivity: Sensitivity,
    /// Who answers for the function.
    pub owners: Vec<Subject>,
    /// Who answers for the agents of the chain.
    pub sponsors: BTreeSet<Subject>,
    /// The grants that would carry the call.
    pub grants: Vec<GrantRef>,
    /// When the first of them was last certified.
    pub certified_at: Option<Timestamp>,
    /// The arguments, masked as the function says.
    pub shown: Value,
    /// Pointers to arguments that are hidden in `shown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// The arguments as they will run, sealed with the master key.
    #[serde(with = "sealed")]
    pub sealed: Vec<u8>,
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// What they added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Which demands (by place) they could answer when they did.
    pub answers: Vec<usize>,
    /// Those of their groups that the demands name, as the identity provider said then. What a
    /// directory tells is asked again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Group>,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Let it run.
    Approve,
    /// Do not.
    Deny,
}

/// Where an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ApprovalState {
    /// People are asked.
    Pending,
    /// It may be used once.
    Approved {
        /// When the last demand was met.
        at: Timestamp,
        /// Until when it may be used.
        until: Timestamp,
    },
    /// Somebody said no.
    Denied {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        comment: String,
    },
    /// Nobody answered, or nobody used it, in time.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The caller withdrew it, or the call may not run any more.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Why the call may not run any more; absent when it was withdrawn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Reason>,
    },
    /// An approver or administrator took the approval back before it was used.
    Revoked {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
    },
    /// A call is using it.
    Redeeming {
        /// When it began.
        at: Timestamp,
        /// Which call.
        call: CallId,
    },
    /// The call ran and the target answered.
    Executed {
        /// When.
        at: Timestamp,
        /// Which call.
        call: CallId,
    },
    /// The call was refused or broke before the target could run it.
    Failed {
        /// When.
        at: Timestamp,
        /// Which call.
        call: CallId,
        /// Why.
        reason: Reason,
    },
    /// The call left and nobody can know whether it ran.
    OutcomeUnknown {
        /// When that was found.
        at: Timestamp,
        /// Which call.
        call: CallId,
    },
}

impl ApprovalState {
    /// The state's name, as the store and people see it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
            Self::Revoked { .. } => "revoked",
            Self::Redeeming { .. } => "redeeming",
            Self::Executed { .. } => "executed",
            Self::Failed { .. } => "failed",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
        }
    }

    /// Whether a repeat of the same call joins this request rather than opening a new one.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Pending | Self::Approved { .. } => true,
            Self::Denied { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. }
            | Self::Revoked { .. }
            | Self::Redeeming { .. }
            | Self::Executed { .. }
            | Self::Failed { .. }
            | Self::OutcomeUnknown { .. } => false,
        }
    }
}

/// A signed-in identity that wants to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, from their own sign-in, never from a payload.
    pub subject: Subject,
    /// What it is: only [`CallerKind::Person`] decides.
    pub kind: CallerKind,
    /// Their groups, as the identity provider says.
    pub groups: BTreeSet<Group>,
    /// Their groups, as directories tell under the policy of this moment.
    pub told: Arc<[ToldGroup]>,
    /// Whether they are suspended.
    pub standing: Standing,
}

impl Person {
    /// Whether they are in a group, whoever says so.
    pub fn is_in(&self, group: &Group) -> bool {
        self.groups.contains(group) || self.told.iter().any(|it| it.group == *group)
    }
}

/// Whether a person may act at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    Good,
    /// They are suspended.
    Suspended,
}

/// Why an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteRefused {
    /// It is decided, used or over.
    #[error("this request is {0} already")]
    NotPending(&'static str),
    /// The time to answer is over.
    #[error("the time to answer is over")]
    TooLate,
    /// Only people decide.
    #[error("only a person decides, never an agent or a service")]
    NotAPerson,
    /// The person is suspended.
    #[error("a suspended person does not decide")]
    Suspended,
    /// Nobody approves their own call.
    #[error("nobody approves their own call")]
    OwnCall,
    /// The agent's sponsor alone does not approve it.
    #[error("the agent's sponsor alone does not approve its call")]
    SponsorAlone,
    /// None of the demands names this person.
    #[error("this person is not among those who may answer")]
    NotAsked,
}

/// What an answer did.
#[derive(Clone, Debug, PartialEq)]
pub enum Voted {
    /// The approval with the answer in it.
    Changed(Box<Approval>),
    /// The same person had said the same before.
    Unchanged,
}

impl Demand {
    /// Whether whoever meets this meets the other one too.
    fn covers(&self, other: &Self) -> bool {
        self.from.iter().all(|from| other.from.contains(from)) && self.people >= other.people
    }
}

impl Approval {
    /// Takes a person's answer. One deny ends it; each person counts once, whatever groups they
    /// are in (A5). The person must be eligible (A6); administrators are no exception.
    pub fn vote(
        &self,
        person: &Person,
        verdict: Verdict,
        comment: &str,
        now: Timestamp,
    ) -> Result<Voted, VoteRefused> {
        let before = self.votes.iter().any(|vote| vote.by == person.subject);
        match (&self.state, verdict) {
            (ApprovalState::Pending, Verdict::Approve) if before => return Ok(Voted::Unchanged),
            (ApprovalState::Approved { .. }, Verdict::Approve) if before => {
                return Ok(Voted::Unchanged);
            }
            (ApprovalState::Denied { by, .. }, Verdict::Deny) if *by == person.subject => {
                return Ok(Voted::Unchanged);
            }
            (ApprovalState::Pending, _) => {}
            (state, _) => return Err(VoteRefused::NotPending(state.name())),
        }
        if now >= self.answer_by {
            return Err(VoteRefused::TooLate);
        }
        let answers = self.eligible(person)?;
        let mut next = self.clone();
        match verdict {
            Verdict::Deny => {
                next.state = ApprovalState::Denied {
                    by: person.subject.clone(),
                    at: now,
                    comment: comment.to_owned(),
                };
            }
            Verdict::Approve => {
                next.votes.push(Vote {
                    by: person.subject.clone(),
                    at: now,
                    comment: comment.to_owned(),
                    answers,
                    groups: self.groups_asked(person),
                });
                if next.is_met() {
                    next.state = ApprovalState::Approved { at: now, until: now.plus(self.within) };
                }
            }
        }
        Ok(Voted::Changed(Box::new(next)))
    }

    fn groups_asked(&self, person: &Person) -> BTreeSet<Group> {
        let asked = self.demands.iter().flat_map(|demand| &demand.from);
        let groups = asked.filter_map(|from| match from {
            Approver::Group(group) => person.groups.get(group),
            Approver::Owner | Approver::Person(_) | Approver::Subject => None,
        });
        groups.cloned().collect()
    }

    /// Which demands (by place) this person may answer, or why none.
    pub fn eligible(&self, person: &Person) -> Result<Vec<usize>, VoteRefused> {
        if person.kind != CallerKind::Person {
            return Err(VoteRefused::NotAPerson);
        }
        if person.standing == Standing::Suspended {
            return Err(VoteRefused::Suspended);
        }
        let caller = &self.call.caller;
        let confirms = |demand: &Demand| {
            // The explicit other rule: the user confirms what their agent is about to do.
            !caller.actors.is_empty()
                && caller.subject == person.subject
                && demand.from.contains(&Approver::Subject)
        };
        let own = caller.chain().any(|it| *it == person.subject);
        let sponsor = self.call.sponsors.contains(&person.subject);
        let mut answers = Vec::new();
        let mut asked_as_sponsor_alone = false;
        for (place, demand) in self.demands.iter().enumerate() {
            if own {
                if confirms(demand) {
                    answers.push(place);
                }
            } else if self.asks(demand, person) {
                if sponsor && demand.people < 2 {
                    asked_as_sponsor_alone = true;
                } else {
                    answers.push(place);
                }
            }
        }
        match (answers.is_empty(), own, asked_as_sponsor_alone) {
            (false, _, _) => Ok(answers),
            (true, true, _) => Err(VoteRefused::OwnCall),
            (true, false, true) => Err(VoteRefused::SponsorAlone),
            (true, false, false) => Err(VoteRefused::NotAsked),
        }
    }

    /// Whether each demand is met by enough distinct people, not all of them sponsors.
    pub fn is_met(&self) -> bool {
        self.demands.iter().enumerate().all(|(place, demand)| self.demand_is_met(place, demand))
    }

    /// Whether the people who approved this also satisfy other demands: those of the decision
    /// that is made again at redemption (A3).
    pub fn satisfies(&self, demands: &[Demand]) -> bool {
        demands.iter().all(|wanted| {
            self.demands
                .iter()
                .enumerate()
                .any(|(place, had)| had.covers(wanted) && self.demand_is_met(place, had))
        })
    }

    /// Whether its demands, once met, meet these too: else a call under these demands must not join
    /// it, for its answers could never be enough.
    pub fn covers(&self, demands: &[Demand]) -> bool {
        demands.iter().all(|wanted| self.demands.iter().any(|had| had.covers(wanted)))
    }

    fn demand_is_met(&self, place: usize, demand: &Demand) -> bool {
        let people: BTreeSet<&Subject> = self
            .votes
            .iter()
            .filter(|vote| vote.answers.contains(&place))
            .map(|vote| &vote.by)
            .collect();
        let needed = usize::try_from(demand.people.max(1)).unwrap_or(usize::MAX);
        people.len() >= needed && people.iter().any(|it| !self.call.sponsors.contains(*it))
    }

    fn asks(&self, demand: &Demand, person: &Person) -> bool {
        demand.from.iter().any(|from| match from {
            Approver::Owner => self.call.owners.contains(&person.subject),
            Approver::Group(group) => person.is_in(group),
            Approver::Person(subject) => *subject == person.subject,
            Approver::Subject => false,
        })
    }

    /// The state that time alone has brought about, if any.
    pub fn lapsed(&self, now: Timestamp) -> Option<ApprovalState> {
        match &self.state {
            ApprovalState::Pending if now >= self.answer_by => {
                Some(ApprovalState::Expired { at: now })
            }
            ApprovalState::Approved { until, .. } if now >= *until => {
                Some(ApprovalState::Expired { at: now })
            }
            ApprovalState::Pending
            | ApprovalState::Approved { .. }
            | ApprovalState::Denied { .. }
            | ApprovalState::Expired { .. }
            | ApprovalState::Cancelled { .. }
            | ApprovalState::Revoked { .. }
            | ApprovalState::Redeeming { .. }
            | ApprovalState::Executed { .. }
            | ApprovalState::Failed { .. }
            | ApprovalState::OutcomeUnknown { .. } => None,
        }
    }
}

/// What an approval binds to (A1): SHA-256 over the RFC 8785 canonical JSON of all that makes
/// the call what it is.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// Who calls, and for whom.
    pub caller: &'a Caller,
    /// What.
    pub function: &'a FunctionName,
    /// The function's contract.
    pub contract: Digest,
    /// Where.
    pub target: &'a TargetName,
    /// With what.
    pub arguments: &'a Value,
    /// On which grants.
    pub grants: &'a [GrantRef],
}

/// The digest of a call, for an approval to bind to.
pub fn call_digest(binding: &Binding<'_>) -> Digest {
    Digest::of_json(&json!({
        "v": 1,
        "subject": binding.caller.subject,
        "issuer": binding.caller.issuer,
        "actors": binding.caller.actors,
        "client": binding.caller.client,
        "function": binding.function,
        "contract": binding.contract,
        "target": binding.target,
        "arguments": binding.arguments,
        "grants": binding.grants,
    }))
}

mod sealed {
    //! Sealed bytes as hexadecimal text.

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let bad = || D::Error::custom("sealed bytes are pairs of hexadecimal digits");
        if text.len() % 2 != 0 || !text.is_ascii() {
            return Err(bad());
        }
        (0..text.len() / 2)
            .map(|place| {
                let pair = text.get(place * 2..place * 2 + 2).ok_or_else(bad)?;
                u8::from_str_radix(pair, 16).map_err(|_| bad())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
