//! A campaign's page: how far it is, who is waited for, what it rests on, what changed since, and what its
//! owner and administrators can do with it.

use super::{
    review_sign_off,
    reviews::{self as list, CampaignLine},
};
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    reviews::{
        self,
        line::{self, Bar, left},
        words,
    },
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_governance::CampaignView;
use countersign_model::{
    GrantId, Snapshot,
    review::{
        AutomaticEnd, Campaign, CampaignState, Covers, Reviewed, ReviewerRule,
        campaign::{Addendum, Opening},
    },
};
use serde::Deserialize;

/// One campaign.
#[derive(Debug, Template)]
#[template(path = "review.html")]
pub(crate) struct ReviewPage {
    frame: Frame,
    id: String,
    title: Text,
    state: Chip,
    standing: Text,
    bar: Bar,
    due: Moment,
    left: Option<String>,
    grace: Moment,
    owner: Text,
    origin: Text,
    scope: Text,
    stages: Vec<Text>,
    opening: Option<OpeningFacts>,
    /// What became of items, and of open ones what is recommended.
    results: Vec<(&'static str, u64)>,
    open_by_advice: Vec<(&'static str, u64)>,
    open_high: u64,
    mine: u64,
    waits_for: Vec<(Text, u64)>,
    more_reviewers: usize,
    /// What its owner and who sees every grant are told beside.
    window: Option<Window>,
    sign_offs: Vec<Signed>,
    addenda: Vec<Added>,
    report: Option<String>,
    may_sign_own: bool,
    may_sign_all: bool,
    stop: Option<Stop>,
    extends: Option<&'static str>,
    may_add: bool,
}

#[derive(Debug)]
struct OpeningFacts {
    at: Moment,
    items: u64,
    epoch: u64,
    digest: String,
    excluded: Vec<(Text, u64)>,
}

/// What happened to grants in scope since the snapshot.
#[derive(Debug)]
struct Window {
    changed: Vec<(String, Text)>,
    more_changed: usize,
    made: Vec<(String, Text)>,
    more_made: usize,
}

#[derive(Debug)]
struct Signed {
    by: Text,
    at: Moment,
    what: Text,
    digest: String,
}

#[derive(Debug)]
struct Added {
    by: Text,
    at: Moment,
    about: Option<String>,
    text: Text,
}

/// An automatic end that waits for an administrator.
#[derive(Debug)]
struct Stop {
    would_end: u64,
    of: u64,
    at: Moment,
    may_confirm: bool,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    said: Option<String>,
}

/// `GET /console/reviews/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let view = reviews::campaign(&console, &asker, &id).await?;
    let title = Text::line(format!("{} – review", view.campaign.title)).plain();
    let notice = super::review_acts::notice(said.said.as_deref());
    let frame = Frame::new(title, Place::Reviews, asker.signed()).with_notice(notice);
    let mut shown = ReviewPage::of(frame, &view, &asker, &console);
    if list::sees_reviewers(&asker, &view.campaign.rules.owner) {
        (shown.waits_for, shown.more_reviewers) = list::waits_for(&view, REVIEWERS_SHOWN);
        shown.window = Some(window(&console, &asker, &view.campaign).await?);
    }
    page(&shown)
}

/// Grants that changed since the snapshot, and those that were made in the campaign's time (R1, R3).
async fn window(console: &Console, asker: &Asker, campaign: &Campaign) -> Result<Window, Problem> {
    let snapshot = console.governance().policy().load();
    let shown = u32::try_from(SHOWN).unwrap_or(u32::MAX);
    let found = console.governance().changed_items(&asker.actor, campaign.id, shown).await?;
    let changed = found.items.iter().map(|it| {
        let href = format!("/console/reviews/{}/items/{}", campaign.id, it.grant);
        (href, Text::line(words::line(it, &snapshot)))
    });
    let mut made = made_since(campaign, &snapshot);
    let more_made = made.len().saturating_sub(SHOWN);
    made.truncate(SHOWN);
    let more_changed = usize::try_from(found.more).unwrap_or(usize::MAX);
    Ok(Window { changed: changed.collect(), more_changed, made, more_made })
}

fn made_since(campaign: &Campaign, snapshot: &Snapshot) -> Vec<(String, Text)> {
    let Some(opening) = &campaign.opening else { return Vec::new() };
    let until = campaign.state.closed_at();
    let catalog = snapshot.catalog();
    let in_window = |it: &countersign_model::Grant| {
        it.made_at > opening.at
            && until.is_none_or(|until| it.made_at <= until)
            && campaign.scope.includes(&Reviewed::of(it, catalog), catalog)
    };
    let made = snapshot.grants().filter(|it| in_window(it));
    made.map(|it| {
        let what =
            format!("{}, made {} by {}: {}", it.holder, it.made_at.date(), it.made_by, it.reason);
        (format!("/console/grants/{}", it.id), Text::line(what))
    })
    .collect()
}

impl ReviewPage {
    fn of(frame: Frame, view: &CampaignView, asker: &Asker, console: &Console) -> Self {
        let (campaign, progress, now) = (&view.campaign, &view.progress, console.now());
        let line = CampaignLine::of(view, asker, now);
        let me = asker.actor.subject();
        let is_owner = *me == campaign.rules.owner && !asker.actor.is_auditor();
        let manages = is_owner || asker.actor.is_administrator();
        let counted = |of: &std::collections::BTreeMap<String, u64>| {
            of.iter().map(|(name, items)| (words::counted(name), *items)).collect::<Vec<_>>()
        };
        let mut results = counted(&progress.results);
        let named = [("suspended", progress.suspended), ("ended otherwise", progress.moot)];
        results.extend(named.into_iter().filter(|(_, items)| *items > 0));
        Self {
            frame,
            id: campaign.id.to_string(),
            title: line.title,
            state: line.state,
            standing: standing(campaign),
            bar: line.bar,
            due: line.due,
            left: left(campaign.due_at, now),
            grace: Moment(campaign.grace_until),
            owner: Text::of(&campaign.rules.owner),
            origin: Text::line(words::origin(&campaign.origin)),
            scope: Text::line(words::scope(&campaign.scope)),
            stages: stages(campaign),
            opening: campaign.opening.as_ref().map(OpeningFacts::of),
            results,
            open_by_advice: counted(&progress.open_by_advice),
            open_high: progress.open_high,
            mine: line.mine,
            waits_for: Vec::new(),
            more_reviewers: 0,
            window: None,
            sign_offs: campaign.sign_offs.iter().map(Signed::of).collect(),
            addenda: campaign.addenda.iter().map(|it| Added::of(it, campaign)).collect(),
            report: report(&campaign.state),
            may_sign_own: line.mine == 0 && review_sign_off::may_sign_own(campaign, 1, me),
            may_sign_all: is_owner && matches!(campaign.state, CampaignState::Closed { .. }),
            stop: Stop::of(campaign, asker),
            extends: extends(&campaign.state).filter(|_| manages),
            may_add: manages && campaign.state.closed_at().is_some(),
        }
    }
}

/// Which end can be moved, by its name in the form.
const fn extends(state: &CampaignState) -> Option<&'static str> {
    match state {
        CampaignState::Open => Some("due"),
        CampaignState::Grace { .. } => Some("grace"),
        CampaignState::Stopped { before: AutomaticEnd::Due, .. } => Some("due"),
        CampaignState::Stopped { before: AutomaticEnd::Grace, .. } => Some("grace"),
        CampaignState::Opening | CampaignState::Closed { .. } | CampaignState::SignedOff { .. } => {
            None
        }
    }
}

