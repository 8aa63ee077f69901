//! One person: who they are, from where they are known, and what they have. Whoever may see only a
//! grant of theirs is told who they are and those grants.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    pages::{
        grants::GrantLine,
        people::{known, since, standing},
    },
    people::{self, Seen},
    problem::{Problem, sentence},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{
    DirectoryPerson, GrantView, HeldRole, NewDelegation, PersonLine, PersonStanding, PersonView,
    SignedInBrowser, WaitingCall,
};
use countersign_model::{Subject, Timestamp, review::Delegation};

/// A person.
#[derive(Debug, Template)]
#[template(path = "person.html")]
pub(crate) struct PersonPage {
    frame: Frame,
    subject: Text,
    name: Text,
    standing: Chip,
    since: Option<Moment>,
    /// Why they may do nothing here, if so.
    barred: Vec<Text>,
    grants: Vec<GrantLine>,
    more: usize,
    rest: Option<Rest>,
}

/// What only those see who see everything, and the person themself.
#[derive(Debug)]
struct Rest {
    email: Text,
    known: String,
    signed_in: Option<SignInLine>,
    directories: Vec<DirectoryLine>,
    told: Vec<(Text, Text)>,
    roles: Vec<(Chip, Text)>,
    sponsors: Vec<Text>,
    owns: Vec<(String, Text)>,
    owns_more: usize,
    waiting: Vec<(String, Text, Moment)>,
    browsers: Vec<BrowserLine>,
    calls: Option<String>,
    standing_in: StandingIn,
}

/// Who stands in for them, for whom they do, and a form for it.
#[derive(Debug, Default)]
struct StandingIn {
    delegate: Option<(Text, Moment, Moment)>,
    /// With where the form goes that gives it back; absent for whoever may not.
    of: Vec<((Text, Moment, Moment), Option<String>)>,
    /// Where the form goes; absent for whoever may not say so.
    action: Option<String>,
}

#[derive(Debug)]
struct SignInLine {
    provider: Text,
    at: Moment,
    groups: Vec<Text>,
    more: usize,
}

#[derive(Debug)]
struct DirectoryLine {
    directory: Text,
    user_name: Text,
    manager: Option<Text>,
    since: Moment,
    changed: Moment,
}

#[derive(Debug)]
struct BrowserLine {
    provider: Text,
    began: Moment,
    seen: Moment,
    ends: Moment,
}

/// `GET /console/people/{subject}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(subject): Path<String>,
) -> Result<Response, Problem> {
    let now = console.now();
    let shown = match people::one(&console, &asker, &subject).await? {
        Seen::Whole(person) => PersonPage::whole(*person, &asker, now),
        Seen::Grants(line, grants) => PersonPage::of(&line, &grants, &asker, now),
    };
    page(&shown)
}

/// `POST /console/people/{subject}/delegate`.
pub(crate) async fn delegate(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(subject): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let moment = |name: &str| {
        let read = fields.text(name).parse::<Timestamp>();
        read.map_err(|fault| Problem::invalid(sentence(&fault.to_string())))
    };
    let from = if fields.text("from").is_empty() { None } else { Some(moment("from")?) };
    let of = Some(Subject::from(subject.as_str()));
    let new = NewDelegation { of, to: fields.text("to").into(), from, until: moment("until")? };
    console.governance().set_delegate(&asker.actor, new).await?;
    Ok(back_to(&subject))
}

/// `POST /console/people/{subject}/delegate/end`.
pub(crate) async fn end_delegate(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(subject): Path<String>,
) -> Result<Response, Problem> {
    let of = Subject::from(subject.as_str());
    console.governance().end_delegate(&asker.actor, Some(of)).await?;
    // Whoever gave it back has it on their own page, and may not see the other's.
    let own = asker.actor.subject();
    let page = if asker.actor.sees_everything() { subject.as_str() } else { own.as_str() };
    Ok(back_to(page))
}

fn back_to(subject: &str) -> Response {
    let page = people::href(&Subject::from(subject));
    Redirect::to(page.as_deref().unwrap_or("/console")).into_response()
}

