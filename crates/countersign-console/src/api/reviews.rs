//! `/api/v1/reviews`. An item comes with its line in plain words and with what it would be narrowed to, so
//! that a terminal shows what the pages show.

use crate::{
    asker::Asker,
    console::Console,
    problem::Problem,
    reviews::{self, words},
    strict::Strict,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use countersign_governance::{
    Answered, CampaignFilter, CampaignView, Extension as MoreTime, HandOn, ItemFilter, NewAnswer,
    NewCampaign,
};
use countersign_model::{
    GrantId, Snapshot, Subject,
    review::{Campaign, Covers, Item, SignOffProof, campaign::Addendum},
};
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which items to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wanted {
    reviewer: Option<Subject>,
    /// `me`: only those that wait for the asker.
    waiting: Option<String>,
    state: Option<String>,
    result: Option<String>,
    after: Option<GrantId>,
    limit: Option<u32>,
}

/// Answers of one act.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    answers: Vec<NewAnswer>,
}

/// What is signed for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOff {
    covers: Covers,
}

/// A correction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAddendum {
    #[serde(default)]
    grant: Option<GrantId>,
    text: String,
}

/// `GET /api/v1/reviews`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(filter): Query<CampaignFilter>,
) -> Result<Json<Value>, Problem> {
    let found = console.governance().campaigns(&asker.actor, &filter).await?;
    let shown: Vec<Value> = found.iter().map(|it| campaign(it, &console, &asker)).collect();
    let waiting = console.governance().reviews_waiting_for(asker.actor.subject()).await?;
    Ok(Json(json!({ "campaigns": shown, "waiting_for_me": waiting })))
}

/// `GET /api/v1/reviews/schedules`.
pub(crate) async fn schedules(State(console): State<Console>) -> Result<Json<Value>, Problem> {
    let schedules = console.governance().review_schedules().await?;
    Ok(Json(json!({ "schedules": schedules })))
}

/// `POST /api/v1/reviews`.
pub(crate) async fn open(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewCampaign>,
) -> Result<Json<Campaign>, Problem> {
    Ok(Json(console.governance().open_campaign(&asker.actor, new).await?))
}

/// `GET /api/v1/reviews/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(campaign(&reviews::campaign(&console, &asker, &id).await?, &console, &asker)))
}

/// `GET /api/v1/reviews/{id}/report`.
pub(crate) async fn report(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = reviews::campaign_id(&id)?;
    let report = console.governance().review_report(&asker.actor, id).await?;
    // The very bytes whose digest the ledger has.
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], report)
        .into_response())
}

/// `GET /api/v1/reviews/{id}/items`.
pub(crate) async fn items(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let id = reviews::campaign(&console, &asker, &id).await?.campaign.id;
    let waiting = match wanted.waiting.as_deref() {
        None => false,
        Some("me") => true,
        Some(_) => return Err(Problem::invalid("`waiting` is `me`, or is not there.")),
    };
    let reviewer = if waiting { Some(asker.actor.subject().clone()) } else { wanted.reviewer };
    let filter = ItemFilter {
        campaign: Some(id),
        reviewer,
        waiting,
        state: wanted.state,
        result: wanted.result,
        after: wanted.after.map(|it| (id, it)),
        limit: wanted.limit,
    };
    let found = console.governance().items(&asker.actor, &filter).await?;
    let snapshot = console.governance().policy().load();
    let shown: Vec<Value> = found.items.iter().map(|it| item(it, &snapshot, &asker)).collect();
    Ok(Json(json!({ "items": shown, "next": found.next.map(|(_, grant)| grant) })))
}

