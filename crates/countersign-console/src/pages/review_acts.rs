//! What people do in a review by a form: answer, keep together, undo, hand on, extend, confirm, add. A
//! script that sends the same form asks for JSON, and is told what became of it.

use crate::{
    asker::Asker,
    console::Console,
    gate::Fields,
    problem::Problem,
    reviews::{self, form, form::Said, words},
};
use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{Answered, Extension as MoreTime, HandOn};
use countersign_model::{
    CampaignId, Subject,
    review::{AutomaticEnd, Item, ReviewVerdict},
};
use http::{HeaderMap, header};
use serde_json::{Value, json};

/// `POST /console/reviews/{id}/answer`.
pub(crate) async fn answer(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let done = Box::pin(answered(&console, &asker, &id, &fields)).await;
    told(&console, &asker, &id, &fields, &headers, done).await
}

async fn answered(
    console: &Console,
    asker: &Asker,
    id: &str,
    fields: &Fields,
) -> Result<(&'static str, Option<Item>), Problem> {
    let item = reviews::item(console, asker, id, fields.text("grant")).await?.item;
    let governance = console.governance();
    let campaign = item.campaign;
    match form::read(fields, &item, &governance.policy().load())? {
        Said::Answer(new) => {
            let said = match &new.verdict {
                ReviewVerdict::Certify => "kept",
                ReviewVerdict::Reduce { .. } => "reduced",
                ReviewVerdict::Revoke => "revoked",
                ReviewVerdict::DontKnow => "unknown",
                ReviewVerdict::HandOn { .. } => "handed",
            };
            let answered = governance.answer_items(&asker.actor, campaign, vec![new]).await?;
            Ok((said, Some(first(answered)?)))
        }
        Said::HandOn { to, why } => {
            let act = HandOn { grants: vec![item.grant], from: None, to, why };
            first(governance.hand_on(&asker.actor, campaign, act).await?)?;
            Ok(("handed", None))
        }
    }
}

/// What became of the only item of an act.
fn first(answered: Vec<Answered>) -> Result<Item, Problem> {
    let result = answered.into_iter().next().map(|it| it.result);
    result.unwrap_or(Err(countersign_governance::ReviewError::NoItem)).map_err(Problem::from)
}

/// `POST /console/reviews/{id}/undo`.
pub(crate) async fn undo(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let grant = reviews::grant_id(fields.text("grant"))?;
    let campaign = reviews::campaign_id(&id)?;
    let undone = console.governance().undo(&asker.actor, campaign, grant).await;
    let undone = undone.map(|item| ("undone", Some(item))).map_err(Problem::from);
    told(&console, &asker, &id, &fields, &headers, undone).await
}

/// `POST /console/reviews/{id}/keep-together`.
pub(crate) async fn keep_together(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign_id(&id)?;
    let wanted = form::together(&fields)?;
    let answered = console.governance().answer_items(&asker.actor, campaign, wanted).await?;
    let (mut kept, mut refused) = (0_usize, None);
    for answer in answered {
        match answer.result {
            Ok(_) => kept += 1,
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        // What was taken stands; the rest is in the list as it was.
        Some(_) if kept > 0 => Ok(back(&work(campaign), "kept_some")),
        Some(error) => Err(error.into()),
        None => Ok(back(&work(campaign), "kept_together")),
    }
}

/// `POST /console/reviews/{id}/hand-on`: somebody's items, by the campaign's owner or an administrator.
pub(crate) async fn hand_on(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign_id(&id)?;
    let grant = reviews::grant_id(fields.text("grant"))?;
    let person = |name: &str| {
        let said = fields.text(name);
        (!said.is_empty()).then(|| Subject::from(said))
    };
    let to = person("to").ok_or_else(|| Problem::invalid("The form does not say to whom."))?;
    let why = fields.text("why").to_owned();
    let act = HandOn { grants: vec![grant], from: person("from"), to, why };
    first(console.governance().hand_on(&asker.actor, campaign, act).await?)?;
    Ok(back(&format!("{}/items/{grant}", words::href(campaign)), "handed"))
}

/// `POST /console/reviews/{id}/extend`.
pub(crate) async fn extend(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign_id(&id)?;
    let end = match fields.text("end") {
        "grace" => AutomaticEnd::Grace,
        _ => AutomaticEnd::Due,
    };
    let until = format!("{}T23:59:59Z", fields.text("until")).parse();
    let until =
        until.map_err(|_| Problem::invalid("The form names no date, such as 2027-01-31."))?;
    let more = MoreTime { end, until, why: fields.text("why").to_owned() };
    console.governance().extend(&asker.actor, campaign, &more).await?;
    Ok(back(&words::href(campaign), "extended"))
}

/// `POST /console/reviews/{id}/confirm`: what the breaker stopped, ends.
pub(crate) async fn confirm(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign_id(&id)?;
    console.governance().confirm_close(&asker.actor, campaign).await?;
    Ok(back(&words::href(campaign), "confirmed"))
}

/// `POST /console/reviews/{id}/addenda`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign_id(&id)?;
    let about = match fields.text("grant") {
        "" => None,
        named => Some(reviews::grant_id(named)?),
    };
    console.governance().add_addendum(&asker.actor, campaign, about, fields.text("text")).await?;
    Ok(back(&words::href(campaign), "added"))
}

