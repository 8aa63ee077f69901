//! What became of what people were told, for administrators and auditors: over which channel, and what
//! the channel said.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Second, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use countersign_governance::{DeliveryQuery, DeliveryRow, DeliveryState, NOTICES_MAX};
use serde::Deserialize;

/// Deliveries, newest first.
#[derive(Debug, Template)]
#[template(path = "notice_deliveries.html")]
pub(crate) struct NoticeDeliveriesPage {
    frame: Frame,
    state: &'static str,
    states: Vec<&'static str>,
    lines: Vec<DeliveryLine>,
    older: Option<String>,
}

/// A delivery in a list.
#[derive(Debug)]
pub(crate) struct DeliveryLine {
    pub(crate) id: String,
    pub(crate) channel: Text,
    pub(crate) to: Option<Text>,
    pub(crate) state: Chip,
    pub(crate) attempts: u32,
    pub(crate) made_at: Second,
    /// When it ended; when it is tried next, if it failed.
    pub(crate) ended_at: Option<Second>,
    pub(crate) next_at: Option<Moment>,
    pub(crate) error: Text,
    pub(crate) answer: Text,
}

/// Which deliveries to show.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

/// `GET /console/notices/deliveries`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let state = DeliveryState::named(&asked.state);
    let before = asked.before.parse().ok();
    let query = DeliveryQuery { notice: None, state, before, limit: NOTICES_MAX };
    let rows = console.governance().deliveries(&asker.actor, &query).await?;
    let full = u32::try_from(rows.len()).is_ok_and(|it| it >= NOTICES_MAX);
    page(&NoticeDeliveriesPage {
        frame: Frame::new("Deliveries of notices", Place::Elsewhere, asker.signed()),
        state: state.map_or("", DeliveryState::name),
        states: DeliveryState::ALL.map(DeliveryState::name).to_vec(),
        older: rows.last().filter(|_| full).map(|it| it.id.to_string()),
        lines: rows.iter().map(DeliveryLine::of).collect(),
    })
}

impl DeliveryLine {
    pub(crate) fn of(row: &DeliveryRow) -> Self {
        let failed = row.state == DeliveryState::Failed;
        Self {
            id: row.id.to_string(),
            channel: Text::of(&row.channel),
            to: row.to.as_ref().map(Text::of),
            state: chip(row.state),
            attempts: row.attempts,
            made_at: Second(row.made_at),
            ended_at: row.ended_at.map(Second),
            next_at: failed.then_some(Moment(row.next_at)),
            error: Text::line(row.error.clone()),
            answer: Text::line(row.answer.clone()),
        }
    }

    pub(crate) fn made_up(say: Say) -> Vec<Self> {
        let line = |state, to: Option<&str>, error: &str, answer: &str| Self {
            id: "dlv_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            channel: say("email"),
            to: to.map(say),
            state: chip(state),
            attempts: 2,
            made_at: Second(at(0)),
            ended_at: state.is_end().then_some(Second(at(1))),
            next_at: (state == DeliveryState::Failed).then_some(Moment(at(3))),
            error: if error.is_empty() { Text::default() } else { say(error) },
            answer: say(answer),
        };
        vec![
            line(DeliveryState::Sent, Some("olga@acme.example"), "", "250 2.0.0 Ok: queued"),
            line(DeliveryState::Failed, None, "it does not take the message now", "503"),
            line(DeliveryState::GivenUp, Some("riley"), "no address is known", "550"),
            line(DeliveryState::Withdrawn, None, "", "none"),
        ]
    }
}

fn chip(state: DeliveryState) -> Chip {
    let (label, tone) = match state {
        DeliveryState::Queued => ("queued", Tone::Calm),
        DeliveryState::Sending => ("sending", Tone::Wait),
        DeliveryState::Sent => ("sent", Tone::Good),
        DeliveryState::Failed => ("failed, tried again", Tone::Wait),
        DeliveryState::GivenUp => ("given up", Tone::Bad),
        DeliveryState::Withdrawn => ("withdrawn", Tone::Calm),
    };
    Chip { label, tone }
}

impl Sample for NoticeDeliveriesPage {
    const NAME: &'static str = "notice-deliveries";

    fn samples(say: Say) -> Vec<Self> {
        let page = |lines| Self {
            frame: frame("Deliveries of notices", Place::Elsewhere, say),
            state: "",
            states: DeliveryState::ALL.map(DeliveryState::name).to_vec(),
            lines,
            older: None,
        };
        vec![page(DeliveryLine::made_up(say)), page(Vec::new())]
    }
}
