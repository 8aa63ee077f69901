//! What becomes of a grant, and asking for one: the rest of `countersign grants`.

use super::{grant_preview, moment};
use crate::{
    api::Api,
    cli::{
        End, GrantApproveArguments, GrantLifeCommand, GrantRequestArguments, GrantTermsArguments,
        GrantTransferArguments, Shared,
    },
    clock,
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, plain, styled},
    table::{Cell, Table},
};
use countersign_model::{
    Grant, Span, Timestamp,
    grant::{GrantRequest, GrantRequestState, Terms},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) async fn run(
    api: &Api,
    command: GrantLifeCommand,
    shared: &Shared,
) -> Result<(), Failure> {
    match command {
        GrantLifeCommand::Narrow(typed) => {
            let (version, before) = terms(api, &typed).await?;
            let names: Vec<_> = typed.functions.iter().map(|it| it.as_str().into()).collect();
            let mut terms = before.reduced(&names, &typed.constraints);
            limits(&mut terms, typed.rate, typed.expires);
            change(api, &typed, "narrow", version, &terms, shared).await
        }
        GrantLifeCommand::Change(typed) => {
            let (version, mut terms) = terms(api, &typed).await?;
            if !typed.functions.is_empty() || !typed.tags.is_empty() {
                terms.functions = typed.functions.iter().map(|it| it.as_str().into()).collect();
                terms.tags = typed.tags.iter().map(|it| it.as_str().into()).collect();
            }
            if !typed.constraints.is_empty() {
                terms.constraints.clone_from(&typed.constraints);
            }
            limits(&mut terms, typed.rate, typed.expires);
            change(api, &typed, "change", version, &terms, shared).await
        }
        GrantLifeCommand::Renew { id, expires, ask: None } => {
            let body = json!({"expires_at": moment_of(expires)});
            let answer = api.post(&format!("/grants/{id}/renew"), &body).await?;
            say_grant(&answer, "renewed", shared)
        }
        GrantLifeCommand::Renew { id, expires, ask: Some(reason) } => {
            let body = json!({"renews": id, "expires_at": moment_of(expires), "reason": reason});
            let answer = api.post("/grant-requests", &body).await?;
            say_request(answer, shared)
        }
        GrantLifeCommand::Transfer(typed) => transfer(api, typed, shared).await,
        GrantLifeCommand::Suspend { id, why } => {
            let answer = api.post(&format!("/grants/{id}/suspend"), &json!({"why": why})).await?;
            say_grant(&answer, "suspended; in force on the next call", shared)
        }
        GrantLifeCommand::Resume { id } => {
            let answer = api.post(&format!("/grants/{id}/resume"), &json!({})).await?;
            say_grant(&answer, "resumed", shared)
        }
        GrantLifeCommand::Restore { id } => {
            let answer = api.post(&format!("/grants/{id}/restore"), &json!({})).await?;
            say_grant(&answer, "restored", shared)
        }
        GrantLifeCommand::History { id } => {
            let answer: Value = api.get(&format!("/grants/{id}/history")).await?;
            if shared.json { output::json(&answer) } else { history(&answer) }
        }
        GrantLifeCommand::Preview(typed) => grant_preview::run(api, typed, shared).await,
        GrantLifeCommand::Request(typed) => request(api, typed, shared).await,
        GrantLifeCommand::Requests { all } => {
            let state = if all { "all" } else { "pending" };
            let answer: Value = api.get(&format!("/grant-requests?state={state}")).await?;
            if shared.json { output::json(&answer) } else { requests(&answer) }
        }
        GrantLifeCommand::Approve(typed) => approve(api, typed, shared).await,
        GrantLifeCommand::Deny { id, why } => {
            let path = format!("/grant-requests/{id}/deny");
            say_request(api.post(&path, &json!({"why": why})).await?, shared)
        }
        GrantLifeCommand::Withdraw { id } => {
            let path = format!("/grant-requests/{id}/withdraw");
            say_request(api.post(&path, &json!({})).await?, shared)
        }
    }
}

/// The version that was seen, and what it permits.
async fn terms(api: &Api, typed: &GrantTermsArguments) -> Result<(u32, Terms), Failure> {
    let answer: Value = api.get(&format!("/grants/{}", typed.id)).await?;
    let grant: Grant = read(answer.get("grant").cloned().unwrap_or_default())?;
    Ok((typed.version.unwrap_or(grant.version), grant.terms()))
}

fn limits(terms: &mut Terms, rate: Option<(u32, Span)>, expires: Option<End>) {
    if let Some((calls, per)) = rate {
        terms.rate = Some(countersign_model::catalog::Rate { calls, per });
    }
    if let Some(end) = expires {
        terms.expires_at = Some(moment_of(end));
    }
}

