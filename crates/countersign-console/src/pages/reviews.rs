//! The list of campaigns: what waits for its reader first, then what runs, then what is over.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    reviews::{
        line::{Bar, left},
        words,
    },
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::{CampaignFilter, CampaignView};
use countersign_model::{Subject, Timestamp};

/// Campaigns in which the reader has a part.
#[derive(Debug, Template)]
#[template(path = "reviews.html")]
pub(crate) struct ReviewsPage {
    frame: Frame,
    /// Items that wait for the reader, over all campaigns.
    waiting: u64,
    running: Vec<CampaignLine>,
    over: Vec<CampaignLine>,
}

/// One campaign in a list.
#[derive(Debug)]
pub(crate) struct CampaignLine {
    pub(crate) href: String,
    pub(crate) title: Text,
    pub(crate) state: Chip,
    pub(crate) bar: Bar,
    pub(crate) due: Moment,
    /// The time until it is due, in words; `None` once that is over.
    pub(crate) left: Option<String>,
    /// Items of it that wait for the reader.
    pub(crate) mine: u64,
    /// Whose answers it waits for, for who may know.
    pub(crate) waits_for: Vec<(Text, u64)>,
    pub(crate) more_reviewers: usize,
}

/// `GET /console/reviews`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let now = console.now();
    let found = campaigns(&console, &asker).await?;
    let (running, over): (Vec<_>, Vec<_>) =
        found.iter().partition(|it| it.campaign.state.closed_at().is_none());
    let lines = |of: Vec<&CampaignView>| {
        of.into_iter().map(|it| CampaignLine::of(it, &asker, now)).collect::<Vec<_>>()
    };
    page(&ReviewsPage {
        frame: Frame::new("Reviews", Place::Reviews, asker.signed()),
        waiting: console.governance().reviews_waiting_for(asker.actor.subject()).await?,
        running: lines(running),
        over: lines(over),
    })
}

/// Campaigns in which an asker has a part, those that wait for them first.
pub(crate) async fn campaigns(
    console: &Console,
    asker: &Asker,
) -> Result<Vec<CampaignView>, Problem> {
    let filter = CampaignFilter::default();
    let mut found = console.governance().campaigns(&asker.actor, &filter).await?;
    let me = asker.actor.subject();
    found.sort_by_key(|it| (!it.waits_for.contains_key(me), it.campaign.due_at));
    Ok(found)
}

/// Whether an asker may know whose answers a campaign waits for.
pub(crate) fn sees_reviewers(asker: &Asker, owner: &Subject) -> bool {
    asker.actor.sees_grants() || asker.actor.subject() == owner
}

/// How much of a campaign is done.
pub(crate) fn bar(view: &CampaignView) -> Bar {
    let progress = &view.progress;
    let waits = progress.open.saturating_add(progress.suspended);
    Bar { done: progress.items.saturating_sub(waits), of: progress.items }
}

/// Whose answers a campaign waits for, the most first, and how many people are not named.
pub(crate) fn waits_for(view: &CampaignView, named: usize) -> (Vec<(Text, u64)>, usize) {
    let mut all: Vec<_> = view.waits_for.iter().collect();
    all.sort_by_key(|(_, items)| std::cmp::Reverse(**items));
    let more = all.len().saturating_sub(named);
    let shown = all.into_iter().take(named);
    (shown.map(|(who, items)| (Text::of(who), *items)).collect(), more)
}

impl CampaignLine {
    pub(crate) fn of(view: &CampaignView, asker: &Asker, now: Timestamp) -> Self {
        let campaign = &view.campaign;
        let (waits_for, more_reviewers) = if sees_reviewers(asker, &campaign.rules.owner) {
            waits_for(view, NAMED)
        } else {
            (Vec::new(), 0)
        };
        Self {
            href: words::href(campaign.id),
            title: Text::line(campaign.title.clone()),
            state: words::campaign_state(&campaign.state),
            bar: bar(view),
            due: Moment(campaign.due_at),
            left: left(campaign.due_at, now).filter(|_| campaign.state.closed_at().is_none()),
            mine: view.waits_for.get(asker.actor.subject()).copied().unwrap_or_default(),
            waits_for,
            more_reviewers,
        }
    }

    pub(crate) fn sample(say: Say, state: Chip, mine: u64) -> Self {
        Self {
            href: "/console/reviews/cmp_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            title: say("Money functions, fourth quarter"),
            state,
            bar: Bar { done: 37, of: 200 },
            due: Moment(at(9_000)),
            left: Some("6 days".to_owned()),
            mine,
            waits_for: vec![(say("olivia@acme.example"), 120), (say("max@acme.example"), 43)],
            more_reviewers: 2,
        }
    }
}

const NAMED: usize = 5;

impl Sample for ReviewsPage {
    const NAME: &'static str = "reviews";

    fn samples(say: Say) -> Vec<Self> {
        let page = |waiting, running, over| Self {
            frame: frame("Reviews", Place::Reviews, say),
            waiting,
            running,
            over,
        };
        let line = |label, tone, mine| CampaignLine::sample(say, Chip { label, tone }, mine);
        let late = CampaignLine { left: None, ..line("past due", Tone::Bad, 1) };
        vec![
            page(
                121,
                vec![line("open", Tone::Wait, 120), late],
                vec![line("signed off", Tone::Good, 0)],
            ),
            page(0, Vec::new(), Vec::new()),
        ]
    }
}
