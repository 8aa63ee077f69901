//! Somebody's own passkeys: add one, try one, call it otherwise, remove it. Adding and trying need the
//! page's script, since only that can ask the browser.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    passkeys::{self, SignedThing},
    problem::{Problem, sentence},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::Moment,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::PasskeyRow;
use countersign_identity::RelyingParty;
use countersign_model::{CallerKind, Digest, PasskeyId, passkey::SignedKind};
use http::HeaderMap;
use serde::Deserialize;

/// The reader's passkeys.
#[derive(Debug, Template)]
#[template(path = "passkeys.html")]
pub(crate) struct PasskeysPage {
    frame: Frame,
    /// Why there can be none here, or for this reader.
    why_not: Option<String>,
    /// Whether one may be added now.
    is_fresh: bool,
    fault: Option<Text>,
    name: String,
    keys: Vec<PasskeyLine>,
    /// What a trial signs.
    trial: String,
}

/// A passkey in the list.
#[derive(Debug)]
struct PasskeyLine {
    id: String,
    name: Text,
    algorithm: Text,
    party: Text,
    can_back_up: bool,
    made_at: Moment,
    used: Option<Moment>,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    said: String,
}

/// `GET /console/me/passkeys`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let notice = match said.said.as_str() {
        "added" => Some("Added. From now on you can sign with it."),
        "signed" => Some("It works: the passkey signed, and its signature holds."),
        "named" => Some("It has its new name."),
        "removed" => Some("Removed. It signs nothing any more. Delete it from your device too."),
        _ => None,
    };
    let mut of = PasskeysPage::of(&console, &asker).await?;
    of.frame = of.frame.with_notice(notice);
    page(&of)
}

/// `POST /console/me/passkeys`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let (name, brought) = (fields.text("name"), fields.text("passkey"));
    let added = passkeys::finish_registration(&console, &asker, &headers, name, brought).await;
    match added {
        Ok(_) => Ok(back("added")),
        Err(problem) => again(&console, &asker, problem, name).await,
    }
}

/// `POST /console/me/passkeys/trial`: signs nothing but that it works.
pub(crate) async fn trial(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let thing = SignedThing { kind: SignedKind::Trial, digest: trial_digest(&asker) };
    let brought = fields.text("passkey");
    let SignedThing { kind, digest } = thing;
    let used = match passkeys::finish_signing(&console, &asker, &headers, thing, brought).await {
        Ok(signed) => {
            let used = console.governance().use_passkey(&asker.actor, &signed, kind, &digest).await;
            used.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match used {
        Ok(_) => Ok(back("signed")),
        Err(problem) => again(&console, &asker, problem, "").await,
    }
}

/// `POST /console/me/passkeys/{id}/name`.
pub(crate) async fn name(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let id: PasskeyId = id.parse().map_err(|_| Problem::not_found("passkey"))?;
    match console.governance().name_passkey(&asker.actor, id, fields.text("name")).await {
        Ok(_) => Ok(back("named")),
        Err(error) => again(&console, &asker, error.into(), "").await,
    }
}

/// `POST /console/me/passkeys/{id}/remove`.
pub(crate) async fn remove(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: PasskeyId = id.parse().map_err(|_| Problem::not_found("passkey"))?;
    console.governance().remove_passkey(&asker.actor, id).await?;
    Ok(back("removed"))
}

fn back(said: &str) -> Response {
    Redirect::to(&format!("/console/me/passkeys?said={said}")).into_response()
}

/// The page again, with what was wrong.
async fn again(
    console: &Console,
    asker: &Asker,
    problem: Problem,
    name: &str,
) -> Result<Response, Problem> {
    if !problem.status.is_client_error() {
        return Err(problem);
    }
    let fault = format!("{} {} ({})", problem.detail, problem.next_step, problem.code);
    let of = PasskeysPage {
        fault: Some(Text::line(fault)),
        name: Text::line(name.to_owned()).plain(),
        ..PasskeysPage::of(console, asker).await?
    };
    let mut response = page(&of)?;
    *response.status_mut() = problem.status;
    Ok(response)
}

/// What somebody's trial signs: that it is theirs.
fn trial_digest(asker: &Asker) -> Digest {
    Digest::of(format!("countersign/passkey-trial {}", asker.actor.subject()).as_bytes())
}

impl PasskeysPage {
    async fn of(console: &Console, asker: &Asker) -> Result<Self, Problem> {
        let keys = console.governance().passkeys(&asker.actor).await?;
        let why_not = match RelyingParty::of(&console.parts.public_url) {
            Err(none) => Some(sentence(&none.to_string())),
            Ok(_) if asker.actor.is_auditor() => Some(
                "An auditor sees everything and changes nothing, so that there is nothing to sign."
                    .to_owned(),
            ),
            Ok(_) => match asker.actor.person.kind {
                CallerKind::Person => None,
                CallerKind::Agent | CallerKind::Service => {
                    Some("Passkeys are for people.".to_owned())
                }
            },
        };
        Ok(Self {
            frame: Frame::new("Your passkeys", Place::Elsewhere, asker.signed()),
            why_not,
            is_fresh: passkeys::is_fresh(console, asker),
            fault: None,
            name: String::new(),
            keys: keys.iter().map(PasskeyLine::of).collect(),
            trial: trial_digest(asker).to_string(),
        })
    }
}

impl PasskeyLine {
    fn of(row: &PasskeyRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: Text::line(row.name.clone()),
            algorithm: Text::line(row.algorithm.clone()),
            party: Text::line(row.party.clone()),
            can_back_up: row.can_back_up,
            made_at: Moment(row.made_at),
            used: row.last_used_at.map(Moment),
        }
    }
}

impl Sample for PasskeysPage {
    const NAME: &'static str = "passkeys";

    fn samples(say: Say) -> Vec<Self> {
        let line = |name: &str, can_back_up, used: Option<i64>| PasskeyLine {
            id: "psk_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            name: say(name),
            algorithm: say("ES256"),
            party: say("gateway.example"),
            can_back_up,
            made_at: Moment(at(0)),
            used: used.map(|it| Moment(at(it))),
        };
        let page = |why_not: Option<&str>, is_fresh, fault: Option<Text>, keys| Self {
            frame: frame("Your passkeys", Place::Elsewhere, say),
            why_not: why_not.map(str::to_owned),
            is_fresh,
            fault,
            name: say("The blue key").plain(),
            keys,
            trial: "0".repeat(64),
        };
        let keys = || vec![line("The blue key", false, Some(7)), line("Phone", true, None)];
        vec![
            page(None, true, None, keys()),
            page(None, false, Some(say("The passkey's signature does not hold.")), Vec::new()),
            page(Some("Passkeys need a host name."), true, None, Vec::new()),
        ]
    }
}
