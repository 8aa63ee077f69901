//! Who is told of a held call: everybody who may answer it, as far as this installation knows them.

use crate::Governance;
use countersign_model::{
    Approval, ApprovalId, CallerKind, Group, NoticeKind, Person, Subject, Urgency,
    approval::Standing, catalog::Approver,
};
use countersign_model::{Span, Timestamp};
use countersign_store::{StoreError, Transaction};
use std::collections::{BTreeMap, BTreeSet};

use super::NewNotice;

impl Governance {
    /// Tells everybody who may answer a request that it waits.
    pub(crate) async fn tell_asked(
        &self,
        change: &mut Transaction,
        approval: &Approval,
    ) -> Result<(), StoreError> {
        let call = &approval.call;
        let caller = call.caller.chain().map(Subject::as_str).collect::<Vec<_>>();
        let (who, through) = caller.split_first().unwrap_or((&"somebody", &[]));
        let through = match through {
            [] => String::new(),
            actors => format!(", through {}", actors.join(", ")),
        };
        let title = format!("{who} wants to call {}", call.function);
        let text = format!(
            "{who}{through}, wants to call {}: {} Sensitivity: {}. The call is held until somebody \
             answers, {} at the latest.",
            call.function,
            ended(&call.purpose),
            call.sensitivity,
            minute(approval.answer_by),
        );
        for to in self.asked(change, approval).await? {
            let notice = NewNotice {
                to,
                kind: NoticeKind::ApprovalWaits,
                about: vec![approval.id.into()],
                title: title.clone(),
                text: text.clone(),
                link: format!("/console/approvals/{}", approval.id),
                urgency: Urgency::Now,
                occasion: occasion(approval.id),
            };
            self.tell(change, notice).await?;
        }
        Ok(())
    }

    /// Who may answer a request. The model judges each (A6); a person whom nobody knows to be in a
    /// group is not found through it.
    async fn asked(
        &self,
        change: &mut Transaction,
        approval: &Approval,
    ) -> Result<BTreeSet<Subject>, StoreError> {
        let mut candidates: BTreeMap<Subject, BTreeSet<Group>> = BTreeMap::new();
        let mut groups = BTreeSet::new();
        for from in approval.demands.iter().flat_map(|it| &it.from) {
            match from {
                Approver::Owner => {
                    candidates.extend(approval.call.owners.iter().map(|it| known(it.clone())));
                }
                Approver::Person(subject) => candidates.extend([known(subject.clone())]),
                Approver::Subject => {
                    candidates.extend([known(approval.call.caller.subject.clone())])
                }
                Approver::Group(group) => {
                    groups.insert(group.clone());
                }
            }
        }
        for (subject, of) in self.people_in(change, &groups).await? {
            candidates.entry(subject).or_default().extend(of);
        }
        let snapshot = self.policy().load();
        let may = |(subject, groups): (Subject, BTreeSet<Group>)| {
            let standing =
                if snapshot.bars(&subject) { Standing::Suspended } else { Standing::Good };
            let is_agent = snapshot.agents().contains_key(&subject);
            let kind = if is_agent { CallerKind::Agent } else { CallerKind::Person };
            let told = snapshot.told_to(&subject, kind);
            let person = Person { subject, kind, groups, told, standing };
            approval.eligible(&person).is_ok().then_some(person.subject)
        };
        Ok(candidates.into_iter().filter_map(may).take(ASKED_MAX).collect())
    }

    /// People who are known to be in one of these groups, each with those of them that their own
    /// sign-in told of within [`SIGNED_IN_WITHIN`]. To tell them something: it gives them no right.
    pub(crate) async fn people_in(
        &self,
        change: &mut Transaction,
        groups: &BTreeSet<Group>,
    ) -> Result<BTreeMap<Subject, BTreeSet<Group>>, StoreError> {
        let mut people: BTreeMap<Subject, BTreeSet<Group>> = BTreeMap::new();
        if groups.is_empty() {
            return Ok(people);
        }
        let snapshot = self.policy().load();
        let told = |it: &&Subject| snapshot.told_of(it).iter().any(|it| groups.contains(&it.group));
        people.extend(snapshot.told().subjects().filter(told).take(ASKED_MAX).cloned().map(known));
        let since = self.clock().now().minus(SIGNED_IN_WITHIN);
        for group in groups {
            let limit = u32::try_from(ASKED_MAX).unwrap_or(u32::MAX);
            for subject in change.people_signed_in_with(group, since, limit).await? {
                people.entry(subject).or_default().insert(group.clone());
            }
        }
        Ok(people)
    }
}

/// What a request is told for.
pub(crate) fn occasion(id: ApprovalId) -> String {
    format!("approval:{id}")
}

fn known(subject: Subject) -> (Subject, BTreeSet<Group>) {
    (subject, BTreeSet::new())
}

/// A sentence with its full stop.
fn ended(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// A moment to the minute, as people read it.
fn minute(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// People who are told of one thing at most.
const ASKED_MAX: usize = 200;
/// How long what a sign-in said of somebody's groups is good enough to tell them something.
const SIGNED_IN_WITHIN: Span = Span::from_days(30);
