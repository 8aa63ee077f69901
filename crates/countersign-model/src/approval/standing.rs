//! Whose yes still counts: people are judged again, under the policy of the moment, before their
//! answer carries a call (A3, A6). Whom a directory tells to be in a group must be in it still; what
//! only a token said of their groups is as it was when they answered.

use super::{Approval, Person, Standing, Vote};
use crate::{CallerKind, Snapshot, Subject};
use std::mem;

impl Approval {
    /// The request as a policy sees it: the function's owners and the agents' sponsors of that
    /// policy, and of the answers only those whose person may still give them. Nobody comes to
    /// answer for more than they did.
    #[must_use]
    pub fn judged_under(&self, snapshot: &Snapshot) -> Self {
        let mut judged = self.clone();
        if let Some((_, function)) = snapshot.catalog().by_name(self.call.function.as_str()) {
            judged.call.owners.clone_from(&function.owners);
        }
        let agents = self.call.caller.chain().filter_map(|it| snapshot.agents().get(it));
        judged.call.sponsors.extend(agents.map(|it| it.sponsor.clone()));
        let votes = mem::take(&mut judged.votes).into_iter();
        let standing = votes.filter_map(|vote| judged.still(vote, snapshot)).collect();
        judged.votes = standing;
        judged
    }

    /// Who said yes and may not any more, as that policy sees it.
    pub fn no_longer_standing(&self, snapshot: &Snapshot) -> Vec<Subject> {
        let judged = self.judged_under(snapshot);
        let said = self.votes.iter().filter(|vote| {
            let now = judged.votes.iter().find(|it| it.by == vote.by);
            now.is_none_or(|now| now.answers != vote.answers)
        });
        said.map(|vote| vote.by.clone()).collect()
    }

    fn still(&self, vote: Vote, snapshot: &Snapshot) -> Option<Vote> {
        let agent = snapshot.agents().contains_key(&vote.by);
        let suspended = snapshot.bars(&vote.by);
        let person = Person {
            subject: vote.by.clone(),
            kind: if agent { CallerKind::Agent } else { CallerKind::Person },
            groups: vote.groups.clone(),
            told: snapshot.told_to(&vote.by, CallerKind::Person),
            standing: if suspended { Standing::Suspended } else { Standing::Good },
        };
        let answers = self.eligible(&person).ok()?;
        let answers: Vec<_> = answers.into_iter().filter(|it| vote.answers.contains(it)).collect();
        (!answers.is_empty()).then_some(Vote { answers, ..vote })
    }
}

#[cfg(test)]
mod tests;
