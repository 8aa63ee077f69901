//! `countersign grants`: who may call what, why, and who confirmed it.

use super::{grant_life, grant_usage, moment};
use crate::{
    api::{Api, query},
    cli::{End, GrantAddArguments, GrantsCommand, GrantsListArguments, Shared},
    clock,
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    table::{Cell, Table},
};
use anstyle::Style;
use clap::ValueEnum;
use countersign_model::{Grant, GrantId, GrantState, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

/// A grant with what its functions make of it.
#[derive(Debug, Deserialize)]
struct View {
    grant: Grant,
    #[serde(default)]
    functions: Vec<FunctionView>,
    /// Only where one grant is shown.
    #[serde(flatten)]
    evidence: Option<grant_usage::Evidence>,
}

/// One function that a grant reaches.
#[derive(Debug, Deserialize)]
struct FunctionView {
    name: String,
    freshness: String,
    #[serde(default)]
    until: Option<Timestamp>,
}

pub(super) async fn run(command: GrantsCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        GrantsCommand::Add(arguments) => add(&api, arguments, shared).await,
        GrantsCommand::List(arguments) => list(&api, arguments, shared).await,
        GrantsCommand::Show { id } => {
            let answer: Value = api.get(&format!("/grants/{id}")).await?;
            if shared.json { output::json(&answer) } else { show(&view(answer)?) }
        }
        GrantsCommand::Certify { id, version } => certify(&api, id, version, shared).await,
        GrantsCommand::Revoke { id, why } => {
            let answer = api.post(&format!("/grants/{id}/revoke"), &json!({"why": why})).await?;
            say(&answer, "revoked; in force on the next call", shared)
        }
        GrantsCommand::Life(command) => grant_life::run(&api, command, shared).await,
    }
}

async fn add(api: &Api, typed: GrantAddArguments, shared: &Shared) -> Result<(), Failure> {
    let holder = match (typed.subject, typed.group) {
        (Some(subject), _) => json!({"subject": subject}),
        (None, Some(group)) => json!({"group": group}),
        (None, None) => return Err(Failure::usage("name a --subject or a --group")),
    };
    let expires = typed.expires.map(|end| match end {
        End::At(moment) => moment,
        End::After(span) => clock::clock().now().plus(span),
    });
    let document = json!({
        "holder": holder,
        "functions": typed.functions,
        "tags": typed.tags,
        "reason": typed.reason,
        "constraints": typed.constraints,
        "rate": typed.rate.map(|(calls, per)| json!({"calls": calls, "per": per})),
        "expires_at": expires,
    });
    let answer = api.post("/grants", &document).await?;
    say(&answer, "made", shared)?;
    if !shared.json && answer.get("certified").is_none_or(Value::is_null) {
        output::note(
            "Nobody has certified it yet: until then its calls are held or blocked as overdue.",
        );
        output::note(&format!(
            "An owner does so with: countersign grants certify {}",
            super::text(&answer, "/id")
        ));
    }
    Ok(())
}

async fn certify(
    api: &Api,
    id: GrantId,
    version: Option<u32>,
    shared: &Shared,
) -> Result<(), Failure> {
    let version = match version {
        Some(version) => version,
        None => {
            let seen = view(api.get(&format!("/grants/{id}")).await?)?;
            if !shared.json {
                show(&seen)?;
            }
            seen.grant.version
        }
    };
    let path = format!("/grants/{id}/certify");
    let answer = api.post(&path, &json!({"version": version})).await?;
    say(&answer, "certified", shared)
}

