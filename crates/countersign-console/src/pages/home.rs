//! The first page: what waits for its reader, and how the gateway does.

use super::{approvals, grants, ledger, reviews, sessions};
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    recordings,
    samples::{Sample, Say, at, frame},
    sight,
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::{GrantFilter, GrantStanding, GrantView, Stops};
use countersign_model::{Function, snapshot::KillScope};

/// What waits, and the gateway's state.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    frame: Frame,
    waiting: Vec<approvals::Line>,
    waiting_ids: String,
    reviews: Vec<reviews::CampaignLine>,
    grants: Vec<GrantDue>,
    sessions: Vec<sessions::Line>,
    epoch: u64,
    is_current: bool,
    ledger_size: u64,
    ledger_health: Chip,
    stops: Vec<Stop>,
}

#[derive(Debug)]
struct GrantDue {
    href: String,
    holder: Text,
    functions: Text,
    freshness: Chip,
    until: Option<Moment>,
}

#[derive(Debug)]
struct Stop {
    what: Text,
    by: Text,
    at: Moment,
    why: Text,
}

/// `GET /console`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let now = console.now();
    let governance = console.governance();
    let waiting = approvals::waiting(&console, &asker).await?;
    let lines = waiting.iter().filter(|it| approvals::may_answer(it, &asker, now));
    let lines = lines.take(WAITING_SHOWN).map(|it| approvals::Line::of(it, now)).collect();
    let (sessions, _) = recordings::list(&console, &asker, None, None, SESSIONS_SHOWN).await?;
    let mine = match governance.reviews_waiting_for(asker.actor.subject()).await? {
        0 => Vec::new(),
        _ => reviews::campaigns(&console, &asker).await?,
    };
    let mine = mine.iter().map(|it| reviews::CampaignLine::of(it, &asker, now));
    let head = governance.ledger().try_head();
    page(&HomePage {
        frame: Frame::new("Home", Place::Home, asker.signed()),
        waiting: lines,
        waiting_ids: approvals::ids(&waiting),
        reviews: mine.filter(|it| it.mine > 0).collect(),
        grants: due(&console, &asker),
        sessions: sessions.iter().map(sessions::Line::of).collect(),
        epoch: governance.policy().load().epoch().0,
        is_current: governance.policy().is_current(now),
        ledger_size: head.size,
        ledger_health: ledger::health(head.health),
        stops: Stop::all(&governance.stops()),
    })
}

/// Overdue and due grants that the asker may certify.
fn due(console: &Console, asker: &Asker) -> Vec<GrantDue> {
    let snapshot = console.governance().policy().load();
    let now = console.now();
    let may_certify = |view: &GrantView| {
        let known = |it: &countersign_governance::FunctionView| {
            Some(snapshot.catalog().by_name(it.name.as_str())?.1.as_ref())
        };
        let functions: Vec<&Function> = view.functions.iter().filter_map(known).collect();
        sight::why_not_certify(&asker.actor, &snapshot, &view.grant, &functions).is_none()
    };
    let of = |state| {
        let filter = GrantFilter { state: Some(state), ..Default::default() };
        console.governance().grants(&filter).into_iter()
    };
    let mut seen = std::collections::BTreeSet::new();
    of(GrantStanding::Overdue)
        .chain(of(GrantStanding::Due))
        .filter(|it| may_certify(it) && seen.insert(it.grant.id))
        .take(GRANTS_SHOWN)
        .map(|view| {
            let (freshness, until) = grants::standing(&view, now);
            let line = grants::GrantLine::of(&view, now);
            GrantDue {
                href: format!("/console/grants/{}", view.grant.id),
                holder: line.holder,
                functions: line.calls,
                freshness,
                until,
            }
        })
        .collect()
}

impl Stop {
    fn all(stops: &Stops) -> Vec<Self> {
        let kills = stops.kills.iter().map(|it| Self {
            what: Text::line(match &it.scope {
                KillScope::Everything => "every call".to_owned(),
                KillScope::Target(name) => format!("calls to {name}"),
                KillScope::Function(name) => format!("calls to {name}"),
            }),
            by: Text::of(&it.by),
            at: Moment(it.at),
            why: Text::line(it.why.clone()),
        });
        let suspensions = stops.suspensions.iter().map(|it| Self {
            what: Text::line(format!("{} is suspended", it.subject)),
            by: Text::of(&it.by),
            at: Moment(it.at),
            why: Text::line(it.why.clone()),
        });
        kills.chain(suspensions).collect()
    }
}

const WAITING_SHOWN: usize = 20;
const GRANTS_SHOWN: usize = 20;
const SESSIONS_SHOWN: usize = 5;

impl Sample for HomePage {
    const NAME: &'static str = "home";

    fn samples(say: Say) -> Vec<Self> {
        let waits = || {
            let chip = Chip { label: "waiting", tone: Tone::Wait };
            approvals::Line::sample(say, chip, Some("12 min"))
        };
        let due = GrantDue {
            href: "/console/grants/grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say("agent:dunning"),
            functions: say("billing.invoices.list"),
            freshness: Chip { label: "overdue", tone: Tone::Bad },
            until: None,
        };
        let stop = Stop {
            what: say("calls to customers.export"),
            by: say("ada@acme.example"),
            at: Moment(at(-100)),
            why: say("incident 4711"),
        };
        let page = |waiting, reviews, grants, sessions, is_current, stops| Self {
            frame: frame("Home", Place::Home, say),
            waiting,
            waiting_ids: String::new(),
            reviews,
            grants,
            sessions,
            epoch: 41,
            is_current,
            ledger_size: 18_204,
            ledger_health: Chip { label: "writable", tone: Tone::Good },
            stops,
        };
        let chip = Chip { label: "open", tone: Tone::Wait };
        let review = vec![reviews::CampaignLine::sample(say, chip, 120)];
        let sessions = sessions::Line::samples(say);
        vec![
            page(vec![waits(), waits()], review, vec![due], sessions, true, vec![stop]),
            page(Vec::new(), Vec::new(), Vec::new(), Vec::new(), false, Vec::new()),
        ]
    }
}
