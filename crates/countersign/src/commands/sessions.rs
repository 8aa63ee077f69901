//! `countersign sessions`: what was recorded, as it was masked.

use super::{joined, list, moment, text};
use crate::{
    api::{Api, query},
    cli::{CallsArguments, SessionsCommand, Shared},
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    replay::{Tempo, pauses},
    table::{Cell, Table},
};
use anstyle::Style;
use countersign_model::{Span, Timestamp};
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
        SessionsCommand::Show { calls } => {
            let answer = read(&api, calls).await?;
            if shared.json { output::json(&answer) } else { show(&answer) }
        }
        SessionsCommand::Replay { calls, speed, pause_max } => {
            let answer = read(&api, calls).await?;
            replay(&answer, Tempo { speed, pause_max }).await
        }
    }
}

/// Reads calls page by page, up to the limit, into the last page's answer.
async fn read(api: &Api, wanted: CallsArguments) -> Result<Value, Failure> {
    let CallsArguments { id, limit, mut after } = wanted;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut calls: Vec<Value> = Vec::new();
    let mut sums = [("unseen", 0), ("unreadable", 0), ("absent_segments", 0)];
    loop {
        let room = limit.saturating_sub(calls.len());
        let query = query(&[("limit", Some(room.to_string())), ("after", after)]);
        let mut answer: Value = api.get(&format!("/sessions/{id}{query}")).await?;
        if let Some(Value::Array(page)) = answer.get_mut("calls").map(Value::take) {
            calls.extend(page);
        }
        for (name, sum) in &mut sums {
            *sum += answer.get(*name).and_then(Value::as_u64).unwrap_or(0);
        }
        after = answer.get("next").and_then(Value::as_str).map(str::to_owned);
        if after.is_some() && calls.len() < limit {
            continue;
        }
        if let Value::Object(answer) = &mut answer {
            answer.insert("calls".to_owned(), Value::Array(calls));
            for (name, sum) in sums {
                answer.insert(name.to_owned(), sum.into());
            }
        }
        return Ok(answer);
    }
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
    output::write(&table.render("Nothing was recorded."))?;
    foot(answer)
}

/// What is not shown, and why.
fn foot(answer: &Value) -> Result<(), Failure> {
    let count = |pointer| answer.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let mut notes = Vec::new();
    let refused = count("/session/refused");
    if refused > 0 {
        notes.push(format!(
            "{} did not run, and {} no recording; the ledger has what was refused",
            many(refused, "call", "calls"),
            if refused == 1 { "has" } else { "have" },
        ));
    }
    if let Some(erased) = answer.pointer("/session/erased_at").and_then(Value::as_str) {
        notes.push(format!("the recordings were erased on {}", moment(erased)));
    }
    if count("/unseen") > 0 {
        let unseen = many(count("/unseen"), "call", "calls");
        notes.push(format!("{unseen} to functions that are not yours"));
    }
    if count("/unreadable") > 0 {
        let unreadable = many(count("/unreadable"), "recording", "recordings");
        notes.push(format!("{unreadable} can't be read: verify the ledger's directory"));
    }
    if count("/absent_segments") > 0 {
        let absent = many(count("/absent_segments"), "segment", "segments");
        notes
            .push(format!("{absent} of recordings not on this gateway: ask the one that recorded"));
    }
    match answer.get("index").and_then(Value::as_str) {
        Some("missing") if !list(answer, "/calls").is_empty() => {
            notes.push(
                "the index names no recordings: those of that time were looked through".to_owned(),
            );
        }
        Some("unchecked") => notes.push(
            "the index of recordings is being compared: those of that time were looked through"
                .to_owned(),
        ),
        Some(_) | None => {}
    }
    if let Some(next) = answer.get("next").and_then(Value::as_str) {
        notes.push(format!("there are more: go on with --after {next}"));
    }
    notes.iter().try_for_each(|note| output::line(&styled(DIM, note)))
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
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
    foot(answer)?;
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
    let title = plain(&text(session, "/title"));
    output::line(&format!(
        "{} {}{}",
        styled(BOLD, &text(session, "/id")),
        who(session),
        styled(DIM, &if title.is_empty() { title } else { format!("  {title}") }),
    ))
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
