//! Whether somebody may review a grant (R4). One function judges who is asked and who answers.

use super::{ReviewFacts, Reviewed};
use crate::{
    CallerKind, Holder, Person, Sensitivity, Subject,
    approval::Standing,
    review::{item::Reviewer, schedule::StageMode},
};

/// Why somebody may not review a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ReviewRefused {
    /// Only people decide (R5).
    #[error("only a person reviews, never an agent or a service")]
    NotAPerson,
    /// Who may not work here decides nothing.
    #[error("a suspended or deactivated person does not review")]
    Barred,
    /// Nobody reviews their own access.
    #[error("nobody reviews their own access")]
    OwnAccess,
    /// Nor what reaches them through a group.
    #[error("nobody reviews access that reaches them through a group of theirs")]
    OwnGroup,
    /// The agent's sponsor alone does not review it.
    #[error("the agent's sponsor alone does not review its access")]
    SponsorAlone,
    /// Who made a grant does not review it where much is at stake.
    #[error("whoever made a grant does not review it where it reaches high sensitivity")]
    Maker,
    /// Others are asked.
    #[error("this person is not among those who are asked")]
    NotAsked,
}

impl ReviewRefused {
    /// Whether somebody can't answer because they are gone, rather than because it is about them.
    pub(super) fn is_absence(self) -> bool {
        match self {
            Self::Barred => true,
            Self::NotAPerson
            | Self::OwnAccess
            | Self::OwnGroup
            | Self::SponsorAlone
            | Self::Maker
            | Self::NotAsked => false,
        }
    }
}

/// Whether a signed-in identity may answer for a grant now: the rules by which reviewers are chosen, with
/// what their provider says of them at this moment, and that they are among those who are asked.
///
/// # Errors
/// [`ReviewRefused`].
pub fn may_review(
    person: &Person,
    item: &Reviewed<'_>,
    asked: &[Reviewer],
    mode: StageMode,
    facts: &ReviewFacts,
) -> Result<(), ReviewRefused> {
    match (person.kind, person.standing) {
        (CallerKind::Agent | CallerKind::Service, _) => return Err(ReviewRefused::NotAPerson),
        (CallerKind::Person, Standing::Suspended) => return Err(ReviewRefused::Barred),
        (CallerKind::Person, Standing::Good) => {}
    }
    if let Holder::Group(group) = &item.grant.holder
        && person.is_in(group)
    {
        return Err(ReviewRefused::OwnGroup);
    }
    eligible(&person.subject, item, mode, facts)?;
    let is_same = |it: &&Reviewer| facts.is_same_person(&it.subject, &person.subject);
    if !asked.iter().any(|it| is_same(&it)) {
        return Err(ReviewRefused::NotAsked);
    }
    if is_sponsor(&person.subject, item, facts) && asked.iter().all(|it| is_same(&it)) {
        return Err(ReviewRefused::SponsorAlone);
    }
    Ok(())
}

/// Whether somebody may be asked about a grant.
pub(super) fn eligible(
    subject: &Subject,
    item: &Reviewed<'_>,
    mode: StageMode,
    facts: &ReviewFacts,
) -> Result<(), ReviewRefused> {
    match facts.kind(subject) {
        CallerKind::Person => {}
        CallerKind::Agent | CallerKind::Service => return Err(ReviewRefused::NotAPerson),
    }
    if facts.snapshot.bars(subject) {
        return Err(ReviewRefused::Barred);
    }
    match &item.grant.holder {
        Holder::Subject(holder) if facts.is_same_person(holder, subject) => {
            return Err(ReviewRefused::OwnAccess);
        }
        Holder::Group(group) if facts.is_in(subject, group) => {
            return Err(ReviewRefused::OwnGroup);
        }
        Holder::Subject(_) | Holder::Group(_) => {}
    }
    let alone = match mode {
        StageMode::AnyOne => true,
        StageMode::All | StageMode::Quorum(_) => false,
    };
    if alone && is_sponsor(subject, item, facts) {
        return Err(ReviewRefused::SponsorAlone);
    }
    let is_high = item.sensitivity == Sensitivity::High;
    if is_high && facts.is_same_person(&item.grant.made_by, subject) {
        return Err(ReviewRefused::Maker);
    }
    Ok(())
}

/// Who answers for the agent that holds a grant.
pub(super) fn sponsor<'a>(item: &Reviewed<'_>, facts: &'a ReviewFacts) -> Option<&'a Subject> {
    match &item.grant.holder {
        Holder::Subject(holder) => facts.snapshot.agents().get(holder).map(|it| &it.sponsor),
        Holder::Group(_) => None,
    }
}

pub(super) fn is_sponsor(subject: &Subject, item: &Reviewed<'_>, facts: &ReviewFacts) -> bool {
    sponsor(item, facts).is_some_and(|it| facts.is_same_person(it, subject))
}
