//! Browsers that are signed in. The id is 256 random bits and stands only in the browser; the store
//! knows its SHA-256. A session ends 30 minutes after its last use and 12 hours after its first, and
//! before that with what it rests on at the identity provider.

use crate::{
    console::{Console, Scheme},
    cookie::Cookie,
    problem::Problem,
    renewal,
    sealed::{self, What},
};
use aws_lc_rs::constant_time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_governance::{PersonRow, SessionOrigin, WebSession};
use countersign_identity::SignInNotes;
use countersign_model::{Caller, Digest, Issued, Span, Timestamp};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A live session.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Who signed in, as the identity provider last said; suspension is judged anew each time.
    pub(crate) caller: Caller,
    /// What forms of this session carry.
    pub(crate) csrf: String,
    /// When the person proved themself at the identity provider, if that is known.
    pub(crate) proved_at: Option<Timestamp>,
}

/// What the store keeps with a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) caller: Caller,
    /// What renews it and ends it at the identity provider, sealed.
    #[serde(default)]
    pub(crate) sealed: Option<String>,
    /// What was read of the sign-in, or of its last renewal, sealed.
    #[serde(default)]
    pub(crate) notes: Option<String>,
    /// When the identity provider last said who this is.
    #[serde(default)]
    pub(crate) renewed_at: Timestamp,
    /// Whether there is something to renew it with.
    #[serde(default)]
    pub(crate) is_renewable: bool,
    /// When the person proved themself at the identity provider, if that is known. No renewal moves it.
    #[serde(default)]
    pub(crate) proved_at: Option<Timestamp>,
}

/// A person who proved who they are, at the door.
#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) caller: Caller,
    /// What was read of the sign-in.
    pub(crate) notes: SignInNotes,
    /// What renews the session and ends it at the identity provider, if there is such a thing.
    pub(crate) tokens: Option<countersign_identity::Kept>,
    /// When the session at the identity provider ends; ours ends no later.
    pub(crate) ends: Option<Timestamp>,
    /// When they proved it, if that is known.
    pub(crate) proved_at: Option<Timestamp>,
}

/// A session that was ended: whose it was, and what ends it at the identity provider.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) issuer: Arc<str>,
    pub(crate) tokens: Option<countersign_identity::Kept>,
}

/// The session that a request's cookie names, if it is live.
pub(crate) async fn find(console: &Console, headers: &HeaderMap) -> Result<Option<Found>, Problem> {
    let Some(id) = Cookie::Session.read(headers, console.scheme).filter(|it| is_id(it)) else {
        return Ok(None);
    };
    let name = name(&id);
    let now = console.now();
    let store = console.governance().store();
    let row = store.web_session(&name, now).await.map_err(|error| unavailable(&error))?;
    let Some(row) = row else { return Ok(None) };
    if now >= row.seen_at.plus(IDLE) {
        store.remove_web_session(&name).await.map_err(|error| unavailable(&error))?;
        return Ok(None);
    }
    let Ok(kept) = serde_json::from_str::<Kept>(&row.document) else {
        tracing::warn!("a session's document can't be read; it counts as none");
        return Ok(None);
    };
    let is_used = !headers.contains_key(POLL_HEADER);
    if is_used && now.since(row.seen_at).millis() >= TOUCH.millis() {
        let touched = store.touch_web_session(&name, now).await;
        touched.map_err(|error| unavailable(&error))?;
    }
    let issued = issued(row.origin);
    let then = Caller { issued: issued.clone(), ..kept.caller.clone() };
    // It may have begun while its end was written.
    if console.parts.verifier.session_holds(&then).is_err() {
        store.remove_web_session(&name).await.map_err(|error| unavailable(&error))?;
        return Ok(None);
    }
    let proved_at = kept.proved_at;
    match renewal::current(console, &name, kept).await.map_err(|error| unavailable(&error))? {
        // What ends the session is compared with the sign-in, however often it was renewed since.
        Some(caller) => {
            Ok(Some(Found { caller: Caller { issued, ..caller }, csrf: csrf(&id), proved_at }))
        }
        None => Ok(None),
    }
}

/// Signs a browser in under a new id, and ends the session that it had. Gives the cookie.
pub(crate) async fn begin(
    console: &Console,
    headers: &HeaderMap,
    proved: Proved,
) -> Result<Option<HeaderValue>, Problem> {
    end(console, headers).await?;
    begin_beside(console, proved).await
}

/// Signs a browser in under a new id. What it had is the caller's affair.
pub(crate) async fn begin_beside(
    console: &Console,
    proved: Proved,
) -> Result<Option<HeaderValue>, Problem> {
    let Proved { caller, notes, tokens, ends, proved_at } = proved;
    let (now, store) = (console.now(), console.governance().store());
    let id = URL_SAFE_NO_PAD.encode(console.governance().entropy().bytes::<32>());
    store.sweep_web_sessions(now).await.map_err(|error| unavailable(&error))?;
    store.saw_person(&seen(&caller, now)).await.map_err(|error| unavailable(&error))?;
    let longest = now.plus(ABSOLUTE);
    let expires_at = ends.map_or(longest, |it| it.min(longest));
    let (subject, origin) = (caller.subject.clone(), origin(&caller));
    let name = name(&id);
    let tokens = tokens.as_ref();
    let sealed = tokens.and_then(|it| sealed::seal(console, What::Tokens, &name, it));
    let is_renewable = sealed.is_some() && tokens.is_some_and(|it| it.is_renewable());
    let notes = sealed::seal(console, What::Notes, &name, &notes);
    let kept = Kept { caller, sealed, notes, renewed_at: now, is_renewable, proved_at };
    let document = serde_json::to_string(&kept).map_err(|_| Problem::internal())?;
    let session =
        WebSession { name, subject, made_at: now, seen_at: now, expires_at, origin, document };
    store.add_web_session(&session).await.map_err(|error| unavailable(&error))?;
    let seconds = expires_at.since(now).millis() / 1000;
    Ok(Cookie::Session.set(&id, seconds, console.scheme))
}