impl StandingIn {
    fn of(person: &PersonView, asker: &Asker) -> Self {
        let subject = &person.line.subject;
        let is_own = asker.actor.subject() == subject && !asker.actor.is_auditor();
        let may_say = asker.actor.is_administrator() || is_own;
        let form =
            |of: &Subject| people::href(of).filter(|_| may_say).map(|it| format!("{it}/delegate"));
        let times =
            |name: &Subject, it: &Delegation| (Text::of(name), Moment(it.from), Moment(it.until));
        Self {
            delegate: person.delegate.as_ref().map(|it| times(&it.to, it)),
            of: person.stands_in.iter().map(|it| (times(&it.of, it), form(&it.of))).collect(),
            action: form(subject),
        }
    }
}

impl PersonPage {
    fn of(line: &PersonLine, grants: &[GrantView], asker: &Asker, now: Timestamp) -> Self {
        let title = if line.name.is_empty() { line.subject.as_str() } else { &line.name };
        let place = if asker.actor.sees_everything() { Place::People } else { Place::Elsewhere };
        Self {
            frame: Frame::new(Text::line(title).plain(), place, asker.signed()),
            subject: Text::of(&line.subject),
            name: Text::line(line.name.clone()),
            standing: standing(line.standing),
            since: since(line),
            barred: Vec::new(),
            grants: grants.iter().take(GRANTS_SHOWN).map(|it| GrantLine::of(it, now)).collect(),
            more: grants.len().saturating_sub(GRANTS_SHOWN),
            rest: None,
        }
    }

    fn whole(person: PersonView, asker: &Asker, now: Timestamp) -> Self {
        let grants: Vec<GrantView> = person.grants.iter().map(|it| it.view.clone()).collect();
        let line = &person.line;
        let deactivated = line.deactivated.as_ref();
        let deactivated = deactivated
            .map(|it| format!("Deactivated by the directory {} at {}.", it.directory, it.at));
        let suspended = line.suspended.as_ref();
        let suspended =
            suspended.map(|it| format!("Suspended by {} at {}: {}", it.by, it.at, it.why));
        Self {
            barred: deactivated.into_iter().chain(suspended).map(Text::line).collect(),
            ..Self::of(line, &grants, asker, now)
        }
        .with(Rest::of(person, asker))
    }

    fn with(self, rest: Rest) -> Self {
        Self { rest: Some(rest), ..self }
    }
}

impl Rest {
    fn of(person: PersonView, asker: &Asker) -> Self {
        let standing_in = StandingIn::of(&person, asker);
        let owns_more = person.owns.len().saturating_sub(NAMES_SHOWN);
        let owns = person.owns.iter().take(NAMES_SHOWN);
        Self {
            email: Text::line(person.line.email.clone()),
            known: known(&person.line.known_from),
            signed_in: person.signed_in.map(|it| SignInLine {
                provider: Text::line(it.provider),
                at: Moment(it.at),
                more: it.groups.len().saturating_sub(NAMES_SHOWN),
                groups: it.groups.iter().take(NAMES_SHOWN).map(Text::of).collect(),
            }),
            standing_in,
            directories: person.directories.into_iter().map(DirectoryLine::of).collect(),
            told: person
                .told_groups
                .iter()
                .take(NAMES_SHOWN)
                .map(|it| (Text::of(&it.group), Text::line(it.directory.to_string())))
                .collect(),
            roles: person.roles.iter().map(role).collect(),
            sponsors: person.sponsors.iter().take(NAMES_SHOWN).map(Text::of).collect(),
            owns: owns.map(|it| (format!("/console/catalog/{it}"), Text::of(it))).collect(),
            owns_more,
            waiting: person.waiting.iter().map(waiting).collect(),
            browsers: person.browsers.into_iter().map(BrowserLine::of).collect(),
            calls: Some(format!(
                "/console/sessions?subject={}",
                people::encode(person.line.subject.as_str())
            )),
        }
    }
}

impl DirectoryLine {
    fn of(told: DirectoryPerson) -> Self {
        Self {
            directory: Text::line(told.directory),
            user_name: Text::line(told.user_name),
            manager: told.manager.as_ref().map(Text::of),
            since: Moment(told.made_at),
            changed: Moment(told.changed_at),
        }
    }
}

