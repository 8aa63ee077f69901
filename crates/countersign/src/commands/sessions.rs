//! `countersign sessions`: what was recorded, as it was masked.

use super::{joined, list, moment, text};
use crate::{
    api::{Api, query},
    cli::{SessionsCommand, Shared},
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    replay::{Tempo, pauses},
    table::{Cell, Table},
};
use anstyle::Style;
use countersign_model::{SessionId, Span, Timestamp};
use serde_json::Value;

pub(super) async fn run(command: SessionsCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        SessionsCommand::List { subject, limit, before } => {
            let query = query(&[
                ("subject", subject),
                ("limit", Some(limit.to_string())),
                ("before", before.map(|it| it.to_string())),
            ]);
            let answer: Value = api.get(&format!("/sessions{query}")).await?;
            if shared.json { output::json(&answer) } else { table(&answer) }
        }
        SessionsCommand::Show { id } => {
            let answer = read(&api, id).await?;
            if shared.json { output::json(&answer) } else { show(&answer) }
        }
        SessionsCommand::Replay { id, speed, pause_max } => {
            let answer = read(&api, id).await?;
            replay(&answer, Tempo { speed, pause_max }).await
        }
    }
}

async fn read(api: &Api, id: SessionId) -> Result<Value, Failure> {
    api.get(&format!("/sessions/{id}")).await
}

fn table(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["session", "subject", "began", "last call", "calls", "refused"]);
    for session in list(answer, "/sessions") {
        table.row([
            text(session, "/id").into(),
            who(session).into(),
            moment(&text(session, "/started_at")).into(),
            moment(&text(session, "/last_at")).into(),
            text(session, "/calls").into(),
            text(session, "/refused").into(),
        ]);
    }
    output::write(&table.render("There are no sessions."))
}

fn who(value: &Value) -> String {
    let subject = text(value, "/subject");
    match joined(value, "/actors") {
        actors if actors.is_empty() => subject,
        actors => format!("{actors} for {subject}"),
    }
}

fn show(answer: &Value) -> Result<(), Failure> {
    head(answer)?;
    let mut table = Table::new(["at", "function", "answer", "why", "took", "masked"]);
    for call in calls(answer) {
        table.row([
            moment(&text(call, "/at")).into(),
            text(call, "/function").into(),
            Cell::styled(status(call), style(call)),
            text(call, "/reason").into(),
            format!("{} ms", text(call, "/took_ms")).into(),
            text(call, "/masked").into(),
        ]);
    }
    output::write(&table.render("Nothing was recorded."))
}

async fn replay(answer: &Value, tempo: Tempo) -> Result<(), Failure> {
    head(answer)?;
    let calls = calls(answer);
    let times: Vec<Timestamp> = calls.iter().map(|call| at(call)).collect();
    let mut earlier: Option<Timestamp> = None;
    for ((call, pause), time) in calls.iter().zip(pauses(&times, tempo)).zip(&times) {
        tokio::time::sleep(pause).await;
        let since = earlier.map_or(Span::default(), |it| time.since(it));
        earlier = Some(*time);
        play(call, since)?;
    }
    output::line(&styled(DIM, "the end"))
}

/// One call, as it was.
fn play(call: &Value, since: Span) -> Result<(), Failure> {
    let time = moment(&text(call, "/at"));
    let after = if since > Span::default() { format!(" (+{since})") } else { String::new() };
    output::line(&format!(
        "\n{} {}{}",
        styled(DIM, &format!("{time}{after}")),
        styled(BOLD, &text(call, "/function")),
        styled(DIM, &format!("  {} {}", text(call, "/method"), text(call, "/path"))),
    ))?;
    if let Some(arguments) = call.get("arguments").filter(|it| !it.is_null()) {
        block("→", &serde_json::to_string_pretty(arguments).unwrap_or_default())?;
    }
    let facts =
        format!("{} {}, {} ms", status(call), text(call, "/reason"), text(call, "/took_ms"));
    output::line(&format!("  {} {}", styled(style(call), "←"), styled(style(call), &facts)))?;
    match call.get("response").and_then(Value::as_str) {
        Some(body) => block(" ", &pretty(body)),
        None => Ok(()),
    }
}

/// A text of some lines, indented, with its end left out if it is long.
fn block(mark: &str, body: &str) -> Result<(), Failure> {
    let body = plain(body);
    let mut mark = mark;
    for line in body.lines().take(LINES_MAX) {
        output::line(&format!("  {mark} {line}"))?;
        mark = " ";
    }
    let more = body.lines().count().saturating_sub(LINES_MAX);
    if more > 0 {
        output::line(&styled(DIM, &format!("    … {more} lines more")))?;
    }
    Ok(())
}

fn pretty(body: &str) -> String {
    let parsed = serde_json::from_str::<Value>(body).ok();
    let pretty = parsed.and_then(|it| serde_json::to_string_pretty(&it).ok());
    pretty.unwrap_or_else(|| body.to_owned())
}

fn head(answer: &Value) -> Result<(), Failure> {
    let session = answer.get("session").unwrap_or(answer);
    output::line(&format!("{} {}", styled(BOLD, &text(session, "/id")), who(session)))
}

/// The calls in the order of time. A call may stand in a wrapper with facts beside it.
fn calls(answer: &Value) -> Vec<&Value> {
    let whole = |item| -> &Value { Value::get(item, "exchange").unwrap_or(item) };
    let mut calls: Vec<&Value> = list(answer, "/calls").iter().map(whole).collect();
    calls.sort_by_key(|call| at(call));
    calls
}

fn at(call: &Value) -> Timestamp {
    text(call, "/at").parse().unwrap_or_default()
}

fn status(call: &Value) -> String {
    match text(call, "/status") {
        none if none == "0" || none.is_empty() => "refused".to_owned(),
        status => status,
    }
}

fn style(call: &Value) -> Style {
    match call.get("status").and_then(Value::as_u64) {
        Some(200..=399) => GREEN,
        Some(400..=499) => YELLOW,
        Some(_) | None => RED,
    }
}

const LINES_MAX: usize = 40;
