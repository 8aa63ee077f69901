//! The form for a new grant. What governance refuses comes back with what was typed.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    pages::grant_preview::PreviewPart,
    problem::Problem,
    samples::{Sample, Say, frame},
    sight,
    text::Text,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{ArgumentsFrom, NewGrant, WantedGrant};
use countersign_model::{FunctionName, Group, Holder, Subject, Timestamp, catalog::Tag};
use http::StatusCode;
use serde::Deserialize;

/// A new grant, as far as it is written.
#[derive(Debug, Template)]
#[template(path = "grant_new.html")]
pub(crate) struct GrantNewPage {
    frame: Frame,
    fault: Option<Text>,
    holder: String,
    holder_is_group: bool,
    functions: String,
    tags: String,
    reason: String,
    constraints: String,
    expires: String,
    may_use_tags: bool,
    preview: Option<PreviewPart>,
}

/// What the form is begun with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Begun {
    #[serde(default)]
    function: String,
}

/// `GET /console/grants/new`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(begun): Query<Begun>,
) -> Result<Response, Problem> {
    may(&console, &asker)?;
    page(&GrantNewPage {
        frame: frame_of(&asker),
        fault: None,
        holder: String::new(),
        holder_is_group: false,
        functions: Text::line(begun.function).plain(),
        tags: String::new(),
        reason: String::new(),
        constraints: String::new(),
        expires: String::new(),
        may_use_tags: asker.actor.is_administrator(),
        preview: None,
    })
}

/// `POST /console/grants/preview`: the form as it was typed, with what such a grant would let through.
pub(crate) async fn preview(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    may_preview(&console, &asker)?;
    let from = ArgumentsFrom::Recordings(&console.parts.recordings_directory);
    let told = match read(&console, &fields) {
        Ok(new) => {
            let NewGrant { holder, functions, tags, constraints, .. } = new;
            let wanted = WantedGrant { holder, functions, tags, constraints, look_back: None };
            let told = console.governance().preview_grant(&asker.actor, wanted, from).await;
            told.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match told {
        Ok(told) => {
            let preview = Some(PreviewPart::of(&told));
            page(&GrantNewPage { preview, ..GrantNewPage::typed(&asker, &fields) })
        }
        Err(problem) => again(&asker, &fields, problem),
    }
}

/// `POST /console/grants`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    may(&console, &asker)?;
    let added = match read(&console, &fields) {
        Ok(new) => console.governance().add_grant(&asker.actor, new).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let problem = match added {
        Ok(grant) => {
            let to = format!("/console/grants/{}?said=made", grant.id);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(problem) => problem,
    };
    again(&asker, &fields, problem)
}

/// The form again with what was typed, if that is what is wrong.
fn again(asker: &Asker, fields: &Fields, problem: Problem) -> Result<Response, Problem> {
    let is_typed = matches!(
        problem.status,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::FORBIDDEN
    );
    if !is_typed {
        return Err(problem);
    }
    let fault = Some(Text::line(in_lines(problem.detail)));
    let mut response = page(&GrantNewPage { fault, ..GrantNewPage::typed(asker, fields) })?;
    *response.status_mut() = problem.status;
    Ok(response)
}

impl GrantNewPage {
    /// As it was typed.
    fn typed(asker: &Asker, fields: &Fields) -> Self {
        let typed = |name: &str| Text::block(fields.text(name).replace("\r\n", "\n")).plain();
        Self {
            frame: frame_of(asker),
            fault: None,
            holder: typed("holder"),
            holder_is_group: fields.text("holder_kind") == "group",
            functions: typed("functions"),
            tags: typed("tags"),
            reason: typed("reason"),
            constraints: typed("constraints"),
            expires: typed("expires"),
            may_use_tags: asker.actor.is_administrator(),
            preview: None,
        }
    }
}

/// A fault's place as the form has it: constraints are lines there, and the first is the first.
fn in_lines(detail: String) -> String {
    let numbered = detail.strip_prefix("Constraints[").and_then(|it| it.split_once("]: "));
    match numbered.and_then(|(place, rest)| Some((place.parse::<u32>().ok()?, rest))) {
        Some((place, rest)) => format!("Constraint {}, {rest}", place.saturating_add(1)),
        None => detail,
    }
}

fn may(console: &Console, asker: &Asker) -> Result<(), Problem> {
    let snapshot = console.governance().policy().load();
    if sight::may_grant_any(&asker.actor, &snapshot) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "Only owners of functions and administrators add grants.",
        "Ask an owner of the function; its page in the catalog names them.",
    ))
}

/// Whoever sees everything may look at what they may not make.
fn may_preview(console: &Console, asker: &Asker) -> Result<(), Problem> {
    if asker.actor.sees_everything() { Ok(()) } else { may(console, asker) }
}

fn frame_of(asker: &Asker) -> Frame {
    Frame::new("Add a grant", Place::Grants, asker.signed())
}

fn read(console: &Console, fields: &Fields) -> Result<NewGrant, Problem> {
    let lines = |name: &str| {
        let text = fields.text(name).to_owned();
        let lines = text.lines().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        lines.collect::<Vec<String>>()
    };
    let words = |name: &str| {
        let text = fields.text(name).replace(',', " ");
        text.split_whitespace().map(str::to_owned).collect::<Vec<String>>()
    };
    let holder = match (fields.text("holder_kind"), fields.text("holder")) {
        ("group", name) => Holder::Group(Group::from(name)),
        ("subject", name) => Holder::Subject(Subject::from(name)),
        _ => return Err(Problem::invalid("The holder is neither a subject nor a group.")),
    };
    let expires_at = match fields.text("expires") {
        "" => None,
        date => Some(
            date.parse::<Timestamp>()
                .map_err(|fault| Problem::invalid(crate::problem::sentence(&fault.to_string())))?,
        ),
    };
    let functions: Vec<FunctionName> =
        words("functions").into_iter().map(FunctionName::new).collect();
    // Said before who may: a name that is mistyped has no owner.
    let snapshot = console.governance().policy().load();
    let unknown = functions.iter().find(|it| snapshot.catalog().by_name(it.as_str()).is_none());
    if let Some(name) = unknown {
        return Err(Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            ..Problem::invalid(format!("The catalog has no function `{name}`."))
        });
    }
    Ok(NewGrant {
        holder,
        functions,
        tags: words("tags").into_iter().map(Tag::new).collect(),
        reason: fields.text("reason").to_owned(),
        constraints: lines("constraints"),
        rate: None,
        expires_at,
    })
}

impl Sample for GrantNewPage {
    const NAME: &'static str = "grant-new";

    fn samples(say: Say) -> Vec<Self> {
        let page = |fault: Option<Text>, holder: &str| {
            let preview = fault.is_none().then(|| PreviewPart::sample(say));
            Self {
                preview,
                frame: frame("Add a grant", Place::Grants, say),
                fault,
                holder: say(holder).plain(),
                holder_is_group: true,
                functions: say("billing.refunds.create").plain(),
                tags: String::new(),
                reason: say("Refunds for complaints").plain(),
                constraints: say("args.amount <= 100.0").plain(),
                expires: String::new(),
                may_use_tags: true,
            }
        };
        vec![page(None, ""), page(Some(say("functions: no function `billing.refund`.")), "support")]
    }
}