impl BrowserLine {
    fn of(browser: SignedInBrowser) -> Self {
        Self {
            provider: Text::line(browser.provider),
            began: Moment(browser.began_at),
            seen: Moment(browser.seen_at),
            ends: Moment(browser.expires_at),
        }
    }
}

fn role(held: &HeldRole) -> (Chip, Text) {
    let chip = Chip { label: held.role.name(), tone: Tone::Calm };
    (chip, Text::line(held.because.clone()))
}

fn waiting(call: &WaitingCall) -> (String, Text, Moment) {
    let href = format!("/console/approvals/{}", call.id);
    (href, Text::of(&call.function), Moment(call.answer_by))
}

const GRANTS_SHOWN: usize = 50;
const NAMES_SHOWN: usize = 50;

impl Sample for PersonPage {
    const NAME: &'static str = "person";

    fn samples(say: Say) -> Vec<Self> {
        let page = |name: &str, of, barred: Vec<Text>, grants, rest| Self {
            frame: frame("Riley Tan", Place::People, say),
            subject: say("riley@acme.example"),
            name: say(name),
            standing: standing(of),
            since: (!barred.is_empty()).then(|| Moment(at(-900))),
            barred,
            grants,
            more: 3,
            rest,
        };
        let barred = vec![say("Deactivated by the directory okta at 2026-11-20T10:00:00.000Z.")];
        let grants = || GrantLine::samples(say);
        vec![
            page("Riley Tan", PersonStanding::Active, Vec::new(), grants(), Some(Rest::full(say))),
            page("", PersonStanding::Deactivated, barred, Vec::new(), Some(Rest::empty())),
            page("Riley Tan", PersonStanding::Active, Vec::new(), grants(), None),
        ]
    }
}

impl Rest {
    fn empty() -> Self {
        Self {
            email: Text::default(),
            known: known(&std::collections::BTreeSet::new()),
            signed_in: None,
            directories: Vec::new(),
            told: Vec::new(),
            roles: Vec::new(),
            sponsors: Vec::new(),
            owns: Vec::new(),
            owns_more: 0,
            waiting: Vec::new(),
            browsers: Vec::new(),
            calls: None,
            standing_in: StandingIn::default(),
        }
    }

    fn full(say: Say) -> Self {
        let chip = |label| Chip { label, tone: Tone::Calm };
        Self {
            email: say("riley@acme.example"),
            known: "sign-in, directory, grant, catalog".to_owned(),
            signed_in: Some(SignInLine {
                provider: say("acme"),
                at: Moment(at(-20)),
                groups: vec![say("developers"), say("support")],
                more: 4,
            }),
            directories: vec![DirectoryLine {
                directory: say("okta"),
                user_name: say("riley"),
                manager: Some(say("mona@acme.example")),
                since: Moment(at(-90_000)),
                changed: Moment(at(-900)),
            }],
            told: vec![(say("okta:support"), say("okta"))],
            roles: vec![
                (chip("caller"), say("2 grants reach them")),
                (chip("owner"), say("owns ops.status")),
            ],
            sponsors: vec![say("agent:dunning")],
            owns: vec![("/console/catalog/ops.status".to_owned(), say("ops.status"))],
            owns_more: 7,
            waiting: vec![(
                "/console/approvals/apr_01KB0C6Q2N5V8JX3W7T4R9M1ZD".to_owned(),
                say("billing.refunds.create"),
                Moment(at(10)),
            )],
            browsers: vec![BrowserLine {
                provider: say("acme"),
                began: Moment(at(-60)),
                seen: Moment(at(-1)),
                ends: Moment(at(600)),
            }],
            calls: Some("/console/sessions?subject=riley@acme.example".to_owned()),
            standing_in: StandingIn {
                delegate: Some((say("olga@acme.example"), Moment(at(-60)), Moment(at(9_000)))),
                of: vec![(
                    (say("max@acme.example"), Moment(at(0)), Moment(at(900))),
                    Some("/console/people/max@acme.example/delegate".to_owned()),
                )],
                action: Some("/console/people/riley@acme.example/delegate".to_owned()),
            },
        }
    }
}