/// The page again, or what a script is told.
async fn told(
    console: &Console,
    asker: &Asker,
    id: &str,
    fields: &Fields,
    headers: &HeaderMap,
    done: Result<(&'static str, Option<Item>), Problem>,
) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let is_script = accepts.is_some_and(|it| it.starts_with("application/json"));
    match (is_script, done) {
        (false, Ok((said, _))) => {
            let place = match fields.text("back") {
                "item" => format!("/console/reviews/{id}/items/{}", fields.text("grant")),
                _ => format!("/console/reviews/{id}/work"),
            };
            Ok(back(&place, said))
        }
        (false, Err(problem)) => Err(problem),
        (true, Err(problem)) => Ok(problem.as_json()),
        (true, Ok((said, item))) => {
            Ok(Json(outcome(console, asker, id, said, item.as_ref()).await?).into_response())
        }
    }
}

/// What a script shows: where the item stands, whether it can be undone, and how many wait.
async fn outcome(
    console: &Console,
    asker: &Asker,
    id: &str,
    said: &'static str,
    item: Option<&Item>,
) -> Result<Value, Problem> {
    let me = asker.actor.subject();
    // Whoever handed their last item on may have no part in the campaign any more.
    let view = console.governance().campaign(&asker.actor, reviews::campaign_id(id)?).await.ok();
    let waits = view.as_ref().and_then(|it| it.waits_for.get(me)).copied().unwrap_or_default();
    let undo = match (item, &view) {
        (Some(item), Some(view)) => reviews::undo_until(item, &view.campaign, me),
        (Some(_), None) | (None, _) => None,
    };
    Ok(json!({
        "said": notice(Some(said)),
        "state": item.map(|it| words::item_state(&it.state).label),
        "waits_for_me": item.is_some_and(|it| it.waits_for(me)),
        "undo": undo.is_some_and(|it| it > console.now()),
        "left": waits,
    }))
}

/// What just happened, in words.
pub(crate) fn notice(said: Option<&str>) -> Option<&'static str> {
    Some(match said? {
        "kept" => "Kept.",
        "reduced" => "Reduced. It is in force on the next call.",
        "revoked" => "Revoked. It is in force on the next call, and can be undone for 15 minutes.",
        "unknown" => "You don’t know: it stays open until somebody answers.",
        "handed" => "Handed on.",
        "undone" => "Undone: it waits for an answer again.",
        "kept_together" => "Kept, all of them.",
        "kept_some" => "Kept, except those that are still in the list: they changed meanwhile.",
        "extended" => "The date is moved.",
        "confirmed" => "Confirmed: what nobody answered ends now.",
        "added" => "The addendum is kept.",
        "signed" => "Signed.",
        _ => return None,
    })
}

fn work(campaign: CampaignId) -> String {
    format!("{}/work", words::href(campaign))
}

pub(crate) fn back(place: &str, said: &str) -> Response {
    Redirect::to(&format!("{place}?said={said}")).into_response()
}