fn standing(campaign: &Campaign) -> Text {
    Text::line(match &campaign.state {
        CampaignState::Opening => "Its snapshot is being made.".to_owned(),
        CampaignState::Open => {
            format!("People decide until {}.", campaign.due_at.date())
        }
        CampaignState::Stopped { would_end, of, .. } => format!(
            "It is stopped: {would_end} of {of} active grants would end by themselves, which is more than \
             {} percent.",
            campaign.rules.breaker_percent
        ),
        CampaignState::Grace { .. } => format!(
            "The due date has passed. What nobody answered at high sensitivity is suspended, and ends on {}.",
            campaign.grace_until.date()
        ),
        CampaignState::Closed { at, .. } => {
            format!("Closed on {}; its owner has not signed it off yet.", at.date())
        }
        CampaignState::SignedOff { closed_at, at, .. } => {
            format!("Closed on {}, signed off on {}.", closed_at.date(), at.date())
        }
    })
}

fn stages(campaign: &Campaign) -> Vec<Text> {
    let rule = |it: &ReviewerRule| match it {
        ReviewerRule::Owner => "who owns every function of the grant".to_owned(),
        ReviewerRule::Sponsor => "the agent's sponsor".to_owned(),
        ReviewerRule::Manager => "the holder's manager".to_owned(),
        ReviewerRule::Group(group) => format!("members of {group}"),
        ReviewerRule::Person(subject) => subject.to_string(),
    };
    let stages = campaign.rules.stages.iter();
    stages
        .map(|it| {
            let who: Vec<String> = it.reviewers.iter().map(rule).collect();
            Text::line(format!("{}; {}", who.join(", or else "), words::mode(it.mode)))
        })
        .collect()
}

fn report(state: &CampaignState) -> Option<String> {
    match state {
        CampaignState::Closed { report, .. } | CampaignState::SignedOff { report, .. } => {
            Some(report.to_string())
        }
        CampaignState::Opening
        | CampaignState::Open
        | CampaignState::Stopped { .. }
        | CampaignState::Grace { .. } => None,
    }
}

