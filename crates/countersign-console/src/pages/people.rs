//! The list of people: found by a word of their name, subject or address, a page at a time.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    people::{self, Filter},
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
use countersign_governance::{FIND_CHARS_MAX, KnownFrom, PersonLine, PersonStanding};
use std::collections::BTreeSet;

/// A page of people.
#[derive(Debug, Template)]
#[template(path = "people.html")]
pub(crate) struct PeoplePage {
    frame: Frame,
    find: String,
    people: Vec<Line>,
    next: Option<String>,
    first: String,
    /// Whether it is not the first page.
    is_later: bool,
}

/// A person in the list.
#[derive(Debug)]
struct Line {
    href: Option<String>,
    name: Text,
    subject: Text,
    email: Text,
    provider: Text,
    known: String,
    standing: Chip,
    since: Option<Moment>,
    seen: Option<Moment>,
}

/// `GET /console/people`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let filter = Filter { find: filter.find.chars().take(FIND_CHARS_MAX).collect(), ..filter };
    let found = people::list(&console, &filter).await?;
    let first = format!("/console/people?find={}", people::encode(filter.find.trim()));
    let next = found.next.as_ref().map(|it| format!("{first}&after={}", people::bookmark(it)));
    page(&PeoplePage {
        frame: Frame::new("People", Place::People, asker.signed()),
        find: Text::line(filter.find.trim()).plain(),
        people: found.people.iter().map(Line::of).collect(),
        next,
        first,
        is_later: filter.after.is_some_and(|it| !it.is_empty()),
    })
}

impl Line {
    fn of(person: &PersonLine) -> Self {
        Self {
            href: people::href(&person.subject),
            name: Text::line(person.name.clone()),
            subject: Text::of(&person.subject),
            email: Text::line(person.email.clone()),
            provider: Text::line(person.provider.clone()),
            known: known(&person.known_from),
            standing: standing(person.standing),
            since: since(person),
            seen: person.seen_at.map(Moment),
        }
    }
}

/// From where somebody is known, in words.
pub(crate) fn known(from: &BTreeSet<KnownFrom>) -> String {
    let words = from.iter().map(|it| match it {
        KnownFrom::SignIn => "sign-in",
        KnownFrom::Directory => "directory",
        KnownFrom::Grant => "grant",
        KnownFrom::Catalog => "catalog",
    });
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "earlier facts only".to_owned() } else { words.join(", ") }
}

/// Whether somebody may do anything here, in a word.
pub(crate) fn standing(of: PersonStanding) -> Chip {
    match of {
        PersonStanding::Active => Chip { label: "active", tone: Tone::Good },
        PersonStanding::Suspended => Chip { label: "suspended", tone: Tone::Bad },
        PersonStanding::Deactivated => Chip { label: "deactivated", tone: Tone::Bad },
    }
}

/// Since when somebody may not.
pub(crate) fn since(person: &PersonLine) -> Option<Moment> {
    let deactivated = person.deactivated.as_ref().map(|it| it.at);
    deactivated.or(person.suspended.as_ref().map(|it| it.at)).map(Moment)
}

impl Sample for PeoplePage {
    const NAME: &'static str = "people";

    fn samples(say: Say) -> Vec<Self> {
        let line = |name: &str, subject: &str, known: &str, of, since: Option<i64>| Line {
            href: Some("/console/people/riley@acme.example".to_owned()),
            name: say(name),
            subject: say(subject),
            email: say("riley@acme.example"),
            provider: say("acme"),
            known: known.to_owned(),
            standing: standing(of),
            since: since.map(|it| Moment(at(it))),
            seen: since.is_none().then(|| Moment(at(-90))),
        };
        let page = |find: &str, people, next: Option<&str>, is_later| Self {
            frame: frame("People", Place::People, say),
            find: say(find).plain(),
            people,
            next: next.map(str::to_owned),
            first: "/console/people?find=".to_owned(),
            is_later,
        };
        let nameless = Line {
            href: None,
            name: Text::default(),
            email: Text::default(),
            provider: Text::default(),
            ..line("", "..", "grant", PersonStanding::Active, None)
        };
        vec![
            page(
                "",
                vec![
                    line(
                        "Riley Tan",
                        "riley@acme.example",
                        "sign-in, grant",
                        PersonStanding::Active,
                        None,
                    ),
                    line(
                        "Mo Berg",
                        "mo@acme.example",
                        "directory",
                        PersonStanding::Deactivated,
                        Some(-900),
                    ),
                    nameless,
                ],
                Some("/console/people?find=&after=WyIiLCJtbyJd"),
                true,
            ),
            page("nobody", Vec::new(), None, false),
        ]
    }
}
