//! `/api/v1/notices`: what the asker was told, over which channels they are told, and what became of
//! deliveries.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_governance::{
    DeliveryQuery, DeliveryState, NOTICES_MAX, NoticeChoice, NoticesListed, Reach,
};
use countersign_model::{NoticeId, Subject};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which notices to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    unread: bool,
    before: Option<NoticeId>,
}

/// Which notice was read; all of them without one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Read {
    id: Option<NoticeId>,
}

/// Which deliveries to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AskedDeliveries {
    state: Option<String>,
    notice: Option<NoticeId>,
    before: Option<countersign_model::DeliveryId>,
}

/// Whom to send a test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Test {
    to: Subject,
}

/// `GET /api/v1/notices`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let listed = if asked.unread { NoticesListed::Unread } else { NoticesListed::All };
    let notices = console.governance().notices(&asker.actor, listed, asked.before).await?;
    let unread = console.governance().notices_unread(&asker.actor).await?;
    Ok(Json(json!({"notices": notices, "unread": unread})))
}

/// `GET /api/v1/notices/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id: NoticeId = id.parse().map_err(|_| Problem::not_found("notice"))?;
    let (notice, deliveries) = console.governance().notice(&asker.actor, id).await?;
    Ok(Json(json!({"notice": notice, "deliveries": deliveries})))
}

/// `POST /api/v1/notices/read`.
pub(crate) async fn read(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(read): Strict<Read>,
) -> Result<Json<Value>, Problem> {
    let count = console.governance().read_notices(&asker.actor, read.id).await?;
    Ok(Json(json!({"read": count})))
}

/// `GET /api/v1/notices/channels`.
pub(crate) async fn channels(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Json<Value>, Problem> {
    let governance = console.governance();
    let channels = governance.notice_channels().iter().map(|it| {
        let reach = match it.reach {
            Reach::Person => "person",
            Reach::Room => "room",
            Reach::Program => "program",
        };
        json!({"name": it.name, "reach": reach})
    });
    let channels: Vec<Value> = channels.collect();
    let choice = governance.notice_choice(&asker.actor).await?;
    let address = governance.notice_address(&asker.actor).await?;
    Ok(Json(json!({"channels": channels, "choice": choice, "address": address})))
}

/// `POST /api/v1/notices/channels`.
pub(crate) async fn choose(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(choice): Strict<NoticeChoice>,
) -> Result<Json<Value>, Problem> {
    console.governance().choose_channels(&asker.actor, &choice).await?;
    Ok(Json(json!({"choice": choice})))
}

/// `GET /api/v1/notices/deliveries`.
pub(crate) async fn deliveries(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<AskedDeliveries>,
) -> Result<Json<Value>, Problem> {
    let state = match asked.state.as_deref() {
        None => None,
        Some(name) => Some(DeliveryState::named(name).ok_or_else(|| {
            let names: Vec<&str> = DeliveryState::ALL.iter().map(|it| it.name()).collect();
            Problem::invalid(format!("`state` is one of {}.", names.join(", ")))
        })?),
    };
    let AskedDeliveries { notice, before, .. } = asked;
    let query = DeliveryQuery { notice, state, before, limit: NOTICES_MAX };
    let deliveries = console.governance().deliveries(&asker.actor, &query).await?;
    Ok(Json(json!({"deliveries": deliveries})))
}

/// `POST /api/v1/notices/test`. What becomes of it is asked by the notice's id.
pub(crate) async fn test(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(test): Strict<Test>,
) -> Result<Json<Value>, Problem> {
    let notice = console.governance().test_notice(&asker.actor, &test.to).await?;
    Ok(Json(json!({"notice": notice})))
}
