//! A grant's history: each step with what it changed.

use super::grant::one;
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::Moment,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use countersign_governance::GrantStepView;
use countersign_model::record::GrantChange;

/// The steps of one grant, the last first.
#[derive(Debug, Template)]
#[template(path = "grant_history.html")]
pub(crate) struct GrantHistoryPage {
    frame: Frame,
    id: String,
    holder: Text,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    what: &'static str,
    at: Option<Moment>,
    by: Text,
    version: u32,
    lines: Vec<Text>,
}

/// `GET /console/grants/{id}/history`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let grant = one(&console, &asker, &id)?.grant;
    let steps = console.governance().grant_history(grant.id).await?;
    page(&GrantHistoryPage {
        frame: Frame::new("A grant's history", Place::Grants, asker.signed()),
        id: grant.id.to_string(),
        holder: Text::of(&grant.holder),
        steps: steps.iter().rev().map(Step::of).collect(),
    })
}

impl Step {
    fn of(step: &GrantStepView) -> Self {
        Self {
            what: word(step.change),
            at: step.at.map(Moment),
            by: Text::of(&step.by),
            version: step.version,
            lines: step.lines.iter().map(|it| Text::line(it.clone())).collect(),
        }
    }
}

fn word(change: GrantChange) -> &'static str {
    match change {
        GrantChange::Made => "made",
        GrantChange::Certified => "certified",
        GrantChange::Uncertified => "certification taken back",
        GrantChange::Narrowed => "narrowed",
        GrantChange::Widened => "changed",
        GrantChange::Renewed => "renewed",
        GrantChange::Transferred => "passed to another holder",
        GrantChange::Suspended => "suspended",
        GrantChange::Resumed => "resumed",
        GrantChange::Revoked => "revoked",
        GrantChange::Restored => "restored",
    }
}

impl Sample for GrantHistoryPage {
    const NAME: &'static str = "grant-history";

    fn samples(say: Say) -> Vec<Self> {
        let step = |what, version, lines: &[&str]| Step {
            what,
            at: Some(Moment(at(-900))),
            by: say("olga@acme.example"),
            version,
            lines: lines.iter().map(|it| say(it)).collect(),
        };
        let earlier = Step { at: None, by: say(""), ..step("made", 1, &[]) };
        vec![Self {
            frame: frame("A grant's history", Place::Grants, say),
            id: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say("group:support"),
            steps: vec![
                step("narrowed", 2, &["- functions[1]: billing.refunds.create", "+ version: 2"]),
                step("certified", 1, &[]),
                earlier,
            ],
        }]
    }
}