/// What was read of the sign-in that a request's session rests on, and when; `None` for sessions that
/// began before such notes were kept. Who asks was let in by the guard.
pub(crate) async fn notes(
    console: &Console,
    headers: &HeaderMap,
) -> Result<Option<(SignInNotes, Timestamp)>, Problem> {
    let Some(name) = named(headers, console.scheme) else { return Ok(None) };
    let row = console.governance().store().web_session(&name, console.now()).await;
    let row = row.map_err(|error| unavailable(&error))?;
    let kept = row.and_then(|it| serde_json::from_str::<Kept>(&it.document).ok());
    Ok(kept.and_then(|kept| {
        let notes = sealed::open(console, What::Notes, &name, kept.notes.as_deref()?)?;
        Some((notes, kept.renewed_at))
    }))
}

/// The stored name of the session that a request's cookie names, live or not.
pub(crate) fn named(headers: &HeaderMap, scheme: Scheme) -> Option<String> {
    Cookie::Session.read(headers, scheme).filter(|it| is_id(it)).map(|it| name(&it))
}

/// Ends the session of this stored name.
pub(crate) async fn end_named(console: &Console, name: &str) -> Result<(), Problem> {
    let removed = console.governance().store().remove_web_session(name).await;
    removed.map_err(|error| unavailable(&error))
}

/// Somebody as the identity provider says they are.
pub(crate) fn seen(caller: &Caller, now: Timestamp) -> PersonRow {
    PersonRow {
        subject: caller.subject.clone(),
        name: caller.name.as_deref().unwrap_or_default().to_owned(),
        email: caller.email.as_deref().unwrap_or_default().to_owned(),
        groups: caller.groups.clone(),
        issuer: caller.issuer.to_string(),
        seen_at: now,
    }
}

fn origin(caller: &Caller) -> SessionOrigin {
    let text = |name: &Option<Arc<str>>| name.as_deref().unwrap_or_default().to_owned();
    let Issued { issuer: _, at, subject, session, authenticated_at: _ } = &caller.issued;
    SessionOrigin {
        issuer: caller.issuer.to_string(),
        subject: text(subject),
        session: text(session),
        issued_at: at.unwrap_or_default(),
    }
}

fn issued(origin: SessionOrigin) -> Issued {
    let text = |name: String| (!name.is_empty()).then(|| name.into());
    Issued {
        issuer: None,
        at: Some(origin.issued_at),
        subject: text(origin.subject),
        session: text(origin.session),
        authenticated_at: None,
    }
}

/// Ends the session that a request's cookie names, and says what it was.
pub(crate) async fn end(console: &Console, headers: &HeaderMap) -> Result<Option<Ended>, Problem> {
    let id = Cookie::Session.read(headers, console.scheme).filter(|it| is_id(it));
    let Some(name) = id.map(|id| name(&id)) else { return Ok(None) };
    let store = console.governance().store();
    let row = store.web_session(&name, console.now()).await.map_err(|error| unavailable(&error))?;
    store.remove_web_session(&name).await.map_err(|error| unavailable(&error))?;
    let kept = row.and_then(|row| serde_json::from_str::<Kept>(&row.document).ok());
    Ok(kept.map(|kept| Ended {
        issuer: Arc::clone(&kept.caller.issuer),
        tokens: kept.sealed.and_then(|it| sealed::open(console, What::Tokens, &name, &it)),
    }))
}

/// Takes the cookie from the browser.
pub(crate) fn forget(scheme: Scheme) -> Option<HeaderValue> {
    Cookie::Session.clear(scheme)
}

/// Whether a form's or script's token is the session's.
pub(crate) fn same_token(given: &str, expected: &str) -> bool {
    constant_time::verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok()
}

fn name(id: &str) -> String {
    Digest::of(id.as_bytes()).to_string()
}

/// Follows from the id, so that it needs no place of its own, and does not tell the id.
fn csrf(id: &str) -> String {
    Digest::of(format!("countersign/console/csrf/v1 {id}").as_bytes()).to_string()
}

fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
}

fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "sessions of the console can't be read or written");
    Problem::unavailable("The store of facts can't be reached.")
}

/// A session that is not used for so long ends.
pub(crate) const IDLE: Span = Span::from_seconds(30 * 60);
/// A session ends so long after signing in.
const ABSOLUTE: Span = Span::from_seconds(12 * 3600);
/// The last use is written down no oftener than this.
const TOUCH: Span = Span::from_seconds(60);
/// What the pages' script sends when nobody did anything.
const POLL_HEADER: &str = "x-countersign-poll";
/// 32 bytes in base64url.
const ID_CHARS: usize = 43;