impl OpeningFacts {
    fn of(opening: &Opening) -> Self {
        let excluded = opening.excluded.iter();
        Self {
            at: Moment(opening.at),
            items: opening.items,
            epoch: opening.epoch.0,
            digest: opening.digest.to_string(),
            excluded: excluded.map(|(why, grants)| (Text::line(why.clone()), *grants)).collect(),
        }
    }
}

impl Signed {
    fn of(sign_off: &countersign_model::review::SignOff) -> Self {
        let what = match sign_off.covers {
            Covers::Own => format!("their {} decisions", sign_off.items),
            Covers::Campaign => format!("all {} decisions of the campaign", sign_off.items),
        };
        let digest = sign_off.digest.to_string();
        Self { by: Text::of(&sign_off.by), at: Moment(sign_off.at), what: Text::line(what), digest }
    }
}

impl Added {
    fn of(addendum: &Addendum, campaign: &Campaign) -> Self {
        let page = |it: GrantId| format!("/console/reviews/{}/items/{it}", campaign.id);
        Self {
            by: Text::of(&addendum.by),
            at: Moment(addendum.at),
            about: addendum.grant.map(page),
            text: Text::line(addendum.text.clone()),
        }
    }
}

impl Stop {
    fn of(campaign: &Campaign, asker: &Asker) -> Option<Self> {
        match &campaign.state {
            CampaignState::Stopped { at, would_end, of, .. } => Some(Self {
                would_end: *would_end,
                of: *of,
                at: Moment(*at),
                may_confirm: asker.actor.is_administrator(),
            }),
            CampaignState::Opening
            | CampaignState::Open
            | CampaignState::Grace { .. }
            | CampaignState::Closed { .. }
            | CampaignState::SignedOff { .. } => None,
        }
    }
}

const REVIEWERS_SHOWN: usize = 50;
const SHOWN: usize = 50;

impl Sample for ReviewPage {
    const NAME: &'static str = "review";

    fn samples(say: Say) -> Vec<Self> {
        let digest = "3f7c1f0e5b9a".repeat(5);
        let page = |state: Chip, stop: Option<Stop>, over: bool| Self {
            frame: frame("Money functions – review", Place::Reviews, say),
            id: line::Line::SAMPLE_CAMPAIGN.to_owned(),
            title: say("Money functions, fourth quarter"),
            state,
            standing: say("People decide until 2026-12-14."),
            bar: Bar { done: 37, of: 200 },
            due: Moment(at(9_000)),
            left: (!over).then(|| "6 days".to_owned()),
            grace: Moment(at(19_000)),
            owner: say("olivia@acme.example"),
            origin: say("the schedule money, for 2026-12-01"),
            scope: say("active grants with the tag money"),
            stages: vec![say("who owns every function of the grant; one of them is enough")],
            opening: Some(OpeningFacts {
                at: Moment(at(-3_000)),
                items: 200,
                epoch: 41,
                digest: digest.clone(),
                excluded: vec![(say("not in scope"), 12)],
            }),
            results: vec![("kept", 30), ("revoked", 7)],
            open_by_advice: vec![("keep", 120), ("reduce", 43)],
            open_high: 12,
            mine: if over { 0 } else { 120 },
            waits_for: vec![(say("olivia@acme.example"), 120), (say("max@acme.example"), 43)],
            more_reviewers: 0,
            window: Some(Window {
                changed: vec![(
                    "/console/reviews/x".to_owned(),
                    say("agent:dunning may call more"),
                )],
                more_changed: 0,
                made: vec![("/console/grants/x".to_owned(), say("riley, made 2026-12-03"))],
                more_made: 3,
            }),
            sign_offs: vec![Signed {
                by: say("olivia@acme.example"),
                at: Moment(at(-20)),
                what: say("their 37 decisions"),
                digest: digest.clone(),
            }],
            addenda: vec![Added {
                by: say("olivia@acme.example"),
                at: Moment(at(-5)),
                about: Some("/console/reviews/x/items/y".to_owned()),
                text: say("It should have been reduced."),
            }],
            report: over.then(|| digest.clone()),
            may_sign_own: over,
            may_sign_all: over,
            extends: (!over).then_some("due"),
            may_add: over,
            stop,
        };
        let stop = Stop { would_end: 64, of: 200, at: Moment(at(-60)), may_confirm: true };
        vec![
            page(Chip { label: "open", tone: Tone::Wait }, None, false),
            page(Chip { label: "stopped", tone: Tone::Bad }, Some(stop), false),
            page(Chip { label: "closed", tone: Tone::Calm }, None, true),
        ]
    }
}
