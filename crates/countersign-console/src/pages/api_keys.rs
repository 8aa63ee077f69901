//! API keys: who has one, when it was last used, a new one, and the end of one. A new key is on the
//! page that answers its making, and on no other.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    problem::{Problem, sentence},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{ApiKeyRow, ApiKeyRules, NewApiKey};
use countersign_identity::{Hidden, new_api_key};
use countersign_model::{ApiKeyId, Subject, Timestamp};
use http::StatusCode;
use serde::Deserialize;

/// Keys that the reader may see, and a form for a new one.
#[derive(Debug, Template)]
#[template(path = "api_keys.html")]
pub(crate) struct ApiKeysPage {
    frame: Frame,
    is_on: bool,
    may_add: bool,
    /// The key that was just made.
    made: Option<Made>,
    fault: Option<Text>,
    keys: Vec<KeyLine>,
    agents: Vec<Text>,
    subject: String,
    purpose: String,
    scopes: String,
    expires: String,
}

/// A key that was just made: shown once.
#[derive(Debug)]
struct Made {
    subject: Text,
    secret: Hidden,
}

impl Made {
    fn text(&self) -> &str {
        self.secret.reveal()
    }
}

/// A key in the list.
#[derive(Debug)]
struct KeyLine {
    id: String,
    subject: Text,
    purpose: Text,
    scopes: Text,
    state: Chip,
    made_by: Text,
    made_at: Moment,
    ends: Moment,
    used: Option<Moment>,
    revoked: Option<Text>,
    may_revoke: bool,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    said: String,
}

/// What API keys may be here; refuses where there are none.
pub(crate) fn rules(console: &Console) -> Result<ApiKeyRules, Problem> {
    console.parts.api_keys.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "api_keys_off",
            "API keys are off here.",
            "Use tokens of an identity provider; where nothing gives any, an administrator can turn \
             API keys on in the configuration.",
        )
    })
}

/// `GET /console/api-keys`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let notice = (said.said == "revoked").then_some("Revoked. It opens nothing in five seconds.");
    let mut of = ApiKeysPage::of(&console, &asker).await?;
    of.frame = of.frame.with_notice(notice);
    page(&of)
}

