//! The items of a campaign that its reader may see, as a list to look through.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    reviews::{self, line::Line, words},
    samples::{Sample, Say, frame},
    text::Text,
    view::{self, Chip, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_governance::ItemFilter;
use countersign_model::{GrantId, Snapshot, review::Item};
use serde::Deserialize;

/// Items of one campaign.
#[derive(Debug, Template)]
#[template(path = "review_items.html")]
pub(crate) struct ReviewItemsPage {
    frame: Frame,
    campaign: String,
    title: Text,
    states: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Debug)]
struct Row {
    href: String,
    what: Text,
    sensitivity: Chip,
    advice: Chip,
    state: Chip,
    reviewers: Vec<Text>,
}

/// Which items.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    after: Option<GrantId>,
}

/// `GET /console/reviews/{id}/items`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign(&console, &asker, &id).await?.campaign;
    let is_result = RESULTS.iter().any(|it| *it == wanted.state);
    let named = (!wanted.state.is_empty()).then(|| wanted.state.clone());
    let filter = ItemFilter {
        campaign: Some(campaign.id),
        state: named.clone().filter(|_| !is_result),
        result: named.filter(|_| is_result),
        after: wanted.after.map(|it| (campaign.id, it)),
        limit: Some(ROWS_SHOWN),
        ..ItemFilter::default()
    };
    let found = console.governance().items(&asker.actor, &filter).await?;
    let snapshot = console.governance().policy().load();
    let title = Text::line(format!("{} – items", campaign.title)).plain();
    page(&ReviewItemsPage {
        frame: Frame::new(title, Place::Reviews, asker.signed()),
        campaign: campaign.id.to_string(),
        title: Text::line(campaign.title.clone()),
        states: STATES.map(|(name, label)| (name, label, name == wanted.state)).to_vec(),
        rows: found.items.iter().map(|it| Row::of(it, &snapshot)).collect(),
        next: found.next.map(|(_, last)| {
            let state = STATES.iter().find(|it| it.0 == wanted.state).map_or("", |it| it.0);
            format!("/console/reviews/{id}/items?state={state}&after={last}")
        }),
    })
}

impl Row {
    fn of(item: &Item, snapshot: &Snapshot) -> Self {
        Self {
            href: format!("/console/reviews/{}/items/{}", item.campaign, item.grant),
            what: Text::line(words::line(item, snapshot)),
            sensitivity: view::sensitivity(item.snapshot.sensitivity),
            advice: words::advice(item.snapshot.recommendation.advice),
            state: words::item_state(&item.state),
            reviewers: item.reviewers.iter().map(|it| Text::of(&it.subject)).collect(),
        }
    }
}

const ROWS_SHOWN: u32 = 100;
const RESULTS: [&str; 5] = ["certified", "reduced", "revoked", "not_reviewed", "ended_by_rule"];
const STATES: [(&str, &str); 9] = [
    ("", "any"),
    ("open", "open"),
    ("certified", "kept"),
    ("reduced", "reduced"),
    ("revoked", "revoked"),
    ("suspended", "suspended"),
    ("not_reviewed", "not reviewed"),
    ("ended_by_rule", "ended by rule"),
    ("moot", "ended otherwise"),
];

impl Sample for ReviewItemsPage {
    const NAME: &'static str = "review-items";

    fn samples(say: Say) -> Vec<Self> {
        let page = |rows, next| Self {
            frame: frame("Money functions – items", Place::Reviews, say),
            campaign: Line::SAMPLE_CAMPAIGN.to_owned(),
            title: say("Money functions, fourth quarter"),
            states: STATES.map(|(name, label)| (name, label, name == "open")).to_vec(),
            rows,
            next,
        };
        let line = Line::sample(say, "1");
        let row = Row {
            href: line.href,
            what: line.what,
            sensitivity: line.sensitivity,
            advice: line.advice,
            state: Chip { label: "open", tone: Tone::Wait },
            reviewers: vec![say("olivia@acme.example")],
        };
        vec![
            page(vec![row], Some("/console/reviews/x/items?after=y".to_owned())),
            page(vec![], None),
        ]
    }
}
