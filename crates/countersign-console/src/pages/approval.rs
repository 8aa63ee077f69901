//! An approval's page: exactly what will run, and everything that its approver should know before
//! they answer (A8). Answers come as forms; a GET decides nothing (A9).

use crate::{
    approvals::{self, Earlier},
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    problem::Problem,
    rules,
    text::Text,
    view::{self, Argument, Chip, Moment},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_model::{
    Approval, ApprovalState, CallerKind, GrantRef, Sensitivity, Snapshot, Timestamp, Verdict,
    approval::{HeldCall, VoteRefused},
};
use serde::Deserialize;

/// One held call and all that its approver should see.
#[derive(Debug, Template)]
#[template(path = "approval.html")]
pub(crate) struct ApprovalPage {
    frame: Frame,
    id: String,
    state: Chip,
    state_name: &'static str,
    is_pending: bool,
    /// What the arguments are those of, now.
    runs: &'static str,
    function: Text,
    function_href: String,
    purpose: Text,
    target: Text,
    sensitivity: Chip,
    sentence: Text,
    reason: &'static str,
    arguments: Vec<Argument>,
    more_arguments: usize,
    hidden_count: usize,
    raw: Text,
    caller: CallerFacts,
    grants: Vec<GrantFacts>,
    demands: Vec<Text>,
    votes: Vec<VoteFacts>,
    earlier: Option<Earlier>,
    denials: Vec<Denial>,
    opened: Moment,
    answer_by: Moment,
    /// The time left to answer, in words.
    left: Option<String>,
    /// What an approval by this person does, beyond adding to the count.
    when_approved: Option<String>,
    may_answer: bool,
    why_not: Text,
    may_revoke: bool,
    ending: Text,
    digest: String,
    digest_short: String,
}

/// Who calls, with the whole chain.
#[derive(Debug)]
pub(crate) struct CallerFacts {
    /// In short: who acts for whom.
    who: Text,
    subject: Text,
    kind: &'static str,
    actors: Vec<Text>,
    client: Option<Text>,
    issuer: Text,
    sponsors: Vec<Text>,
    groups: Vec<Text>,
}

/// A grant that would carry the call.
#[derive(Debug)]
pub(crate) struct GrantFacts {
    id: String,
    version: u32,
    freshness: Option<Chip>,
    known: Option<KnownGrant>,
}

/// What is known of a grant in the version that was asked for.
#[derive(Debug)]
pub(crate) struct KnownGrant {
    holder: Text,
    reason: Text,
    certified_at: Option<Moment>,
    certified_by: Text,
}

/// One person's yes.
#[derive(Debug)]
pub(crate) struct VoteFacts {
    by: Text,
    at: Moment,
    comment: Text,
}

/// An earlier no to the same caller.
#[derive(Debug)]
pub(crate) struct Denial {
    /// Where its page is, for whoever may open it.
    id: Option<String>,
    function: Text,
    at: Moment,
    by: Text,
    comment: Text,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    said: Option<String>,
}

/// `GET /console/approvals/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let approval = approvals::one(&console, &asker, &id).await?;
    let earlier = approvals::earlier(&console, &approval).await?;
    let denials = approvals::denials(&console, &approval).await?;
    let snapshot = console.governance().policy().load();
    let now = console.now();
    let title = format!("{} – approval", approval.call.function);
    let notice = match said.said.as_deref() {
        Some("approve") => Some("Your approval is taken."),
        Some("deny") => Some("You denied this call."),
        Some("revoke") => Some("The approval is taken back."),
        Some(_) | None => None,
    };
    let frame = Frame::new(Text::line(title).plain(), Place::Approvals, asker.signed());
    let mut shown = ApprovalPage::of(frame.with_notice(notice), &approval, &snapshot, now);
    shown.earlier = earlier;
    shown.denials = denials.iter().map(|it| Denial::of(it, &asker)).collect();
    match approval.eligible(&asker.actor.person) {
        Ok(_) if approval.votes.iter().any(|it| it.by == *asker.actor.subject()) => {
            shown.why_not = Text::line("you have approved it, and others are still asked");
        }
        Ok(_) if asker.actor.is_auditor() => {
            shown.why_not = Text::line("an auditor sees everything and changes nothing");
        }
        Ok(_) if now >= approval.answer_by => shown.why_not = Text::line("the time is over"),
        Ok(_) => shown.may_answer = true,
        Err(refused) => shown.why_not = why_not(&refused),
    }
    let is_approved = matches!(approval.state, ApprovalState::Approved { .. });
    let voted = approval.votes.iter().any(|it| it.by == *asker.actor.subject());
    let asked = approval.eligible(&asker.actor.person).is_ok();
    let may_act = !asker.actor.is_auditor();
    shown.may_revoke = is_approved && may_act && (voted || asked || asker.actor.is_administrator());
    page(&shown)
}

