//! Review schedules: when campaigns open, which grants they review, who would review how many, and which
//! grants nobody could.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    people,
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Moment, span_words},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::{ReviewerLoad, ScheduleView};
use countersign_model::review::schedule::Stage;

/// All schedules.
#[derive(Debug, Template)]
#[template(path = "schedules.html")]
pub(crate) struct SchedulesPage {
    frame: Frame,
    schedules: Vec<Facts>,
}

#[derive(Debug)]
struct Facts {
    name: Text,
    title: Text,
    scope: Text,
    every: String,
    zone: Text,
    owner: Text,
    fallback: Vec<Text>,
    stages: Vec<Text>,
    duration: String,
    grace: String,
    next: Vec<(Text, Moment, Moment)>,
    grants: u64,
    reviewers: Vec<Load>,
    more: u64,
    to_fallback: u64,
    without: u64,
    without_some: Vec<String>,
}

#[derive(Debug)]
struct Load {
    href: Option<String>,
    subject: Text,
    why: Text,
    grants: u64,
}

/// `GET /console/reviews/schedules`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let schedules = console.governance().review_schedules().await?;
    page(&SchedulesPage {
        frame: Frame::new("Review schedules", Place::Reviews, asker.signed()),
        schedules: schedules.into_iter().map(Facts::of).collect(),
    })
}

impl Facts {
    fn of(view: ScheduleView) -> Self {
        let rules = &view.schedule.rules;
        let recurrence = &view.schedule.recurrence;
        let next = view.next.into_iter();
        Self {
            name: Text::line(view.schedule.name.clone()),
            title: Text::line(view.schedule.title.clone()),
            scope: Text::line(view.scope),
            every: every(recurrence.months),
            zone: Text::line(format!("{} {}", recurrence.at, recurrence.time_zone)),
            owner: Text::of(&rules.owner),
            fallback: rules.fallback.iter().map(Text::of).collect(),
            stages: rules.stages.iter().map(stage).collect(),
            duration: span_words(rules.duration),
            grace: span_words(rules.grace),
            next: next
                .map(|it| (Text::line(it.date), Moment(it.opens_at), Moment(it.due_at)))
                .collect(),
            grants: view.grants,
            reviewers: view.reviewers.iter().map(Load::of).collect(),
            more: view.reviewers_more,
            to_fallback: view.to_fallback,
            without: view.without,
            without_some: view.without_some.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Load {
    fn of(load: &ReviewerLoad) -> Self {
        Self {
            href: people::href(&load.subject),
            subject: Text::of(&load.subject),
            why: Text::line(load.why.clone()),
            grants: load.grants,
        }
    }
}

fn stage(stage: &Stage) -> Text {
    let names: Vec<String> = stage.reviewers.iter().map(ToString::to_string).collect();
    Text::line(format!("{} of {}", stage.mode, names.join(", ")))
}

fn every(months: u8) -> String {
    match months {
        1 => "every month".to_owned(),
        3 => "every quarter".to_owned(),
        6 => "every half year".to_owned(),
        12 => "every year".to_owned(),
        months => format!("every {months} months"),
    }
}

impl Sample for SchedulesPage {
    const NAME: &'static str = "schedules";

    fn samples(say: Say) -> Vec<Self> {
        let load = |name: &str, why: &str, grants| Load {
            href: Some("/console/people/olga@acme.example".to_owned()),
            subject: say(name),
            why: say(why),
            grants,
        };
        let schedule = |without, to_fallback| Facts {
            name: say("high-quarterly"),
            title: say("Quarterly review of high sensitivity"),
            scope: say("grants that reach high sensitivity"),
            every: every(3),
            zone: say("09:00 Europe/Berlin"),
            owner: say("sam@acme.example"),
            fallback: vec![say("amir@acme.example")],
            stages: vec![say("any one of owner, manager"), say("2 people of group:risk")],
            duration: "21 days".to_owned(),
            grace: "7 days".to_owned(),
            next: vec![(say("2027-01-15"), Moment(at(60_000)), Moment(at(90_000)))],
            grants: 412,
            reviewers: vec![
                load("olga@acme.example", "owner", 380),
                load("amir@acme.example", "fallback", 30),
            ],
            more: 3,
            to_fallback,
            without,
            without_some: vec!["grt_01KB0C6Q2N5V8JX3W7T4R9M1ZF".to_owned()],
        };
        let page =
            |schedules| Self { frame: frame("Review schedules", Place::Reviews, say), schedules };
        vec![page(vec![schedule(2, 30), schedule(0, 0)]), page(Vec::new())]
    }
}
