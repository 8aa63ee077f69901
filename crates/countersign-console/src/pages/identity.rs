//! Who the reader is to the gateway: what their sign-in said, claim by claim, which rule read it, what
//! they are here and why. A token is not pasted into a page (decision 0023): the command line explains
//! tokens.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    pages::grants::GrantLine,
    people,
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
    web_session,
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::HeldRole;
use countersign_identity::{SignInNotes, Step};
use countersign_model::{Caller, CallerKind, Timestamp, ToldGroup};
use http::HeaderMap;
use std::fmt::Display;

/// Who the reader is.
#[derive(Debug, Template)]
#[template(path = "identity.html")]
pub(crate) struct IdentityPage {
    frame: Frame,
    subject: Text,
    kind: &'static str,
    issuer: Text,
    chain: Vec<Text>,
    ends: Moment,
    sign_in: SignInShown,
    roles: Vec<RoleLine>,
    grants: Vec<GrantLine>,
    more: usize,
    server: Text,
    may_test: bool,
    /// The page of the reader among people.
    own: Option<String>,
}

/// What was read of the sign-in.
#[derive(Debug)]
struct SignInShown {
    /// When the provider said it; `None` if that was not kept, and only what came of it is known.
    said_at: Option<Moment>,
    /// What it said of the person.
    claims: Vec<Claim>,
    /// What was proved of the token or assertion.
    proofs: Vec<Claim>,
    /// What nothing read, by name.
    unread: Vec<Text>,
    left_out: usize,
}

/// A look at a sign-in: what stood there, what became of it, and the rule.
#[derive(Debug)]
struct Claim {
    what: Text,
    names: Vec<Text>,
    found: Text,
    became: Text,
    rule: Text,
}

/// A role and why.
#[derive(Debug)]
struct RoleLine {
    role: Chip,
    because: Text,
}

/// `GET /console/identity`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (governance, caller) = (console.governance(), &asker.caller);
    let found = governance.grants_of(caller);
    let now = console.now();
    let mut sign_in = match web_session::notes(&console, &headers).await? {
        Some((notes, said_at)) => SignInShown::of(notes, said_at, caller),
        None => SignInShown::without_notes(console.parts.verifier.mapped_by(caller)),
    };
    sign_in.claims.extend(asker.actor.person.told.iter().map(Claim::told));
    page(&IdentityPage {
        frame: Frame::new("Who you are", Place::Elsewhere, asker.signed()),
        subject: Text::of(&caller.subject),
        kind: kind(asker.actor.person.kind),
        issuer: Text::line(caller.issuer.to_string()),
        chain: caller.actors.iter().map(Text::of).collect(),
        ends: Moment(caller.expires_at),
        sign_in,
        roles: governance.held_roles(caller).iter().map(RoleLine::of).collect(),
        grants: found.iter().take(GRANTS_SHOWN).map(|it| GrantLine::of(it, now)).collect(),
        more: found.len().saturating_sub(GRANTS_SHOWN),
        server: Text::line(console.parts.public_url.clone()),
        may_test: asker.actor.sees_everything(),
        own: people::href(&caller.subject),
    })
}

fn kind(of: CallerKind) -> &'static str {
    match of {
        CallerKind::Person => "a person",
        CallerKind::Agent => "an agent",
        CallerKind::Service => "a service",
    }
}

impl SignInShown {
    fn of(notes: SignInNotes, said_at: Timestamp, caller: &Caller) -> Self {
        let SignInNotes { mut steps, unread, left_out } = notes;
        // An ID token has them seldom, and a sign-in makes nothing of them.
        steps.retain(|it| !(it.found == "none" && ["scopes", "client"].contains(&&*it.check)));
        let (proofs, claims): (Vec<Step>, Vec<Step>) =
            steps.into_iter().partition(|it| PROOFS.contains(&it.check.as_ref()));
        Self {
            said_at: Some(Moment(said_at)),
            claims: claims.into_iter().map(|it| Claim::of(it, Some(caller))).collect(),
            proofs: proofs.into_iter().map(|it| Claim::of(it, None)).collect(),
            unread: unread.into_iter().map(Text::line).collect(),
            left_out,
        }
    }

    fn without_notes(mapped: Vec<Step>) -> Self {
        // Nothing is kept of what stood there: only what came of it is known.
        let claims = mapped.into_iter().map(|it| Claim {
            became: Text::line(it.found.clone()),
            found: Text::default(),
            ..Claim::of(it, None)
        });
        let claims = claims.collect();
        Self { said_at: None, claims, proofs: Vec::new(), unread: Vec::new(), left_out: 0 }
    }
}

