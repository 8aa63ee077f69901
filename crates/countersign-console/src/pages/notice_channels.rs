//! Over which channels the reader is told, and a try whether they arrive.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    pages::notice_deliveries::DeliveryLine,
    problem::Problem,
    samples::{Sample, Say, frame},
    text::Text,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{NoticeChoice, Reach};
use countersign_model::NoticeId;
use serde::Deserialize;

/// The channels, and what the reader chose.
#[derive(Debug, Template)]
#[template(path = "notice_channels.html")]
pub(crate) struct NoticeChannelsPage {
    frame: Frame,
    email: Text,
    may_change: bool,
    choices: Vec<ChoiceLine>,
    others: Vec<OtherLine>,
    /// What became of a test.
    tried: Vec<DeliveryLine>,
    was_tried: bool,
    test: String,
}

/// A channel that people choose.
#[derive(Debug)]
struct ChoiceLine {
    name: Text,
    now: bool,
    digest: bool,
}

/// A channel that nobody chooses for themselves.
#[derive(Debug)]
struct OtherLine {
    name: Text,
    what: &'static str,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    said: String,
    #[serde(default)]
    test: String,
}

/// `GET /console/notices/channels`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let governance = console.governance();
    let choice = governance.notice_choice(&asker.actor).await?;
    let test: Option<NoticeId> = said.test.parse().ok();
    let tried = match test {
        None => Vec::new(),
        Some(id) => governance.notice(&asker.actor, id).await?.1,
    };
    let others = governance.notice_channels().iter().filter_map(|it| {
        let what = match it.reach {
            Reach::Person => return None,
            Reach::Room => "a room, which is told what can't wait",
            Reach::Program => "a program, which is told everything at once",
        };
        Some(OtherLine { name: Text::of(&it.name), what })
    });
    let notice = (said.said == "chosen").then_some("Chosen.");
    page(&NoticeChannelsPage {
        frame: Frame::new("How you are told", Place::Elsewhere, asker.signed()).with_notice(notice),
        email: Text::line(governance.notice_address(&asker.actor).await?),
        may_change: !asker.actor.is_auditor(),
        choices: (governance.chosen_channels())
            .map(|it| ChoiceLine {
                name: Text::of(&it.name),
                now: choice.now.contains(&it.name),
                digest: choice.digest.contains(&it.name),
            })
            .collect(),
        others: others.collect(),
        tried: tried.iter().map(DeliveryLine::of).collect(),
        was_tried: test.is_some(),
        test: test.map_or_else(String::new, |it| it.to_string()),
    })
}

/// `POST /console/notices/channels`.
pub(crate) async fn choose(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let governance = console.governance();
    let chosen = |what: &str| {
        let names = governance.chosen_channels().map(|it| it.name.clone());
        names.filter(|it| fields.text(&format!("{what}:{it}")) == "yes").collect()
    };
    let choice = NoticeChoice { now: chosen("now"), digest: chosen("digest") };
    governance.choose_channels(&asker.actor, &choice).await?;
    Ok(Redirect::to("/console/notices/channels?said=chosen").into_response())
}

/// `POST /console/notices/test`: to oneself.
pub(crate) async fn test(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let notice = console.governance().test_notice(&asker.actor, asker.actor.subject()).await?;
    let page = format!("/console/notices/channels?test={}", notice.id);
    Ok(Redirect::to(&page).into_response())
}

impl Sample for NoticeChannelsPage {
    const NAME: &'static str = "notice-channels";

    fn samples(say: Say) -> Vec<Self> {
        let page = |choices, others, tried: Vec<DeliveryLine>, email: Text| Self {
            frame: frame("How you are told", Place::Elsewhere, say),
            email,
            may_change: true,
            choices,
            others,
            was_tried: !tried.is_empty(),
            tried,
            test: String::new(),
        };
        let choice = |name, now, digest| ChoiceLine { name: say(name), now, digest };
        let other = |name, what| OtherLine { name: say(name), what };
        vec![
            page(
                vec![choice("email", true, true), choice("slack", true, false)],
                vec![other("teams", "a room, which is told what can't wait")],
                DeliveryLine::made_up(say),
                say("olga@acme.example"),
            ),
            page(Vec::new(), Vec::new(), Vec::new(), Text::default()),
        ]
    }
}
