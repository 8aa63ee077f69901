//! A grant's page, and the two things that can be done with it: certify and revoke.

use super::{function, grant_usage, grant_usage::UsagePart, grants};
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    people,
    problem::Problem,
    rules,
    samples::{Sample, Say, at, frame},
    sight,
    text::Text,
    view::{self, Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{Actor, FreshnessView, GrantView};
use countersign_model::{
    Function, FunctionName, GrantId, GrantState, Holder, Sensitivity, Snapshot, Timestamp,
    catalog::Overdue,
};
use serde::Deserialize;

/// One grant.
#[derive(Debug, Template)]
#[template(path = "grant.html")]
pub(crate) struct GrantPage {
    frame: Frame,
    id: String,
    version: u32,
    holder: Text,
    /// The page of the person who holds it.
    person: Option<String>,
    reason: Text,
    freshness: Chip,
    ended: Option<Text>,
    functions: Vec<Reached>,
    tags: Vec<Text>,
    constraints: Vec<Text>,
    rate: Option<Text>,
    ends: Option<Moment>,
    made_at: Moment,
    made_by: Text,
    certified: Option<Certified>,
    /// What the reader can do with it.
    acts: Vec<Act>,
    why_not_certify: Option<&'static str>,
    usage: Option<UsagePart>,
}

/// What can be done with a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Certify,
    Revoke,
    Suspend,
    Resume,
    Restore,
}

#[derive(Debug)]
struct Reached {
    name: Text,
    href: String,
    sensitivity: Option<Chip>,
    freshness: Chip,
    until: Option<(&'static str, Moment)>,
    overdue: &'static str,
}

#[derive(Debug)]
struct Certified {
    at: Moment,
    by: Text,
    is_old: bool,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    said: Option<String>,
}

/// `GET /console/grants/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let view = one(&console, &asker, &id)?;
    let notice = match said.said.as_deref() {
        Some("made") => Some("The grant is made."),
        Some("certified") => Some("The grant is certified."),
        Some("suspended") => Some("The grant is suspended. It is in force on the next call."),
        Some("resumed") => Some("The grant carries calls again."),
        Some("restored") => Some("The revocation is undone."),
        Some("revoked") => Some("The grant is revoked. It is in force on the next call."),
        Some(_) | None => None,
    };
    let title = Text::line(format!("{} – grant", view.grant.holder)).plain();
    let frame = Frame::new(title, Place::Grants, asker.signed()).with_notice(notice);
    let usage = grant_usage::evidence(&console, &asker, &view).await;
    let snapshot = console.governance().policy().load();
    let shown = GrantPage::of(frame, &view, &asker.actor, &snapshot, console.now());
    page(&GrantPage { usage: usage.as_ref().map(UsagePart::of), ..shown })
}

/// `POST /console/grants/{id}/certify`.
pub(crate) async fn certify(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id)?.grant.id;
    let version = fields.text("version").parse();
    let version = version.map_err(|_| Problem::invalid("The form names no version."))?;
    console.governance().certify_grant(&asker.actor, id, version).await?;
    Ok(Redirect::to(&format!("/console/grants/{id}?said=certified")).into_response())
}

/// `POST /console/grants/{id}/revoke`.
pub(crate) async fn revoke(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id)?.grant.id;
    console.governance().revoke_grant(&asker.actor, id, fields.text("why")).await?;
    Ok(Redirect::to(&format!("/console/grants/{id}?said=revoked")).into_response())
}

/// `POST /console/grants/{id}/suspend`.
pub(crate) async fn suspend(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id)?.grant.id;
    console.governance().suspend_grant(&asker.actor, id, fields.text("why")).await?;
    Ok(Redirect::to(&format!("/console/grants/{id}?said=suspended")).into_response())
}

/// `POST /console/grants/{id}/resume`.
pub(crate) async fn resume(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id)?.grant.id;
    console.governance().resume_grant(&asker.actor, id).await?;
    Ok(Redirect::to(&format!("/console/grants/{id}?said=resumed")).into_response())
}

/// `POST /console/grants/{id}/restore`.
pub(crate) async fn restore(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id)?.grant.id;
    console.governance().restore_grant(&asker.actor, id).await?;
    Ok(Redirect::to(&format!("/console/grants/{id}?said=restored")).into_response())
}

/// Whoever sees a grant sees who holds it.
fn person(holder: &Holder, snapshot: &Snapshot) -> Option<String> {
    match holder {
        Holder::Subject(it) if !snapshot.agents().contains_key(it) => people::href(it),
        Holder::Subject(_) | Holder::Group(_) => None,
    }
}

/// A grant that an asker may see.
pub(crate) fn one(console: &Console, asker: &Asker, id: &str) -> Result<GrantView, Problem> {
    let absent = || Problem::not_found("grant");
    let id: GrantId = id.parse().map_err(|_| absent())?;
    let view = console.governance().grant(id).ok_or_else(absent)?;
    let snapshot = console.governance().policy().load();
    if sight::grant(&asker.actor, &snapshot, &view) { Ok(view) } else { Err(absent()) }
}

impl GrantPage {
    fn may_certify(&self) -> bool {
        self.acts.contains(&Act::Certify)
    }

    fn may_revoke(&self) -> bool {
        self.acts.contains(&Act::Revoke)
    }

    fn may_suspend(&self) -> bool {
        self.acts.contains(&Act::Suspend)
    }

    fn may_resume(&self) -> bool {
        self.acts.contains(&Act::Resume)
    }

    fn may_restore(&self) -> bool {
        self.acts.contains(&Act::Restore)
    }

