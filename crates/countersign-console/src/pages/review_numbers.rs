//! The numbers of access reviews: charts that need no script, each with the table that it was drawn from.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use countersign_governance::{
    CampaignNumbers, GrantNumbers, Histogram, HistogramBar, ReviewNumbers, ReviewerNumbers, Sign,
};
use countersign_model::{CampaignId, Entropy};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The numbers.
#[derive(Debug, Template)]
#[template(path = "review_numbers.html")]
pub(crate) struct ReviewNumbersPage {
    frame: Frame,
    counted_at: Moment,
    campaigns: Vec<CampaignRow>,
    charts: Vec<Chart>,
    reviewers: Vec<ReviewerRow>,
    grants: Option<Grants>,
}

/// A campaign in the table.
#[derive(Debug)]
struct CampaignRow {
    href: String,
    title: Text,
    state: Chip,
    opened: Option<Moment>,
    due: Moment,
    items: u64,
    done: String,
    overdue: u64,
    results: String,
    against: u64,
    revoked: String,
    time: String,
}

/// A reviewer in the table.
#[derive(Debug)]
struct ReviewerRow {
    reviewer: Text,
    waits: u64,
    answers: u64,
    kept: String,
    together: String,
    seen: String,
    against: u64,
    signs: Vec<&'static str>,
}

/// All grants.
#[derive(Debug)]
struct Grants {
    facts: Vec<(&'static str, u64)>,
    charts: Vec<Chart>,
}

/// Bars that lie, one below the other: label, bar, number.
#[derive(Debug)]
struct Chart {
    id: &'static str,
    heading: &'static str,
    /// What it shows, in one sentence for who does not see it.
    says: String,
    height: u32,
    bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
struct Bar {
    label: String,
    value: String,
    /// From the top of the chart.
    y: u32,
    /// Where its texts stand.
    base: u32,
    width: u32,
    /// Where the number stands, behind the bar.
    end: u32,
}

/// Of which campaign; of the newest ones when absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Of {
    campaign: Option<CampaignId>,
}

/// `GET /console/reviews/numbers`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(of): Query<Of>,
) -> Result<Response, Problem> {
    let numbers = console.governance().review_numbers(&asker.actor, of.campaign).await?;
    let frame = Frame::new("Numbers of access reviews", Place::Elsewhere, asker.signed());
    page(&ReviewNumbersPage::new(frame, &numbers, |it| Text::line(it)))
}

impl ReviewNumbersPage {
    fn new(frame: Frame, numbers: &ReviewNumbers, say: Say) -> Self {
        let ReviewNumbers { at, campaigns, reviewers, grants } = numbers;
        // Oldest first: time goes down the chart.
        let bars = |value: &dyn Fn(&CampaignNumbers) -> Option<u64>| {
            let shown = campaigns.iter().rev().filter_map(|it| Some((say(&it.title), value(it)?)));
            shown.map(|(label, it)| (label, it, format!("{it} %"))).collect::<Vec<_>>()
        };
        let done = Chart::of(
            ("chart-done", "Decided"),
            "Share of items that are decided, by campaign, oldest first.",
            bars(&|it| Some(it.done_percent)),
            100,
        );
        let revoked = Chart::of(
            ("chart-revoked", "Ended or narrowed by people"),
            "Share of people's decisions that ended or narrowed a grant, by campaign, oldest first.",
            bars(&|it| it.revoked_percent),
            100,
        );
        Self {
            frame,
            counted_at: Moment(*at),
            charts: [done, revoked].into_iter().filter(|it| !it.bars.is_empty()).collect(),
            campaigns: campaigns.iter().map(|it| CampaignRow::of(it, say)).collect(),
            reviewers: reviewers.iter().map(|it| ReviewerRow::of(it, say)).collect(),
            grants: grants.as_ref().map(Grants::of),
        }
    }
}

impl CampaignRow {
    fn of(it: &CampaignNumbers, say: Say) -> Self {
        let results: Vec<String> =
            it.results.iter().map(|(name, count)| format!("{} {count}", words(name))).collect();
        Self {
            href: format!("/console/reviews/{}", it.id),
            title: say(&it.title),
            state: state(it.state),
            opened: it.opened_at.map(Moment),
            due: Moment(it.due_at),
            items: it.items,
            done: format!("{} %", it.done_percent),
            overdue: it.overdue,
            results: results.join(", "),
            against: it.against,
            revoked: percent(it.revoked_percent),
            time: it.hours_to_decide.map_or_else(dash, hours),
        }
    }
}

impl ReviewerRow {
    fn of(it: &ReviewerNumbers, say: Say) -> Self {
        Self {
            reviewer: say(it.reviewer.as_str()),
            waits: it.waits,
            answers: it.answers,
            kept: percent(it.kept_percent),
            together: percent(it.together_percent),
            seen: it.seen_ms.map_or_else(dash, |ms| format!("{} s", ms / 1000)),
            against: it.against,
            signs: it.signs.iter().map(|it| sign(*it)).collect(),
        }
    }
}

impl Grants {
    fn of(it: &GrantNumbers) -> Self {
        let most = it.age.0.iter().map(|it| it.count).max().unwrap_or(0);
        let bars = it.age.0.iter();
        let bars = bars.map(|it| (Text::line(it.label), it.count, it.count.to_string())).collect();
        Self {
            facts: vec![
                ("Active grants", it.active),
                ("Suspended", it.suspended),
                ("Never certified", it.never_certified),
                ("Certification lapsed", it.overdue),
                ("Certification lapses soon", it.due),
                ("End within 30 days", it.expiring),
                ("Not used in 90 days", it.unused),
                ("Use not known yet", it.unknown_use),
            ],
            charts: vec![Chart::of(("chart-age", "By age"), "Active grants by age.", bars, most)],
        }
    }
}