/// `POST /console/api-keys`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let rules = rules(&console)?;
    let (secret, digest) = new_api_key(console.governance().entropy());
    let added = match read(&fields) {
        Ok(new) => {
            let added = console.governance().add_api_key(&asker.actor, rules, new, digest).await;
            added.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match added {
        Ok(key) => {
            let mut of = ApiKeysPage::of(&console, &asker).await?;
            of.made = Some(Made { subject: Text::of(&key.subject), secret });
            page(&of)
        }
        Err(problem) if problem.status.is_client_error() => {
            let typed = |name: &str| Text::line(fields.text(name).to_owned()).plain();
            let of = ApiKeysPage {
                fault: Some(Text::line(problem.detail)),
                subject: typed("subject"),
                purpose: typed("purpose"),
                scopes: typed("scopes"),
                expires: typed("expires"),
                ..ApiKeysPage::of(&console, &asker).await?
            };
            let mut response = page(&of)?;
            *response.status_mut() = problem.status;
            Ok(response)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /console/api-keys/{id}/revoke`.
pub(crate) async fn revoke(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let id: ApiKeyId = id.parse().map_err(|_| Problem::not_found("API key"))?;
    console.governance().revoke_api_key(&asker.actor, id, fields.text("why")).await?;
    Ok(Redirect::to("/console/api-keys?said=revoked").into_response())
}

fn read(fields: &Fields) -> Result<NewApiKey, Problem> {
    let expires_at = fields.text("expires").parse::<Timestamp>();
    let expires_at = expires_at.map_err(|fault| Problem::invalid(sentence(&fault.to_string())))?;
    Ok(NewApiKey {
        subject: Subject::from(fields.text("subject")),
        purpose: fields.text("purpose").to_owned(),
        scopes: fields.text("scopes").split_whitespace().map(str::to_owned).collect(),
        expires_at,
    })
}

impl ApiKeysPage {
    async fn of(console: &Console, asker: &Asker) -> Result<Self, Problem> {
        let keys = console.governance().api_keys(&asker.actor).await?;
        let now = console.now();
        let snapshot = console.governance().policy().load();
        let is_administrator = asker.actor.is_administrator();
        let may_revoke = |key: &ApiKeyRow| {
            is_administrator
                || crate::sight::sponsors(&snapshot, asker.actor.subject(), &key.subject)
        };
        let is_on = console.parts.api_keys.is_some();
        Ok(Self {
            frame: Frame::new("API keys", Place::Grants, asker.signed()),
            is_on,
            may_add: is_on && is_administrator,
            made: None,
            fault: None,
            keys: keys.iter().map(|it| KeyLine::of(it, may_revoke(it), now)).collect(),
            agents: snapshot.agents().keys().map(Text::of).collect(),
            subject: String::new(),
            purpose: String::new(),
            scopes: String::new(),
            expires: String::new(),
        })
    }
}

impl KeyLine {
    fn of(key: &ApiKeyRow, may_revoke: bool, now: Timestamp) -> Self {
        let state = match (&key.revoked, key.expires_at <= now) {
            (Some(_), _) => Chip { label: "revoked", tone: Tone::Calm },
            (None, true) => Chip { label: "expired", tone: Tone::Calm },
            (None, false) => Chip { label: "good", tone: Tone::Good },
        };
        let revoked = key.revoked.as_ref();
        Self {
            id: key.id.to_string(),
            subject: Text::of(&key.subject),
            purpose: Text::line(key.purpose.clone()),
            scopes: Text::line(key.scopes.join(" ")),
            state,
            made_by: Text::of(&key.made_by),
            made_at: Moment(key.made_at),
            ends: Moment(key.expires_at),
            used: key.last_used_at.map(Moment),
            revoked: revoked.map(|it| Text::line(format!("by {}: {}", it.by, it.why))),
            may_revoke: may_revoke && revoked.is_none() && key.expires_at > now,
        }
    }
}

impl Sample for ApiKeysPage {
    const NAME: &'static str = "api-keys";

    fn samples(say: Say) -> Vec<Self> {
        let line = |label, tone, used: Option<i64>, revoked: Option<Text>| KeyLine {
            id: "key_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            subject: say("agent:mainframe"),
            purpose: say("The batch machine can't get tokens"),
            scopes: say("call"),
            state: Chip { label, tone },
            made_by: say("olga@acme.example"),
            made_at: Moment(at(0)),
            ends: Moment(at(90_000)),
            used: used.map(|it| Moment(at(it))),
            may_revoke: revoked.is_none(),
            revoked,
        };
        let page = |is_on, may_add, made, fault, keys| Self {
            frame: frame("API keys", Place::Grants, say),
            is_on,
            may_add,
            made,
            fault,
            keys,
            agents: vec![say("agent:mainframe"), say("agent:dunning")],
            subject: String::new(),
            purpose: say("Nightly export").plain(),
            scopes: String::new(),
            expires: String::new(),
        };
        let secret = Hidden::new("csk_made-up");
        vec![
            page(
                true,
                true,
                None,
                None,
                vec![
                    line("good", Tone::Good, Some(7), None),
                    line(
                        "revoked",
                        Tone::Calm,
                        None,
                        Some(say("by olga@acme.example: not needed")),
                    ),
                ],
            ),
            page(
                true,
                true,
                Some(Made { subject: say("agent:mainframe"), secret }),
                None,
                Vec::new(),
            ),
            page(true, true, None, Some(say("expires_at: must be in the future.")), Vec::new()),
            page(false, false, None, None, Vec::new()),
        ]
    }
}