    fn of(
        frame: Frame,
        view: &GrantView,
        actor: &Actor,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Self {
        let grant = &view.grant;
        let known = |name: &FunctionName| snapshot.catalog().by_name(name.as_str());
        let functions: Vec<&Function> =
            view.functions.iter().filter_map(|it| Some(known(&it.name)?.1.as_ref())).collect();
        let reached = view.functions.iter().map(|it| {
            let found = known(&it.name).map(|(_, it)| it);
            Reached {
                name: Text::of(&it.name),
                href: function::href(&it.name),
                sensitivity: found.map(|it| view::sensitivity(it.sensitivity)),
                freshness: grants::chip(it.freshness),
                until: it.until.map(|at| (until_word(it.freshness), Moment(at))),
                overdue: match found.map(|it| it.review.overdue) {
                    Some(Overdue::Warn) => "calls go on, with a warning",
                    Some(Overdue::Hold) => "each call is held",
                    Some(Overdue::Block) => "calls are refused",
                    None => "not in the catalog any more",
                },
            }
        });
        let active = grant.ended(now).is_none();
        let is_suspended = !active && !grant.is_over(now);
        let may_revoke = sight::may_revoke(actor, grant, &functions);
        let may_resume = is_suspended && sight::may_resume(actor, snapshot, grant, &functions);
        let is_fresh_end = grant.as_ref().clone().restore(now).is_ok();
        let why_not = sight::why_not_certify(actor, snapshot, grant, &functions);
        let acts = [
            (Act::Certify, active && why_not.is_none()),
            (Act::Revoke, (active || is_suspended) && may_revoke),
            (Act::Suspend, active && may_revoke),
            (Act::Resume, may_resume),
            (Act::Restore, is_fresh_end && sight::may_restore(actor, grant)),
        ];
        Self {
            frame,
            id: grant.id.to_string(),
            version: grant.version,
            holder: Text::of(&grant.holder),
            person: person(&grant.holder, snapshot),
            reason: Text::line(grant.reason.clone()),
            freshness: grants::standing(view, now).0,
            ended: grant.ended(now).map(|ended| match &grant.state {
                GrantState::Revoked { why, .. } => Text::line(format!(
                    "{} Why: {why}",
                    crate::problem::sentence(&ended.to_string())
                )),
                GrantState::Active | GrantState::Suspended { .. } => {
                    Text::line(crate::problem::sentence(&ended.to_string()))
                }
            }),
            functions: reached.collect(),
            tags: grant.tags.iter().map(Text::of).collect(),
            constraints: grant.constraints.iter().map(|it| Text::line(it.clone())).collect(),
            rate: grant.rate.map(|it| Text::line(rules::rate(it))),
            ends: grant.expires_at.map(Moment),
            made_at: Moment(grant.made_at),
            made_by: Text::of(&grant.made_by),
            certified: grant.certified.as_ref().map(|it| Certified {
                at: Moment(it.at),
                by: Text::of(&it.by),
                is_old: it.version != grant.version,
            }),
            acts: acts.into_iter().filter(|(_, may)| *may).map(|(act, _)| act).collect(),
            why_not_certify: why_not.filter(|_| active),
            usage: None,
        }
    }
}

/// A lapsed certification lasted until then, so that the grant is overdue since then.
fn until_word(freshness: FreshnessView) -> &'static str {
    match freshness {
        FreshnessView::Fresh | FreshnessView::Due | FreshnessView::Ended => "until",
        FreshnessView::Overdue => "since",
    }
}

impl Sample for GrantPage {
    const NAME: &'static str = "grant";

    fn samples(say: Say) -> Vec<Self> {
        let reached = |name: &str, of, label, tone, overdue| Reached {
            name: say(name),
            href: function::href(&FunctionName::from(name)),
            sensitivity: Some(view::sensitivity(of)),
            freshness: Chip { label, tone },
            until: Some(("until", Moment(at(9_000)))),
            overdue,
        };
        let page = |ended: Option<Text>, may: bool, why_not_certify| Self {
            frame: frame("group:support – grant", Place::Grants, say),
            id: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            version: 3,
            holder: say("group:support"),
            person: may.then(|| "/console/people/riley@acme.example".to_owned()),
            reason: say("Refunds for complaints, process FIN-12"),
            freshness: Chip { label: "due", tone: Tone::Wait },
            ended,
            functions: vec![
                reached(
                    "billing.refunds.create",
                    Sensitivity::High,
                    "due",
                    Tone::Wait,
                    "each call is held",
                ),
                reached(
                    "billing.invoices.list",
                    Sensitivity::Medium,
                    "fresh",
                    Tone::Good,
                    "calls go on, with a warning",
                ),
            ],
            tags: vec![say("money")],
            constraints: vec![say("args.amount <= 1000.0"), say("args.currency == 'EUR'")],
            rate: Some(say("20 calls in 1h")),
            ends: None,
            made_at: Moment(at(-220_000)),
            made_by: say("olga@acme.example"),
            certified: Some(Certified {
                at: Moment(at(-120_000)),
                by: say("olga@acme.example"),
                is_old: !may,
            }),
            acts: if may {
                vec![Act::Certify, Act::Revoke, Act::Suspend]
            } else {
                vec![Act::Resume, Act::Restore]
            },
            why_not_certify,
            usage: may.then(|| UsagePart::sample(say)),
        };
        let revoked =
            say("The grant was revoked by max@acme.example on 2026-11-20. Why: process ended");
        vec![
            page(None, true, None),
            page(Some(revoked), false, Some("nobody certifies access that reaches themself")),
        ]
    }
}