async fn change(
    api: &Api,
    typed: &GrantTermsArguments,
    how: &str,
    version: u32,
    terms: &Terms,
    shared: &Shared,
) -> Result<(), Failure> {
    let path = format!("/grants/{}/{how}", typed.id);
    let answer: Value = api.post(&path, &json!({"version": version, "terms": terms})).await?;
    let not_certified = answer.get("certified").is_none_or(Value::is_null);
    say_grant(&answer, "changed", shared)?;
    if !shared.json && not_certified {
        output::note(
            "Nobody has certified this version: its calls are held or blocked until then.",
        );
    }
    Ok(())
}

async fn transfer(
    api: &Api,
    typed: GrantTransferArguments,
    shared: &Shared,
) -> Result<(), Failure> {
    let to = match (typed.subject, typed.group) {
        (Some(subject), _) => json!({"subject": subject}),
        (None, Some(group)) => json!({"group": group}),
        (None, None) => return Err(Failure::usage("name a --subject or a --group")),
    };
    let path = format!("/grants/{}/transfer", typed.id);
    let answer: Value = api.post(&path, &json!({"to": to, "why": typed.why})).await?;
    if shared.json {
        return output::json(&answer);
    }
    let (ended, made) = (super::text(&answer, "/ended/id"), super::text(&answer, "/made/id"));
    output::line(&format!("grant {ended} ended; {} made", styled(GREEN, &plain(&made))))?;
    output::note("Nobody has certified the new grant: its calls are held or blocked until then.");
    Ok(())
}

async fn request(api: &Api, typed: GrantRequestArguments, shared: &Shared) -> Result<(), Failure> {
    let body = json!({
        "subject": typed.subject,
        "functions": typed.functions,
        "reason": typed.reason,
        "constraints": typed.constraints,
        "rate": typed.rate.map(|(calls, per)| json!({"calls": calls, "per": per})),
        "expires_at": typed.expires.map(moment_of),
    });
    say_request(api.post("/grant-requests", &body).await?, shared)
}

async fn approve(api: &Api, typed: GrantApproveArguments, shared: &Shared) -> Result<(), Failure> {
    let asks_less =
        !typed.functions.is_empty() || !typed.constraints.is_empty() || typed.expires.is_some();
    let terms = if asks_less {
        let seen: GrantRequest = read(api.get(&format!("/grant-requests/{}", typed.id)).await?)?;
        let names: Vec<_> = typed.functions.iter().map(|it| it.as_str().into()).collect();
        let mut terms = seen.terms.reduced(&names, &typed.constraints);
        limits(&mut terms, None, typed.expires);
        Some(terms)
    } else {
        None
    };
    let path = format!("/grant-requests/{}/approve", typed.id);
    let body = json!({"terms": terms, "comment": typed.comment});
    say_request(api.post(&path, &body).await?, shared)
}

fn say_grant(answer: &Value, what: &str, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let (id, version) = (super::text(answer, "/id"), super::text(answer, "/version"));
    output::line(&format!("grant {id} version {version}: {}", styled(GREEN, what)))
}

fn say_request(answer: Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(&answer);
    }
    let request: GrantRequest = read(answer)?;
    let what = match &request.state {
        GrantRequestState::Pending => {
            let date = request.lapses_at.date();
            format!("waits for the functions' owners until {date}")
        }
        GrantRequestState::Approved { grant, .. } => format!("approved, as grant {}", grant.id),
        GrantRequestState::Denied { .. }
        | GrantRequestState::Withdrawn { .. }
        | GrantRequestState::Lapsed { .. } => request.state.name().to_owned(),
    };
    output::line(&format!("request {} {}", request.id, styled(GREEN, &what)))
}

fn requests(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["request", "for", "functions", "state", "until", "reason"]);
    for item in super::list(answer, "/grant_requests") {
        let request: GrantRequest = read(item.clone())?;
        let names: Vec<String> = request.terms.functions.iter().map(ToString::to_string).collect();
        table.row([
            request.id.to_string().into(),
            request.holder.to_string().into(),
            names.join(", ").into(),
            Cell::styled(request.state.name(), DIM),
            request.lapses_at.date().into(),
            (&request.reason).into(),
        ]);
    }
    output::write(&table.render("Nobody asks for a grant."))
}

fn history(answer: &Value) -> Result<(), Failure> {
    for step in super::list(answer, "/steps") {
        let at = super::text(step, "/at");
        let at = if at.is_empty() { "earlier".to_owned() } else { moment(&at) };
        let (change, by) = (super::text(step, "/change"), super::text(step, "/by"));
        let version = super::text(step, "/version");
        let head = format!("{at} {} by {} (version {version})", plain(&change), plain(&by));
        output::line(&styled(BOLD, &head))?;
        for line in super::list(step, "/lines") {
            output::line(&format!("  {}", plain(line.as_str().unwrap_or_default())))?;
        }
    }
    Ok(())
}

fn moment_of(end: End) -> Timestamp {
    match end {
        End::At(moment) => moment,
        End::After(span) => clock::clock().now().plus(span),
    }
}

pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::failed("the answer can't be understood"))
}
