//! `countersign notices`: what one was told, and whether it arrives.

use super::{list, moment, text};
use crate::{
    api::Api,
    cli::{NoticesCommand, Shared},
    exit::Failure,
    output::{self, BOLD, GREEN, RED, styled},
    table::Table,
};
use countersign_model::NoticeId;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(super) async fn run(command: NoticesCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        NoticesCommand::List { unread } => {
            let path = if unread { "/notices?unread=true" } else { "/notices" };
            told(&api.get(path).await?, shared)
        }
        NoticesCommand::Read { id: Some(id) } => read(&api, id, shared).await,
        NoticesCommand::Read { id: None } => {
            let answer: Value = api.post("/notices/read", &json!({})).await?;
            if shared.json {
                return output::json(&answer);
            }
            output::line(&format!("{} marked as read", text(&answer, "/read")))
        }
        NoticesCommand::Deliveries { state } => {
            let path = match state {
                None => "/notices/deliveries".to_owned(),
                Some(state) => {
                    let query = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair("state", &state)
                        .finish();
                    format!("/notices/deliveries?{query}")
                }
            };
            deliveries(&api.get(&path).await?, shared)
        }
        NoticesCommand::Test { to } => test(&api, to, shared).await,
    }
}

fn told(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let mut table = Table::new(["notice", "when", "what", "state"]);
    for notice in list(answer, "/notices") {
        let has = |name: &str| notice.get(name).is_some_and(|it| !it.is_null());
        let state = match (has("withdrawn_at"), has("read_at")) {
            (true, _) => "over",
            (false, true) => "read",
            (false, false) => "unread",
        };
        table.row([
            text(notice, "/id").into(),
            moment(&text(notice, "/made_at")).into(),
            text(notice, "/title").into(),
            state.into(),
        ]);
    }
    output::write(&table.render("Nobody has told you anything."))
}

async fn read(api: &Api, id: NoticeId, shared: &Shared) -> Result<(), Failure> {
    let answer: Value = api.get(&format!("/notices/{id}")).await?;
    drop::<Value>(api.post("/notices/read", &json!({"id": id})).await?);
    if shared.json {
        return output::json(&answer);
    }
    output::line(&styled(BOLD, &text(&answer, "/notice/title")))?;
    output::line(&text(&answer, "/notice/text"))?;
    output::line(&text(&answer, "/notice/link"))
}

fn deliveries(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let mut table = Table::new(["made", "channel", "to", "state", "tried", "said"]);
    for row in list(answer, "/deliveries") {
        table.row([
            moment(&text(row, "/made_at")).into(),
            text(row, "/channel").into(),
            text(row, "/to").into(),
            text(row, "/state").into(),
            text(row, "/attempts").into(),
            said(row).into(),
        ]);
    }
    output::write(&table.render("Nothing was to be delivered."))
}

/// Sends a test, and waits until each channel has said something.
async fn test(api: &Api, to: Option<String>, shared: &Shared) -> Result<(), Failure> {
    let to = match to {
        Some(to) => to,
        None => text(&api.get("/me").await?, "/subject"),
    };
    let asked: Value = api.post("/notices/test", &json!({"to": to})).await?;
    let path = format!("/notices/{}", text(&asked, "/notice/id"));
    let until = Instant::now() + ANSWERED_WITHIN;
    let answer: Value = loop {
        let answer: Value = api.get(&path).await?;
        let waits = |row: &Value| matches!(&*text(row, "/state"), "queued" | "sending");
        if !list(&answer, "/deliveries").iter().any(waits) || Instant::now() >= until {
            break answer;
        }
        sleep(LOOK_EVERY).await;
    };
    if shared.json {
        output::json(&answer)?;
    }
    let rows = list(&answer, "/deliveries");
    if rows.is_empty() && !shared.json {
        return output::line(
            "there is no channel but the console: see `notices` in the configuration",
        );
    }
    let mut failed = 0;
    for row in rows {
        let state = text(row, "/state");
        let sent = state == "sent";
        failed += usize::from(!sent);
        if !shared.json {
            let state = styled(if sent { GREEN } else { RED }, &state);
            output::line(&format!("{}: {state} {}", text(row, "/channel"), said(row)))?;
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{failed} of {} channels did not take it", rows.len()))
        .next("correct what it says under `notices` in the configuration, and restart the gateway"))
}

/// What a channel answered, and what went wrong.
fn said(row: &Value) -> String {
    let parts = [text(row, "/answer"), text(row, "/error")];
    parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("; ")
}

const ANSWERED_WITHIN: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(500);
