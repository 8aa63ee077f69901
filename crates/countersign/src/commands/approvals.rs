//! `countersign approvals`: the calls that wait for a human, and the human's answer. Shows exactly
//! what will run, before the answer is given.

use super::{joined, list, moment, text};
use crate::{
    api::{Api, query},
    cli::{ApprovalsCommand, Shared},
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    table::{Cell, Table},
};
use anstyle::Style;
use countersign_model::{ApprovalId, Verdict};
use serde_json::{Value, json};

pub(super) async fn run(command: ApprovalsCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        ApprovalsCommand::List { state } => {
            let state = (state != "all").then_some(state);
            let path = format!("/approvals{}", query(&[("state", state)]));
            let answer: Value = api.get(&path).await?;
            if shared.json { output::json(&answer) } else { table(&answer) }
        }
        ApprovalsCommand::Show { id } => {
            let approval = read(&api, id).await?;
            if shared.json { output::json(&approval) } else { show(&approval) }
        }
        ApprovalsCommand::Approve { id, comment } => {
            answer(&api, id, Verdict::Approve, &comment, shared).await
        }
        ApprovalsCommand::Deny { id, comment } => {
            answer(&api, id, Verdict::Deny, &comment, shared).await
        }
    }
}

async fn answer(
    api: &Api,
    id: Option<ApprovalId>,
    verdict: Verdict,
    comment: &str,
    shared: &Shared,
) -> Result<(), Failure> {
    let approval = read(api, id).await?;
    if !shared.json {
        show(&approval)?;
    }
    let id = text(&approval, "/id");
    let verb = match verdict {
        Verdict::Approve => "approve",
        Verdict::Deny => "deny",
    };
    let path = format!("/approvals/{id}/{verb}");
    let after: Value = api.post(&path, &json!({"comment": comment})).await?;
    let after = whole(after);
    if shared.json {
        return output::json(&after);
    }
    let state = state_of(&after);
    output::line(&format!("\n{id} is {}", styled(style(&state).bold(), &state)))?;
    if state == "pending" {
        output::note("More people have to say yes before it runs.");
    }
    Ok(())
}

/// The request that was named, or the only one that waits.
async fn read(api: &Api, id: Option<ApprovalId>) -> Result<Value, Failure> {
    if let Some(id) = id {
        return Ok(whole(api.get(&format!("/approvals/{id}")).await?));
    }
    let waiting: Value = api.get("/approvals?state=pending").await?;
    match list(&waiting, "/approvals") {
        [] => Err(Failure::failed("no call waits for your answer")),
        [one] => {
            let id = text(&whole(one.clone()), "/id");
            Ok(whole(api.get(&format!("/approvals/{id}")).await?))
        }
        several => {
            let ids = several.iter().map(|it| text(&whole(it.clone()), "/id"));
            let ids: Vec<String> = ids.collect();
            Err(Failure::usage(format!("{} calls wait: {}", ids.len(), ids.join(", ")))
                .next("name one of them"))
        }
    }
}

/// The approval, whether the answer is it or holds it.
fn whole(answer: Value) -> Value {
    match answer.get("approval") {
        Some(approval) if approval.is_object() => approval.clone(),
        Some(_) | None => answer,
    }
}

/// The state's name: a text, or a state with its facts.
fn state_of(approval: &Value) -> String {
    match approval.get("state") {
        Some(Value::Object(_)) => text(approval, "/state/state"),
        Some(_) | None => text(approval, "/state"),
    }
}

fn style(state: &str) -> Style {
    match state {
        "pending" => YELLOW,
        "approved" | "executed" => GREEN,
        "denied" | "failed" | "outcome_unknown" => RED,
        _ => DIM,
    }
}

fn table(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["request", "state", "function", "caller", "why", "answer by"]);
    for item in list(answer, "/approvals") {
        let approval = whole(item.clone());
        let state = state_of(&approval);
        table.row([
            text(&approval, "/id").into(),
            Cell::styled(&state, style(&state)),
            text(&approval, "/call/function").into(),
            caller(&approval).into(),
            text(&approval, "/sentence").into(),
            moment(&text(&approval, "/answer_by")).into(),
        ]);
    }
    output::write(&table.render("No calls wait."))
}

fn show(approval: &Value) -> Result<(), Failure> {
    let state = state_of(approval);
    output::line(&format!(
        "{} {}",
        styled(BOLD, &text(approval, "/id")),
        styled(style(&state), &state)
    ))?;
    let rows = [
        ("function", text(approval, "/call/function")),
        ("purpose", text(approval, "/call/purpose")),
        ("sensitivity", text(approval, "/call/sensitivity")),
        ("caller", caller(approval)),
        ("why held", text(approval, "/sentence")),
        ("asked", moment(&text(approval, "/opened_at"))),
        ("answer by", moment(&text(approval, "/answer_by"))),
        ("certified", moment(&text(approval, "/call/certified_at"))),
        ("hidden", joined(approval, "/call/hidden")),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("  {name:<12} {value}"))?;
    }
    let arguments = approval.pointer("/call/shown").cloned().unwrap_or_default();
    let arguments = serde_json::to_string_pretty(&arguments).unwrap_or_default();
    output::line(&format!(
        "  {:<12} {}",
        "arguments",
        plain(&arguments).replace('\n', "\n               ")
    ))?;
    for vote in list(approval, "/votes") {
        let comment = text(vote, "/comment");
        let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
        output::line(&format!("  {:<12} {}{comment}", "yes from", text(vote, "/by")))?;
    }
    Ok(())
}

/// The caller, and who acts for it.
fn caller(approval: &Value) -> String {
    let subject = text(approval, "/call/caller/subject");
    match joined(approval, "/call/caller/actors") {
        actors if actors.is_empty() => subject,
        actors => format!("{actors} for {subject}"),
    }
}
