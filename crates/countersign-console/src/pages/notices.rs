//! The inbox: what its reader was told, with a way to what it is about. Reading it works without any
//! other channel.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::Moment,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{INBOX, NOTICES_MAX, NoticeRow, NoticesListed};
use countersign_model::NoticeId;
use serde::Deserialize;

/// What the reader was told, newest first.
#[derive(Debug, Template)]
#[template(path = "notices.html")]
pub(crate) struct NoticesPage {
    frame: Frame,
    only_unread: bool,
    unread: u64,
    lines: Vec<Line>,
    /// The last one shown, if there may be older ones.
    older: Option<String>,
    sees_deliveries: bool,
}

/// A notice in the list.
#[derive(Debug)]
struct Line {
    id: String,
    heading: &'static str,
    title: Text,
    text: Text,
    link: String,
    made_at: Moment,
    is_unread: bool,
    /// Somebody else answered, or time did.
    is_over: bool,
}

/// Which notices to show.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    show: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    said: String,
}

/// `GET /console/notices`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let only_unread = asked.show == "unread";
    let listed = if only_unread { NoticesListed::Unread } else { NoticesListed::All };
    // A bookmark that is none shows the newest.
    let before: Option<NoticeId> = asked.before.parse().ok();
    let notices = console.governance().notices(&asker.actor, listed, before).await?;
    let full = u32::try_from(notices.len()).is_ok_and(|it| it >= NOTICES_MAX);
    let older = notices.last().filter(|_| full).map(|it| it.id.to_string());
    let notice = (asked.said == "read").then_some("Marked as read.");
    page(&NoticesPage {
        frame: Frame::new("Notices", Place::Elsewhere, asker.signed()).with_notice(notice),
        only_unread,
        unread: asker.unread,
        lines: notices.iter().map(Line::of).collect(),
        older,
        sees_deliveries: asker.actor.sees_everything(),
    })
}

/// `POST /console/notices/read`: all of them, or the one that the form names.
pub(crate) async fn read(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let id = match fields.text("id") {
        "" => None,
        id => Some(id.parse().map_err(|_| Problem::not_found("notice"))?),
    };
    console.governance().read_notices(&asker.actor, id).await?;
    Ok(Redirect::to(&format!("{INBOX}?said=read")).into_response())
}

/// `GET /console/notices/{id}`: to what it is about.
pub(crate) async fn open(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: NoticeId = id.parse().map_err(|_| Problem::not_found("notice"))?;
    let (notice, _) = console.governance().notice(&asker.actor, id).await?;
    Ok(Redirect::to(own_path(&notice.link)).into_response())
}

/// A path of this console; whatever else it is leads to the inbox.
fn own_path(link: &str) -> &str {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"/-._~?=&%".contains(&it);
    if link.starts_with("/console/") && link.bytes().all(plain) { link } else { INBOX }
}

impl Line {
    fn of(notice: &NoticeRow) -> Self {
        let is_over = notice.withdrawn_at.is_some();
        Self {
            id: notice.id.to_string(),
            heading: notice.kind.heading(),
            title: Text::line(notice.title.clone()),
            text: Text::block(notice.text.clone()),
            link: own_path(&notice.link).to_owned(),
            made_at: Moment(notice.made_at),
            is_unread: notice.read_at.is_none() && !is_over,
            is_over,
        }
    }
}

impl Sample for NoticesPage {
    const NAME: &'static str = "notices";

    fn samples(say: Say) -> Vec<Self> {
        let line = |minutes, is_unread, is_over| Line {
            id: "ntc_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            heading: "Calls that wait for an answer",
            title: say("riley@acme.example wants to call billing.refunds.create"),
            text: say("riley@acme.example, through agent:dunning, wants to call it.").into_block(),
            link: "/console/approvals/apr_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            made_at: Moment(at(minutes)),
            is_unread,
            is_over,
        };
        let page = |only_unread, unread, lines, older: Option<&str>| Self {
            frame: frame("Notices", Place::Elsewhere, say),
            only_unread,
            unread,
            lines,
            older: older.map(str::to_owned),
            sees_deliveries: true,
        };
        let lines = vec![line(3, true, false), line(2, false, false), line(1, false, true)];
        vec![
            page(false, 1, lines, Some("ntc_01KB0C6Q2N5V8JX3W7T4R9M1ZE")),
            page(true, 0, Vec::new(), None),
        ]
    }
}
