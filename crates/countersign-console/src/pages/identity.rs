//! Who the reader is to the gateway: what was proved, which rule mapped it, what they are here and
//! why. A token is not pasted into a page (decision 0023): the command line explains tokens.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    pages::grants::GrantLine,
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::HeldRole;
use countersign_model::CallerKind;

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
    mapped: Vec<Mapped>,
    roles: Vec<RoleLine>,
    grants: Vec<GrantLine>,
    more: usize,
    server: Text,
    may_test: bool,
}

/// A part of the caller, and the rule that mapped it.
#[derive(Debug)]
struct Mapped {
    what: &'static str,
    found: Text,
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
) -> Result<Response, Problem> {
    let (governance, caller) = (console.governance(), &asker.caller);
    let found = governance.grants_of(caller);
    let now = console.now();
    let mapped = console.parts.verifier.mapped_by(caller).into_iter().map(|step| Mapped {
        what: step.check,
        found: Text::line(step.found),
        rule: Text::line(step.rule),
    });
    let told = asker.actor.person.told.iter().map(|it| Mapped {
        what: "group",
        found: Text::of(&it.group),
        rule: Text::line(format!("scim[{}].groups: the directory tells", it.directory)),
    });
    page(&IdentityPage {
        frame: Frame::new("Who you are", Place::Elsewhere, asker.signed()),
        subject: Text::of(&caller.subject),
        kind: kind(asker.actor.person.kind),
        issuer: Text::line(caller.issuer.to_string()),
        chain: caller.actors.iter().map(Text::of).collect(),
        ends: Moment(caller.expires_at),
        mapped: mapped.chain(told).collect(),
        roles: governance.held_roles(caller).iter().map(RoleLine::of).collect(),
        grants: found.iter().take(GRANTS_SHOWN).map(|it| GrantLine::of(it, now)).collect(),
        more: found.len().saturating_sub(GRANTS_SHOWN),
        server: Text::line(console.parts.public_url.clone()),
        may_test: asker.actor.sees_everything(),
    })
}

fn kind(of: CallerKind) -> &'static str {
    match of {
        CallerKind::Person => "a person",
        CallerKind::Agent => "an agent",
        CallerKind::Service => "a service",
    }
}

impl RoleLine {
    fn of(held: &HeldRole) -> Self {
        let role = Chip { label: held.role.name(), tone: Tone::Calm };
        Self { role, because: Text::line(held.because.clone()) }
    }
}

const GRANTS_SHOWN: usize = 20;

impl Sample for IdentityPage {
    const NAME: &'static str = "identity";

    fn samples(say: Say) -> Vec<Self> {
        let mapped = |what, found, rule| Mapped { what, found: say(found), rule: say(rule) };
        let role = |label, because| RoleLine {
            role: Chip { label, tone: Tone::Calm },
            because: say(because),
        };
        let page = |chain: Vec<Text>, roles, may_test| Self {
            frame: frame("Who you are", Place::Elsewhere, say),
            subject: say("acme:olga"),
            kind: "a person",
            issuer: say("acme"),
            chain,
            ends: Moment(at(40)),
            mapped: vec![
                mapped("subject", "acme:olga", "issuers[acme].claims.subject: sub"),
                mapped("groups", "finance, staff", "issuers[acme].claims.groups: groups"),
                mapped("group", "okta:support", "scim[okta].groups: the directory tells"),
            ],
            roles,
            grants: Vec::new(),
            more: 0,
            server: say("https://gateway.acme.example"),
            may_test,
        };
        vec![
            page(
                Vec::new(),
                vec![
                    role("owner", "owns billing.refunds.create and 3 more"),
                    role("administrator", "a member of countersign-admins"),
                ],
                true,
            ),
            page(vec![say("agent:dunning")], Vec::new(), false),
        ]
    }
}