impl Claim {
    fn of(step: Step, caller: Option<&Caller>) -> Self {
        Self {
            became: Text::line(caller.map(|it| became(&step.check, it)).unwrap_or_default()),
            what: Text::line(step.check.into_owned()),
            names: step.claims.into_iter().map(Text::line).collect(),
            found: Text::line(step.found),
            rule: Text::line(step.rule),
        }
    }

    fn told(it: &ToldGroup) -> Self {
        Self {
            what: Text::line("group"),
            names: Vec::new(),
            found: Text::line(it.directory.to_string()),
            became: Text::of(&it.group),
            rule: Text::line(format!("scim[{}].groups: the directory tells", it.directory)),
        }
    }
}

/// What a look at a claim made of its bearer.
fn became(check: &str, caller: &Caller) -> String {
    let text = |it: Option<&str>| it.unwrap_or("nothing").to_owned();
    match check {
        "subject" => caller.subject.to_string(),
        "kind" => kind(caller.kind).to_owned(),
        "actors" => several(caller.actors.iter()),
        "groups" => several(caller.groups.iter()),
        "scopes" => several(caller.scopes.iter()),
        "client" => text(caller.client.as_deref()),
        "name" => text(caller.name.as_deref()),
        "email" => text(caller.email.as_deref()),
        _ => String::new(),
    }
}

/// The first of some names, and how many more there are.
fn several(names: impl ExactSizeIterator<Item: Display>) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let first: Vec<String> = names.take(NAMES_SHOWN).map(|it| it.to_string()).collect();
    match (first.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => first.join(", "),
        (false, more) => format!("{} and {more} more", first.join(", ")),
    }
}

impl RoleLine {
    fn of(held: &HeldRole) -> Self {
        let role = Chip { label: held.role.name(), tone: Tone::Calm };
        Self { role, because: Text::line(held.because.clone()) }
    }
}

const GRANTS_SHOWN: usize = 20;
const NAMES_SHOWN: usize = 20;
/// Looks at the token or assertion itself, not at what it says of a person.
const PROOFS: [&str; 15] = [
    "form",
    "issuer",
    "algorithm",
    "type",
    "audience",
    "times",
    "signature",
    "session",
    "access token",
    "nonce",
    "proved at",
    "way of proof",
    "renewed",
    "user info",
    "answers",
];

impl SignInShown {
    /// With what was read, and without.
    fn samples(say: Say) -> [Self; 2] {
        let claim = |what, names: &[&str], found, became, rule| Claim {
            what: say(what),
            names: names.iter().map(|it| say(it)).collect(),
            found: say(found),
            became: say(became),
            rule: say(rule),
        };
        let with = Self {
            said_at: Some(Moment(at(-20))),
            claims: vec![
                claim(
                    "subject",
                    &["sub"],
                    "\"olga\"",
                    "acme:olga",
                    "issuers[acme].claims.subject with the prefix \"acme:\": acme:olga",
                ),
                claim(
                    "groups",
                    &["realm.roles"],
                    "\"finance\", \"staff\"",
                    "acme:finance, acme:staff",
                    "issuers[acme].claims.groups with the prefix \"acme:\": 2",
                ),
                claim(
                    "group",
                    &[],
                    "okta",
                    "okta:support",
                    "scim[okta].groups: the directory tells",
                ),
            ],
            proofs: vec![claim("signature", &["header.kid"], "\"k1\"", "", "a key of issuer acme")],
            unread: vec![say("jti"), say("locale")],
            left_out: 3,
        };
        let without = Self {
            said_at: None,
            claims: vec![claim(
                "subject",
                &["sub"],
                "",
                "acme:olga",
                "issuers[acme].claims.subject",
            )],
            proofs: Vec::new(),
            unread: Vec::new(),
            left_out: 0,
        };
        [with, without]
    }
}

impl Sample for IdentityPage {
    const NAME: &'static str = "identity";

    fn samples(say: Say) -> Vec<Self> {
        let [sign_in, without] = SignInShown::samples(say);
        let role = |label, because| RoleLine {
            role: Chip { label, tone: Tone::Calm },
            because: say(because),
        };
        let page = |chain: Vec<Text>, sign_in, roles, may_test| Self {
            frame: frame("Who you are", Place::Elsewhere, say),
            subject: say("acme:olga"),
            kind: "a person",
            issuer: say("acme"),
            chain,
            ends: Moment(at(40)),
            sign_in,
            roles,
            grants: Vec::new(),
            more: 0,
            server: say("https://gateway.acme.example"),
            may_test,
            own: Some("/console/people/acme:olga".to_owned()),
        };
        vec![
            page(
                Vec::new(),
                sign_in,
                vec![
                    role("owner", "owns billing.refunds.create and 3 more"),
                    role("administrator", "a member of countersign-admins"),
                ],
                true,
            ),
            page(vec![say("agent:dunning")], without, Vec::new(), false),
        ]
    }
}
