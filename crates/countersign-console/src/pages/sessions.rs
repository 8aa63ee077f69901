//! The list of sessions.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    recordings,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::Moment,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use countersign_governance::SessionRow;
use countersign_model::{SessionId, Subject};
use serde::Deserialize;

/// Sessions that the reader may see.
#[derive(Debug, Template)]
#[template(path = "sessions.html")]
pub(crate) struct SessionsPage {
    frame: Frame,
    subject: String,
    sessions: Vec<Line>,
    older: Option<String>,
    sees_all: bool,
}

/// A session in a list.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) title: Text,
    pub(crate) subject: Text,
    pub(crate) actors: Vec<Text>,
    pub(crate) began: Moment,
    pub(crate) calls: u64,
    pub(crate) refused: u64,
}

/// What the list is narrowed to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    subject: String,
    before: Option<String>,
}

/// `GET /console/sessions`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let wanted = filter.subject.trim();
    let subject = (!wanted.is_empty()).then(|| Subject::from(wanted));
    let before = filter.before.as_deref().map(str::parse::<SessionId>).transpose();
    let before = before.map_err(|_| Problem::not_found("session to go on from"))?;
    let (found, last) = recordings::list(&console, &asker, subject, before, LINES_MAX).await?;
    // The link keeps the filter, if it is of characters that need no escaping.
    let plain = wanted.bytes().all(|it| it.is_ascii_alphanumeric() || b"@.:_-".contains(&it));
    let older = last.filter(|_| plain).map(|id| match wanted {
        "" => format!("/console/sessions?before={id}"),
        subject => format!("/console/sessions?subject={subject}&before={id}"),
    });
    page(&SessionsPage {
        frame: Frame::new("Sessions", Place::Sessions, asker.signed()),
        subject: Text::line(wanted).plain(),
        sessions: found.iter().map(Line::of).collect(),
        older,
        sees_all: asker.actor.sees_everything(),
    })
}

impl Line {
    pub(crate) fn of(row: &SessionRow) -> Self {
        Self {
            id: row.id.to_string(),
            title: Text::line(row.title.clone()),
            subject: Text::of(&row.subject),
            actors: row.actors.iter().map(Text::of).collect(),
            began: Moment(row.started_at),
            calls: row.calls,
            refused: row.refused,
        }
    }

    pub(crate) fn samples(say: Say) -> Vec<Self> {
        let line = |title: &str, subject: &str, actors: &[&str], refused| Self {
            id: "ses_01KB0C6Q2N5V8JX3W7T4R9M1ZF".to_owned(),
            title: say(title),
            subject: say(subject),
            actors: actors.iter().map(|it| say(it)).collect(),
            began: Moment(at(-40)),
            calls: 18,
            refused,
        };
        vec![
            line("dunning run 2026-11-22", "riley@acme.example", &["agent:dunning"], 2),
            line("", "mo@acme.example", &[], 0),
        ]
    }
}

const LINES_MAX: usize = 100;

impl Sample for SessionsPage {
    const NAME: &'static str = "sessions";

    fn samples(say: Say) -> Vec<Self> {
        let page = |subject: &str, sessions, older: Option<&str>, sees_all| Self {
            frame: frame("Sessions", Place::Sessions, say),
            subject: say(subject).plain(),
            sessions,
            older: older.map(str::to_owned),
            sees_all,
        };
        vec![
            page(
                "",
                Line::samples(say),
                Some("/console/sessions?before=ses_01KB0C6Q2N5V8JX3W7T4R9M1ZF"),
                true,
            ),
            page("mo@acme.example", Vec::new(), None, false),
        ]
    }
}