/// `POST /console/approvals/{id}/answer`.
pub(crate) async fn answer(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let approval = approvals::one(&console, &asker, &id).await?;
    // An answer is to what its page showed.
    if fields.text("digest") != approval.digest.to_string() {
        return Err(Problem::invalid("The answer is not to this call."));
    }
    let (verdict, said) = match fields.text("verdict") {
        "approve" => (Verdict::Approve, "approve"),
        "deny" => (Verdict::Deny, "deny"),
        _ => return Err(Problem::invalid("The answer is neither approve nor deny.")),
    };
    let comment = fields.text("comment");
    console.governance().vote(&asker.actor, approval.id, verdict, comment).await?;
    Ok(Redirect::to(&format!("/console/approvals/{}?said={said}", approval.id)).into_response())
}

/// `POST /console/approvals/{id}/revoke`.
pub(crate) async fn revoke(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let approval = approvals::one(&console, &asker, &id).await?;
    console.governance().revoke_approval(&asker.actor, approval.id).await?;
    Ok(Redirect::to(&format!("/console/approvals/{}?said=revoke", approval.id)).into_response())
}

impl ApprovalPage {
    /// The page without what concerns its reader.
    fn of(frame: Frame, approval: &Approval, snapshot: &Snapshot, now: Timestamp) -> Self {
        let call = &approval.call;
        let (arguments, more_arguments) = view::arguments(&call.shown, &call.hidden);
        let open = approval.answer_by > now;
        Self {
            frame,
            id: approval.id.to_string(),
            state: view::approval_state(&approval.state),
            state_name: approval.state.name(),
            is_pending: matches!(approval.state, ApprovalState::Pending),
            runs: runs(&approval.state),
            function: Text::of(&call.function),
            function_href: super::function::href(&call.function),
            purpose: Text::line(call.purpose.clone()),
            target: Text::of(&call.target),
            sensitivity: view::sensitivity(call.sensitivity),
            sentence: Text::line(approval.sentence.clone()),
            reason: approval.reason.code(),
            arguments,
            more_arguments,
            hidden_count: call.hidden.len(),
            raw: view::pretty(&call.shown),
            caller: CallerFacts::of(call, snapshot),
            grants: call.grants.iter().map(|it| GrantFacts::of(*it, call, snapshot, now)).collect(),
            demands: approval
                .demands
                .iter()
                .map(|it| Text::line(rules::people(it, &call.owners)))
                .collect(),
            votes: approval.votes.iter().map(VoteFacts::of).collect(),
            earlier: None,
            denials: Vec::new(),
            opened: Moment(approval.opened_at),
            answer_by: Moment(approval.answer_by),
            left: open.then(|| view::span_words(approval.answer_by.since(now))),
            when_approved: (call.sensitivity == Sensitivity::High)
                .then(|| "This function is of high sensitivity: look twice.".to_owned()),
            may_answer: false,
            why_not: Text::default(),
            may_revoke: false,
            ending: ending(&approval.state),
            digest: approval.digest.to_string(),
            digest_short: approval.digest.short(),
        }
    }
}

impl CallerFacts {
    fn of(call: &HeldCall, snapshot: &Snapshot) -> Self {
        let caller = &call.caller;
        // A registered agent is one, whatever its token says.
        let is_registered = snapshot.agents().contains_key(&caller.subject);
        let kind = match (is_registered, caller.kind) {
            (true, _) | (false, CallerKind::Agent) => "agent",
            (false, CallerKind::Person) => "person",
            (false, CallerKind::Service) => "service",
        };
        let who = match caller.actors.first() {
            None => caller.subject.to_string(),
            Some(actor) => format!("{actor}, for {},", caller.subject),
        };
        Self {
            who: Text::line(who),
            subject: Text::of(&caller.subject),
            kind,
            actors: caller.actors.iter().map(Text::of).collect(),
            client: caller.client.as_deref().map(Text::line),
            issuer: Text::line(caller.issuer.as_ref()),
            sponsors: call.sponsors.iter().map(Text::of).collect(),
            groups: caller.groups.iter().map(Text::of).collect(),
        }
    }
}