/// `GET /api/v1/reviews/{id}/items/{grant}`.
pub(crate) async fn one(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path((id, grant)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let found = reviews::item(&console, &asker, &id, &grant).await?;
    let mut document = item(&found.item, &console.governance().policy().load(), &asker);
    if let Some(members) = document.as_object_mut() {
        members.insert("now".to_owned(), json!(found.now));
        members.insert("since_snapshot".to_owned(), json!(found.since_snapshot));
        members.insert("undo_until".to_owned(), json!(found.undo_until));
        let page = format!("/console/reviews/{id}/items/{grant}");
        members.insert("page".to_owned(), console.address(&page).into());
        let campaign = reviews::campaign(&console, &asker, &id).await?.campaign;
        members.insert(
            "needs_reason".to_owned(),
            json!(reviews::need_reasons(&found.item, &campaign)),
        );
    }
    Ok(Json(document))
}

/// `POST /api/v1/reviews/{id}/answers`. Each answer has its own result; one that is refused keeps no other
/// from being taken. If all are refused, so is the act.
pub(crate) async fn answer(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(said): Strict<Answers>,
) -> Result<Json<Value>, Problem> {
    let id = reviews::campaign_id(&id)?;
    let answered = console.governance().answer_items(&asker.actor, id, said.answers).await?;
    results("answered", answered, &console, &asker)
}

/// `POST /api/v1/reviews/{id}/items/{grant}/undo`.
pub(crate) async fn undo(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path((id, grant)): Path<(String, String)>,
    Strict(_): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    let (id, grant) = (reviews::campaign_id(&id)?, reviews::grant_id(&grant)?);
    let undone = console.governance().undo(&asker.actor, id, grant).await?;
    Ok(Json(item(&undone, &console.governance().policy().load(), &asker)))
}

/// `POST /api/v1/reviews/{id}/hand-on`.
pub(crate) async fn hand_on(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(act): Strict<HandOn>,
) -> Result<Json<Value>, Problem> {
    let id = reviews::campaign_id(&id)?;
    let handed = console.governance().hand_on(&asker.actor, id, act).await?;
    results("handed_on", handed, &console, &asker)
}

/// `POST /api/v1/reviews/{id}/sign-off`.
pub(crate) async fn sign_off(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(wanted): Strict<SignOff>,
) -> Result<Json<Value>, Problem> {
    let id = reviews::campaign_id(&id)?;
    // Who did not say when they signed in, signed in too long ago.
    let at = asker.signed_in_at.unwrap_or_default();
    let proof = SignOffProof::SignIn { signed_in_at: at };
    let signed = console.governance().sign_off(&asker.actor, id, wanted.covers, proof).await;
    let signed = signed.map_err(|error| {
        let again = matches!(error, countersign_governance::ReviewError::SignInAgain);
        let problem = Problem::from(error);
        let page = console.address(&format!("/console/reviews/{id}/sign-off"));
        if again {
            Problem { next_step: format!("Sign in anew, or sign at {page}."), ..problem }
        } else {
            problem
        }
    })?;
    Ok(Json(json!(signed)))
}

/// `POST /api/v1/reviews/{id}/extend`.
pub(crate) async fn extend(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(more): Strict<MoreTime>,
) -> Result<Json<Campaign>, Problem> {
    let id = reviews::campaign_id(&id)?;
    Ok(Json(console.governance().extend(&asker.actor, id, &more).await?))
}

/// `POST /api/v1/reviews/{id}/confirm`.
pub(crate) async fn confirm(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(_): Strict<Nothing>,
) -> Result<Json<Campaign>, Problem> {
    let id = reviews::campaign_id(&id)?;
    Ok(Json(console.governance().confirm_close(&asker.actor, id).await?))
}

/// `POST /api/v1/reviews/{id}/addenda`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(new): Strict<NewAddendum>,
) -> Result<Json<Addendum>, Problem> {
    let id = reviews::campaign_id(&id)?;
    let NewAddendum { grant, text } = new;
    Ok(Json(console.governance().add_addendum(&asker.actor, id, grant, &text).await?))
}

/// An empty body, or an empty object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

fn campaign(view: &CampaignView, console: &Console, asker: &Asker) -> Value {
    let mut document = json!(view);
    let me = asker.actor.subject();
    let sees = crate::pages::reviews::sees_reviewers(asker, &view.campaign.rules.owner);
    if let Some(members) = document.as_object_mut() {
        let mine = view.waits_for.get(me).copied().unwrap_or_default();
        members.insert("waiting_for_me".to_owned(), mine.into());
        if !sees {
            members.remove("waits_for");
        }
        let page = console.address(&words::href(view.campaign.id));
        members.insert("page".to_owned(), page.into());
    }
    document
}

fn item(item: &Item, snapshot: &Snapshot, asker: &Asker) -> Value {
    json!({
        "item": item,
        "line": words::line(item, snapshot),
        "reduce_to": reviews::reduced(item, snapshot),
        "risk": reviews::risk(item),
        "waits_for_me": item.waits_for(asker.actor.subject()),
    })
}

/// What became of each item of an act. Where none was taken, the first refusal is the answer.
fn results(
    name: &str,
    of: Vec<Answered>,
    console: &Console,
    asker: &Asker,
) -> Result<Json<Value>, Problem> {
    let snapshot = console.governance().policy().load();
    let (mut taken, mut first, mut all) = (false, None, Vec::with_capacity(of.len()));
    for answered in of {
        let mut document = match answered.result {
            Ok(after) => {
                taken = true;
                item(&after, &snapshot, asker)
            }
            Err(error) => {
                let problem = Problem::from(error);
                let document = json!({ "problem": problem.document() });
                first = first.or(Some(problem));
                document
            }
        };
        if let Some(members) = document.as_object_mut() {
            members.insert("grant".to_owned(), json!(answered.grant));
        }
        all.push(document);
    }
    match first {
        Some(problem) if !taken => Err(problem),
        Some(_) | None => Ok(Json(json!({ name: all }))),
    }
}