impl Chart {
    fn of(
        (id, heading): (&'static str, &'static str),
        what: &str,
        rows: Vec<(Text, u64, String)>,
        most: u64,
    ) -> Self {
        let named: Vec<String> =
            rows.iter().map(|(label, _, value)| format!("{}: {value}", label.plain())).collect();
        let bars: Vec<Bar> = rows
            .into_iter()
            .zip((0_u32..).step_by(usize::try_from(BAR_STEP).unwrap_or(1)))
            .map(|((label, count, value), y)| {
                let width = width(count, most);
                let (base, end) = (y.saturating_add(BAR_BASE), width.saturating_add(BAR_END));
                Bar { label: short(&label), value, y, base, width, end }
            })
            .collect();
        let height = u32::try_from(bars.len()).unwrap_or(0).saturating_mul(BAR_STEP);
        Self {
            id,
            heading,
            says: format!("{what} {}", named.join("; ")),
            height: height.max(1),
            bars,
        }
    }
}

/// A label that does not reach into its bar.
fn short(label: &Text) -> String {
    let whole = label.plain();
    match whole.char_indices().nth(LABEL_CHARS_MAX) {
        None => whole,
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
    }
}

/// How wide a bar is; what is there is seen.
fn width(count: u64, most: u64) -> u32 {
    let wide = u64::from(BAR_WIDTH_MAX).saturating_mul(count).checked_div(most).unwrap_or(0);
    let wide = u32::try_from(wide).unwrap_or(BAR_WIDTH_MAX).min(BAR_WIDTH_MAX);
    if count > 0 { wide.max(2) } else { 0 }
}

fn state(name: &str) -> Chip {
    let (label, tone) = match name {
        "opening" => ("opening", Tone::Calm),
        "open" => ("open", Tone::Wait),
        "stopped" => ("stopped", Tone::Bad),
        "grace" => ("grace", Tone::Bad),
        "closed" => ("closed", Tone::Wait),
        _ => ("signed off", Tone::Good),
    };
    Chip { label, tone }
}

fn sign(of: Sign) -> &'static str {
    match of {
        Sign::KeepsAll => "keeps nearly everything",
        Sign::LooksBriefly => "looks for less than 3 s",
        Sign::AnswersInBulk => "answers nearly all in bulk",
    }
}

fn percent(of: Option<u64>) -> String {
    of.map_or_else(dash, |it| format!("{it} %"))
}

fn hours(count: u64) -> String {
    if count < 48 { format!("{count} h") } else { format!("{} days", count / 24) }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn dash() -> String {
    "–".to_owned()
}

impl Sample for ReviewNumbersPage {
    const NAME: &'static str = "review-numbers";

    fn samples(say: Say) -> Vec<Self> {
        let campaign = |title: &str, state, done, revoked| CampaignNumbers {
            id: CampaignId::new(at(0), &Entropy::new(|_| {})),
            title: title.to_owned(),
            state,
            opened_at: Some(at(-9_000)),
            due_at: at(2_000),
            closed_at: None,
            signed_off_at: None,
            items: 240,
            done: 200,
            done_percent: done,
            overdue: 3,
            results: BTreeMap::from([
                ("certified".to_owned(), 180),
                ("not_reviewed".to_owned(), 20),
            ]),
            in_time: 150,
            against: 4,
            revoked_percent: revoked,
            hours_to_decide: Some(70),
        };
        let reviewer = |name: &str, signs| ReviewerNumbers {
            reviewer: name.into(),
            waits: 12,
            answers: 80,
            kept: 79,
            reduced: 1,
            revoked: 0,
            kept_percent: Some(98),
            together_percent: Some(90),
            seen_ms: Some(1_400),
            against: 0,
            signs,
        };
        let bar = |label, count| HistogramBar { label, count };
        let grants = GrantNumbers {
            active: 1_200,
            suspended: 2,
            never_certified: 40,
            due: 30,
            overdue: 12,
            expiring: 8,
            unused: 210,
            unknown_use: 100,
            age: Histogram(vec![bar("under 30 days", 90), bar("1 to 2 years", 400)]),
        };
        let whole = ReviewNumbers {
            at: at(0),
            campaigns: vec![
                campaign("Quarter 2", "open", 83, Some(6)),
                campaign("Quarter 1", "signed_off", 100, None),
            ],
            reviewers: vec![
                reviewer("stan@acme.example", vec![Sign::KeepsAll, Sign::AnswersInBulk]),
                reviewer("carl@acme.example", vec![]),
            ],
            grants: Some(grants),
        };
        let nothing =
            ReviewNumbers { at: at(0), campaigns: vec![], reviewers: vec![], grants: None };
        let page = |numbers: &ReviewNumbers| {
            Self::new(frame("Numbers of access reviews", Place::Elsewhere, say), numbers, say)
        };
        vec![page(&whole), page(&nothing)]
    }
}

const BAR_STEP: u32 = 26;
/// From the top of a bar to the base of its texts.
const BAR_BASE: u32 = 16;
const BAR_WIDTH_MAX: u32 = 320;
/// Where a bar of no width ends, with some room.
const BAR_END: u32 = 238;
const LABEL_CHARS_MAX: usize = 28;