impl GrantFacts {
    fn of(reference: GrantRef, call: &HeldCall, snapshot: &Snapshot, now: Timestamp) -> Self {
        let found = snapshot.grants().find(|it| it.reference() == reference);
        let function = snapshot.catalog().by_name(call.function.as_str());
        Self {
            id: reference.id.to_string(),
            version: reference.version,
            freshness: found.map(|grant| {
                let fresh = function.map(|(_, it)| grant.freshness(&it.review, now));
                view::freshness(grant.ended(now).as_ref(), fresh.as_ref())
            }),
            known: found.map(|grant| {
                let certified = grant.certified.as_ref().filter(|it| it.version == grant.version);
                KnownGrant {
                    holder: Text::of(&grant.holder),
                    reason: Text::line(grant.reason.clone()),
                    certified_at: certified.map(|it| Moment(it.at)),
                    certified_by: certified.map(|it| Text::of(&it.by)).unwrap_or_default(),
                }
            }),
        }
    }
}

impl VoteFacts {
    fn of(vote: &countersign_model::Vote) -> Self {
        let comment = Text::line(vote.comment.clone());
        Self { by: Text::of(&vote.by), at: Moment(vote.at), comment }
    }
}

impl Denial {
    fn of(approval: &Approval, asker: &Asker) -> Self {
        let (by, comment) = match &approval.state {
            ApprovalState::Denied { by, comment, .. } => (by.to_string(), comment.clone()),
            ApprovalState::Pending
            | ApprovalState::Approved { .. }
            | ApprovalState::Expired { .. }
            | ApprovalState::Cancelled { .. }
            | ApprovalState::Revoked { .. }
            | ApprovalState::Redeeming { .. }
            | ApprovalState::Executed { .. }
            | ApprovalState::Failed { .. }
            | ApprovalState::OutcomeUnknown { .. } => (String::new(), String::new()),
        };
        Self {
            id: asker.actor.sees_everything().then(|| approval.id.to_string()),
            function: Text::of(&approval.call.function),
            at: Moment(approvals::denied_at(approval).unwrap_or(approval.opened_at)),
            by: Text::line(by),
            comment: Text::line(comment),
        }
    }
}

/// Why its reader can't answer, said to them.
fn why_not(refused: &VoteRefused) -> Text {
    match refused {
        VoteRefused::NotAsked => Text::line("you are not among those who may answer"),
        VoteRefused::NotPending(_)
        | VoteRefused::TooLate
        | VoteRefused::NotAPerson
        | VoteRefused::Suspended
        | VoteRefused::OwnCall
        | VoteRefused::SponsorAlone => Text::of(refused),
    }
}

/// What the arguments are those of: after the end, nothing "will run".
fn runs(state: &ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending | ApprovalState::Approved { .. } => "What will run",
        ApprovalState::Redeeming { .. } => "What is running",
        ApprovalState::Executed { .. } => "What ran",
        ApprovalState::OutcomeUnknown { .. } => "What may have run",
        ApprovalState::Denied { .. }
        | ApprovalState::Expired { .. }
        | ApprovalState::Cancelled { .. }
        | ApprovalState::Revoked { .. }
        | ApprovalState::Failed { .. } => "What was asked",
    }
}

/// What happened to it, in a sentence.
fn ending(state: &ApprovalState) -> Text {
    let day =
        |at: &Timestamp| at.to_string().chars().take(16).collect::<String>().replace('T', " ");
    Text::line(match state {
        ApprovalState::Pending => "It waits for an answer.".to_owned(),
        ApprovalState::Approved { until, .. } => {
            format!("Approved. It waits to be used, until {} UTC.", day(until))
        }
        ApprovalState::Denied { by, at, comment } if comment.is_empty() => {
            format!("Denied by {by}, {} UTC.", day(at))
        }
        ApprovalState::Denied { by, at, comment } => {
            format!("Denied by {by}, {} UTC: {comment}", day(at))
        }
        ApprovalState::Expired { at } => {
            format!("Nobody answered, or nobody used it, until {} UTC.", day(at))
        }
        ApprovalState::Cancelled { at, because: None } => {
            format!("The caller withdrew it, {} UTC.", day(at))
        }
        ApprovalState::Cancelled { at, because: Some(reason) } => {
            format!("It ended, {} UTC: {}", day(at), reason.meaning())
        }
        ApprovalState::Revoked { by, at } => {
            format!("{by} took the approval back before it was used, {} UTC.", day(at))
        }
        ApprovalState::Redeeming { at, call } => {
            format!("The call {call} is running since {} UTC.", day(at))
        }
        ApprovalState::Executed { at, call } => {
            format!("The call {call} ran, {} UTC.", day(at))
        }
        ApprovalState::Failed { at, call, reason } => {
            format!("The call {call} did not run, {} UTC: {}", day(at), reason.meaning())
        }
        ApprovalState::OutcomeUnknown { at, call } => {
            format!("Nobody can know whether the call {call} ran, found {} UTC.", day(at))
        }
    })
}

mod sample;
