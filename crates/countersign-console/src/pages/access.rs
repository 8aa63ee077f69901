//! Why somebody may call a function, or may not.

use super::function;
use crate::{
    api::access::Asked,
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
use countersign_governance::{AccessAnswer, GrantPathView};
use countersign_model::decide::{Depends, Reached, Through};

/// A question, and its answer.
#[derive(Debug, Template)]
#[template(path = "access.html")]
pub(crate) struct AccessPage {
    frame: Frame,
    subject: String,
    function: String,
    actors: String,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    subject: Text,
    function: Text,
    href: String,
    may: Chip,
    refused: Option<[Text; 2]>,
    until: Option<Moment>,
    links: Vec<Link>,
    conditions: Vec<Condition>,
    groups_as_of: Option<Moment>,
}

#[derive(Debug)]
struct Link {
    subject: Text,
    grants: Vec<Path>,
}

#[derive(Debug)]
struct Path {
    id: String,
    holder: Text,
    through: Text,
    state: Chip,
    why_not: Option<Text>,
    until: Option<Moment>,
    made_by: Text,
    reason: Text,
}

#[derive(Debug)]
struct Condition {
    sentence: Text,
    depends: &'static str,
}

/// `GET /console/access`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let answer = match asked.question() {
        Some(question) => {
            let answer = console.governance().explain_access(&asker.actor, question).await?;
            Some(Answer::of(&answer))
        }
        None => None,
    };
    let me = Text::of(asker.actor.subject()).plain();
    let subject = Text::line(asked.subject).plain();
    page(&AccessPage {
        frame: Frame::new("Who may call what", Place::Grants, asker.signed()),
        subject: if subject.is_empty() { me } else { subject },
        function: Text::line(asked.function).plain(),
        actors: Text::line(asked.actors).plain(),
        answer,
    })
}

impl Answer {
    fn of(it: &AccessAnswer) -> Self {
        let may = match &it.refused {
            None => Chip { label: "may", tone: Tone::Good },
            Some(refused) => Chip { label: refused.code, tone: Tone::Bad },
        };
        let refused = it.refused.as_ref();
        Self {
            subject: Text::of(&it.subject),
            function: Text::of(&it.function),
            href: function::href(&it.function),
            may,
            refused: refused
                .map(|it| [Text::line(it.sentence.clone()), Text::line(it.next_step.clone())]),
            until: it.until.map(Moment),
            links: it
                .links
                .iter()
                .map(|link| Link {
                    subject: Text::of(&link.subject),
                    grants: link.grants.iter().map(Path::of).collect(),
                })
                .collect(),
            conditions: it
                .conditions
                .iter()
                .map(|it| Condition {
                    sentence: Text::line(it.sentence.clone()),
                    depends: match it.depends_on {
                        Depends::Nothing => "each call",
                        Depends::Arguments => "by its arguments",
                        Depends::Token => "by its token",
                        Depends::Calls => "by earlier calls",
                    },
                })
                .collect(),
            groups_as_of: it.groups_as_of.map(Moment),
        }
    }
}

impl Path {
    fn of(it: &GrantPathView) -> Self {
        let through = match &it.through {
            Through::Own => "their own".to_owned(),
            Through::Group(group) => format!("in the group {group}"),
            Through::Told { group, directory } => {
                format!("in the group {group}, as the directory {directory} tells")
            }
        };
        let by = match &it.reached {
            Reached::Name => String::new(),
            Reached::Tag(tag) => format!(", by the tag {tag}"),
        };
        let (state, why_not) = match (&it.ended, &it.denied) {
            (Some(ended), _) => {
                let why = Text::line(crate::problem::sentence(ended));
                (Chip { label: "carries nothing", tone: Tone::Calm }, Some(why))
            }
            (None, Some(denial)) => {
                let why = Text::line(format!("Denied by {}: {}", denial.by, denial.why));
                (Chip { label: "denied", tone: Tone::Bad }, Some(why))
            }
            (None, None) => match it.freshness.as_str() {
                "fresh" => (Chip { label: "fresh", tone: Tone::Good }, None),
                "due" => (Chip { label: "due", tone: Tone::Wait }, None),
                _ => (Chip { label: "overdue", tone: Tone::Bad }, None),
            },
        };
        Self {
            id: it.grant.id.to_string(),
            holder: Text::of(&it.grant.holder),
            through: Text::line(format!("{through}{by}")),
            state,
            why_not,
            until: it.until.map(Moment),
            made_by: Text::of(&it.grant.made_by),
            reason: Text::line(it.grant.reason.clone()),
        }
    }
}

impl Sample for AccessPage {
    const NAME: &'static str = "access";

    fn samples(say: Say) -> Vec<Self> {
        let path = |why_not: Option<Text>| Path {
            id: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say("group:support"),
            through: say("in the group support, as the directory okta tells, by the tag money"),
            state: Chip { label: "due", tone: Tone::Wait },
            why_not,
            until: Some(Moment(at(4_000))),
            made_by: say("olga@acme.example"),
            reason: say("Refunds for complaints"),
        };
        let answer = |refused: Option<[Text; 2]>| Answer {
            subject: say("riley@acme.example"),
            function: say("billing.refunds.create"),
            href: function::href(&"billing.refunds.create".into()),
            may: Chip { label: "may", tone: Tone::Good },
            until: refused.is_none().then(|| Moment(at(9_000))),
            refused,
            links: vec![
                Link {
                    subject: say("riley@acme.example"),
                    grants: vec![path(None), path(Some(say("Denied by olga: moved on")))],
                },
                Link { subject: say("agent:dunning"), grants: vec![] },
            ],
            conditions: vec![Condition {
                sentence: say("Blocked where args.amount > 5000: too much"),
                depends: "by its arguments",
            }],
            groups_as_of: Some(Moment(at(-500))),
        };
        let page = |answer| Self {
            frame: frame("Who may call what", Place::Grants, say),
            subject: say("riley@acme.example").plain(),
            function: say("billing.refunds.create").plain(),
            actors: say("agent:dunning").plain(),
            answer,
        };
        let refused = [say("Riley is denied this."), say("Ask olga to lift it.")];
        vec![page(None), page(Some(answer(None))), page(Some(answer(Some(refused))))]
    }
}
