//! A reviewer's work list: what wants to be looked at most comes first, each item in one line of plain
//! words with what it rests on, and with what can be said about it. Every answer is a form; the script of
//! the page sends it without leaving the page, and answers to keys.

use crate::{
    asker::Asker,
    assets,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    reviews::{
        self,
        line::{Bar, Line, Seen, left},
        words,
    },
    samples::{Sample, Say, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_model::{
    Subject, Timestamp,
    review::{Campaign, Item, ReviewVerdict, item::UNDO_WITHIN, schedule::ReasonNeeded},
};
use serde::Deserialize;

/// What waits for its reader in one campaign.
#[derive(Debug, Template)]
#[template(path = "review_work.html")]
pub(crate) struct ReviewWorkPage {
    frame: Frame,
    campaign: String,
    /// Where a form leads back to.
    back: &'static str,
    title: Text,
    due: Moment,
    left: Option<String>,
    bar: Bar,
    lines: Vec<Line>,
    /// Items that wait and come before or after those that are shown.
    skipped: usize,
    more: usize,
    next_href: String,
    together: Option<Together>,
    /// What was just answered and can be undone.
    answered: Vec<Line>,
    may_sign: bool,
    script: &'static str,
}

/// The items that can be kept in one act.
#[derive(Debug)]
pub(crate) struct Together {
    count: usize,
    grants: String,
    lines: Vec<Text>,
    needs_reason: bool,
}

/// What just happened, and where the list begins.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    said: Option<String>,
    #[serde(default)]
    skip: usize,
}

/// `GET /console/reviews/{id}/work`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let view = reviews::campaign(&console, &asker, &id).await?;
    let campaign = &view.campaign;
    let me = asker.actor.subject();
    let mut mine = reviews::items_of(&console, &asker, campaign.id).await?;
    let of = count(mine.len());
    let now = console.now();
    let snapshot = console.governance().policy().load();
    let seen = Seen { campaign, snapshot: &snapshot, reader: me, now };
    let shown = |it: &Item| Line::of(it, &seen);
    let answered = just_answered(&mine, &view.campaign, me, now);
    let answered = answered.into_iter().map(shown).collect();
    mine.retain(|it| campaign.state.takes_answers() && it.waits_for(me));
    reviews::rank(&mut mine, me);
    let frame = Frame::new(title(&campaign.title), Place::Reviews, asker.signed());
    let skipped = wanted.skip.min(mine.len());
    let more = mine.len().saturating_sub(skipped).saturating_sub(LINES_SHOWN);
    page(&ReviewWorkPage {
        frame: frame.with_notice(super::review_acts::notice(wanted.said.as_deref())),
        campaign: campaign.id.to_string(),
        back: "work",
        title: Text::line(campaign.title.clone()),
        due: Moment(campaign.due_at),
        left: left(campaign.due_at, now),
        bar: Bar { done: of.saturating_sub(count(mine.len())), of },
        together: Together::of(&mine, &seen),
        next_href: format!("/console/reviews/{id}/work?skip={}", skipped + LINES_SHOWN),
        lines: mine.iter().skip(skipped).take(LINES_SHOWN).map(shown).collect(),
        skipped,
        more,
        answered,
        may_sign: mine.is_empty() && super::review_sign_off::may_sign_own(&view.campaign, of, me),
        script: &assets::REVIEWS.path,
    })
}

fn title(campaign: &str) -> String {
    Text::line(format!("{campaign} – your items")).plain()
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// What somebody answered within the time in which everything can be undone, the latest first.
fn just_answered<'i>(
    items: &'i [Item],
    campaign: &Campaign,
    reader: &Subject,
    now: Timestamp,
) -> Vec<&'i Item> {
    let at = |item: &Item| item.answers.iter().rev().find(|it| it.by == *reader).map(|it| it.at);
    let since = now.minus(UNDO_WITHIN);
    let mut found: Vec<&Item> = items
        .iter()
        .filter(|it| at(it).is_some_and(|at| at > since))
        .filter(|it| reviews::undo_until(it, campaign, reader).is_some_and(|until| until > now))
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(at(it)));
    found.truncate(ANSWERED_SHOWN);
    found
}

impl Together {
    fn of(waiting: &[Item], seen: &Seen<'_>) -> Option<Self> {
        let campaign = seen.campaign;
        let most = usize::try_from(campaign.rules.bulk_max).unwrap_or_default().min(TOGETHER_MAX);
        let plain: Vec<&Item> = waiting
            .iter()
            .filter(|it| reviews::is_plain(it, seen.version(it.grant)))
            .filter(|it| {
                campaign.rules.reason == ReasonNeeded::Always
                    || !reviews::needs_reason(it, campaign, &ReviewVerdict::Certify)
            })
            .take(most)
            .collect();
        if plain.len() < 2 {
            return None;
        }
        let named = plain.iter().map(|it| format!("{}:{}", it.grant, it.snapshot.grant.version));
        Some(Self {
            count: plain.len(),
            grants: named.collect::<Vec<_>>().join(" "),
            lines: plain.iter().map(|it| Text::line(words::line(it, seen.snapshot))).collect(),
            needs_reason: campaign.rules.reason == ReasonNeeded::Always,
        })
    }
}

/// Items of one page; the rest comes as these are answered.
const LINES_SHOWN: usize = 100;
const ANSWERED_SHOWN: usize = 10;
/// Items that a form names at most: it is no longer than the gate lets in.
const TOGETHER_MAX: usize = 500;

impl Sample for ReviewWorkPage {
    const NAME: &'static str = "review-work";

    fn samples(say: Say) -> Vec<Self> {
        let page = |lines, together, answered, may_sign, more| Self {
            frame: frame("Money functions – your items", Place::Reviews, say),
            campaign: Line::SAMPLE_CAMPAIGN.to_owned(),
            back: "work",
            title: say("Money functions, fourth quarter"),
            due: Moment(crate::samples::at(9_000)),
            left: Some("6 days".to_owned()),
            bar: Bar { done: 37, of: 200 },
            lines,
            skipped: 0,
            more,
            next_href: "/console/reviews/cmp_01KB0C6Q2N5V8JX3W7T4R9M1ZE/work?skip=100".to_owned(),
            together,
            answered,
            may_sign,
            script: &assets::REVIEWS.path,
        };
        let together = Together {
            count: 2,
            grants: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE:1".to_owned(),
            lines: vec![say("riley may call billing.invoices.list. Used 40 times in 90 days.")],
            needs_reason: true,
        };
        let answered = Line {
            state: Chip { label: "kept", tone: Tone::Good },
            may_answer: false,
            said: Some(say("You kept it: needed for dunning")),
            undo: Some(Moment(crate::samples::at(15))),
            ..Line::sample(say, "3")
        };
        let changed = Line {
            is_changed: true,
            changes: Vec::new(),
            reduction: None,
            ..Line::sample(say, "2")
        };
        vec![
            page(vec![Line::sample(say, "1"), changed], Some(together), vec![answered], false, 63),
            page(Vec::new(), None, Vec::new(), true, 0),
        ]
    }
}