async fn list(api: &Api, typed: GrantsListArguments, shared: &Shared) -> Result<(), Failure> {
    let state = typed.state.and_then(|it| it.to_possible_value());
    let query = query(&[
        ("subject", typed.subject),
        ("function", typed.function),
        ("state", state.map(|it| it.get_name().to_owned())),
    ]);
    let answer: Value = api.get(&format!("/grants{query}")).await?;
    if shared.json {
        return output::json(&answer);
    }
    let mut table = Table::new(["grant", "holder", "functions", "review", "lapses", "reason"]);
    for item in super::list(&answer, "/grants") {
        let view = view(item.clone())?;
        let grant = &view.grant;
        let (state, until) = worst(&view);
        let names = view.functions.iter().map(|it| it.name.as_str());
        let mut names: Vec<&str> = names.collect();
        if names.is_empty() {
            names = grant.functions.iter().map(|it| it.as_str()).collect();
        }
        table.row([
            grant.id.to_string().into(),
            grant.holder.to_string().into(),
            few(&names).into(),
            Cell::styled(state, style(state)),
            until.map(Timestamp::date).unwrap_or_default().into(),
            (&grant.reason).into(),
        ]);
    }
    output::write(&table.render("There are no such grants."))
}

/// The first two names and how many more there are.
fn few(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two}, +{}", rest.len()),
    }
}

/// The worst state among a grant's functions, and until when it holds.
fn worst(view: &View) -> (&str, Option<Timestamp>) {
    match view.grant.state {
        GrantState::Revoked { .. } => return ("revoked", None),
        GrantState::Suspended { .. } => return ("suspended", None),
        GrantState::Active => {}
    }
    let order = ["ended", "overdue", "due", "fresh"];
    let rank = |it: &&FunctionView| order.iter().position(|known| *known == it.freshness);
    match view.functions.iter().min_by_key(rank) {
        Some(function) => (&function.freshness, function.until),
        None => ("", None),
    }
}

fn style(state: &str) -> Style {
    match state {
        "fresh" => GREEN,
        "due" => YELLOW,
        "overdue" | "suspended" => RED,
        _ => DIM,
    }
}

fn show(view: &View) -> Result<(), Failure> {
    let grant = &view.grant;
    let head = format!("{} version {}", grant.id, grant.version);
    output::line(&styled(BOLD, &head))?;
    let field = |name: &str, value: String| {
        if value.is_empty() {
            return Ok(());
        }
        output::line(&format!("  {:<12} {}", name, plain(&value)))
    };
    field("holder", grant.holder.to_string())?;
    field("reason", grant.reason.clone())?;
    let tags: Vec<&str> = grant.tags.iter().map(|it| it.as_str()).collect();
    field("tags", tags.join(", "))?;
    field("constraints", grant.constraints.join("; "))?;
    field("rate", grant.rate.map(|it| format!("{} in {}", it.calls, it.per)).unwrap_or_default())?;
    field("made", format!("{} by {}", moment(&grant.made_at.to_string()), grant.made_by))?;
    let certified = grant.certified.as_ref().map_or_else(
        || "never".to_owned(),
        |it| format!("{} by {} (version {})", moment(&it.at.to_string()), it.by, it.version),
    );
    field("certified", certified)?;
    field("expires", grant.expires_at.map(|it| moment(&it.to_string())).unwrap_or_default())?;
    match &grant.state {
        GrantState::Active => {}
        GrantState::Suspended { by, at, why } => {
            field("suspended", format!("{} by {by}: {why}", moment(&at.to_string())))?;
        }
        GrantState::Revoked { by, at, why, suspended: _ } => {
            field("revoked", format!("{} by {by}: {why}", moment(&at.to_string())))?;
        }
    }
    for function in &view.functions {
        let word = if function.freshness == "overdue" { "since" } else { "until" };
        let until = function.until.map(|it| format!(" {word} {}", it.date())).unwrap_or_default();
        let state = styled(style(&function.freshness), &plain(&function.freshness));
        output::line(&format!("  {} {state}{until}", plain(&function.name)))?;
    }
    view.evidence.as_ref().map_or(Ok(()), grant_usage::show)
}

fn say(answer: &Value, what: &str, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let (id, version) = (super::text(answer, "/id"), super::text(answer, "/version"));
    output::line(&format!("grant {id} version {version}: {}", styled(GREEN, what)))
}

fn view(answer: Value) -> Result<View, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::failed("the grant can't be understood"))
}
