//! Campaigns and items for people: tables, and one item with all that is known of it.

use crate::{
    commands::{joined, list, moment, text},
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, styled},
    table::{Cell, Table},
};
use anstyle::Style;
use serde_json::Value;

pub(super) fn campaigns(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["campaign", "state", "title", "decided", "yours", "due"]);
    for one in list(answer, "/campaigns") {
        let state = text(one, "/campaign/state/state");
        table.row([
            text(one, "/campaign/id").into(),
            Cell::styled(&state, state_style(&state)),
            text(one, "/campaign/title").into(),
            decided(one).into(),
            text(one, "/waiting_for_me").into(),
            date(&text(one, "/campaign/due_at")).into(),
        ]);
    }
    output::write(&table.render("There is no campaign in which you have a part."))?;
    let waiting = text(answer, "/waiting_for_me");
    if waiting != "0" {
        output::note(&format!(
            "{waiting} item(s) wait for you: countersign reviews answer CAMPAIGN"
        ));
    }
    Ok(())
}

pub(super) fn campaign(one: &Value) -> Result<(), Failure> {
    let state = text(one, "/campaign/state/state");
    let head = styled(BOLD, &text(one, "/campaign/title"));
    output::line(&format!("{head} {}", styled(state_style(&state), &state)))?;
    let rows = [
        ("campaign", text(one, "/campaign/id")),
        ("owner", text(one, "/campaign/rules/owner")),
        ("decided", decided(one)),
        ("yours", text(one, "/waiting_for_me")),
        ("due", moment(&text(one, "/campaign/due_at"))),
        ("grace until", moment(&text(one, "/campaign/grace_until"))),
        ("snapshot", text(one, "/campaign/opening/digest")),
        ("report", text(one, "/campaign/state/report")),
        ("page", text(one, "/page")),
    ];
    fields(&rows)?;
    for (name, items) in
        one.pointer("/progress/results").and_then(Value::as_object).into_iter().flatten()
    {
        output::line(&format!("  {:<14} {items}", name.replace('_', " ")))?;
    }
    for (who, items) in one.pointer("/waits_for").and_then(Value::as_object).into_iter().flatten() {
        output::line(&format!("  {:<14} {} ({items})", "waits for", output::plain(who)))?;
    }
    if state == "stopped" {
        let (ends, of) = (text(one, "/campaign/state/would_end"), text(one, "/campaign/state/of"));
        output::note(&format!(
            "Stopped: {ends} of {of} active grants would end. An administrator says: countersign reviews \
             confirm {0}, or: countersign reviews extend {0} --until WHEN --why TEXT",
            text(one, "/campaign/id")
        ));
    }
    for addendum in list(one, "/campaign/addenda") {
        let (by, said) = (text(addendum, "/by"), text(addendum, "/text"));
        output::line(&format!("  {:<14} {by}: {said}", "addendum"))?;
    }
    Ok(())
}

pub(super) fn items(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["grant", "state", "sensitivity", "advice", "what"]);
    for one in list(answer, "/items") {
        let state = standing(one);
        let advice = text(one, "/item/snapshot/recommendation/advice");
        table.row([
            text(one, "/item/grant").into(),
            Cell::styled(&state, item_style(&state)),
            text(one, "/item/snapshot/sensitivity").into(),
            Cell::styled(&advice, advice_style(&advice)),
            text(one, "/line").into(),
        ]);
    }
    output::write(&table.render("There are no such items."))
}

/// One item with its evidence.
pub(super) fn item(one: &Value) -> Result<(), Failure> {
    output::line(&styled(BOLD, &text(one, "/line")))?;
    let of = "/item/snapshot";
    let at = |rest: &str| format!("{of}{rest}");
    let advice = text(one, &at("/recommendation/advice"));
    let reasons = list(one, &at("/recommendation/reasons")).iter().map(|it| text(it, "/sentence"));
    let reasons = reasons.collect::<Vec<_>>().join(" ");
    let advice = format!("{} {reasons}", styled(advice_style(&advice), &advice.replace('_', " ")));
    let rows = [
        (
            "grant",
            format!("{} version {}", text(one, "/item/grant"), text(one, &at("/grant/version"))),
        ),
        ("sensitivity", text(one, &at("/sensitivity"))),
        ("recommended", advice),
        ("functions", joined(one, &at("/functions"))),
        ("constraints", joined(one, &at("/grant/constraints"))),
        ("reason", text(one, &at("/grant/reason"))),
        (
            "made",
            format!(
                "{} by {}",
                date(&text(one, &at("/grant/made_at"))),
                text(one, &at("/grant/made_by"))
            ),
        ),
        ("certified", certified(one)),
        ("by week", joined(one, &at("/usage/weeks"))),
        ("refused", pairs(one, &at("/usage/denied"))),
        ("used by", pairs(one, &at("/usage/subjects"))),
        ("state", standing(one)),
    ];
    fields(&rows)?;
    arguments(one)?;
    for (name, place) in [("changed", at("/changes")), ("since then", "/since_snapshot".to_owned())]
    {
        for change in list(one, &place) {
            output::line(&format!("  {:<14} {}", styled(YELLOW, name), text(change, "/sentence")))?;
        }
    }
    for change in list(one, "/reduce_to/why") {
        output::line(&format!("  {:<14} {}", "if reduced", text(change, "/sentence")))?;
    }
    for answer in list(one, "/item/answers") {
        let void = text(answer, "/void");
        let void = if void.is_empty() { void } else { format!(" ({void})") };
        let (by, verdict) = (text(answer, "/by"), text(answer, "/verdict").replace('_', " "));
        let reason = text(answer, "/reason");
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        output::line(&format!("  {:<14} {by}: {verdict}{reason}{void}", "said"))?;
    }
    Ok(())
}

/// What arguments were, by function.
fn arguments(one: &Value) -> Result<(), Failure> {
    let functions = one.pointer("/item/snapshot/usage/functions").and_then(Value::as_object);
    for (function, used) in functions.into_iter().flatten() {
        let line = format!("{} ({})", output::plain(function), text(used, "/used"));
        output::line(&format!("  {:<14} {line}", "used"))?;
        let arguments = used.pointer("/arguments").and_then(Value::as_object);
        for (name, values) in arguments.into_iter().flatten() {
            let seen = list(values, "/values")
                .iter()
                .map(|it| format!("{} ({})", text(it, "/0"), text(it, "/1")));
            let mut parts: Vec<String> = seen.collect();
            let (least, greatest) = (text(values, "/least"), text(values, "/greatest"));
            if !least.is_empty() && !greatest.is_empty() {
                parts.push(format!("from {least} to {greatest}"));
            }
            let parts = parts.join(", ");
            output::line(&format!("  {:<14}   {} = {parts}", "", output::plain(name)))?;
        }
    }
    Ok(())
}

fn fields(rows: &[(&str, String)]) -> Result<(), Failure> {
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("  {name:<14} {value}"))?;
    }
    Ok(())
}

fn certified(one: &Value) -> String {
    match text(one, "/item/snapshot/grant/certified/at") {
        at if at.is_empty() => "never".to_owned(),
        at => format!("{} by {}", date(&at), text(one, "/item/snapshot/grant/certified/by")),
    }
}

/// Names with their counts.
fn pairs(one: &Value, pointer: &str) -> String {
    let members = one.pointer(pointer).and_then(Value::as_object);
    let pairs = members.into_iter().flatten();
    let pairs = pairs.map(|(name, count)| format!("{} ({count})", output::plain(name)));
    pairs.collect::<Vec<_>>().join(", ")
}

fn standing(one: &Value) -> String {
    match text(one, "/item/state/result") {
        result if result.is_empty() => text(one, "/item/state/state"),
        result => result.replace('_', " "),
    }
}

fn decided(one: &Value) -> String {
    let count = |name: &str| {
        one.pointer(&format!("/progress/{name}")).and_then(Value::as_u64).unwrap_or_default()
    };
    let items = count("items");
    let waits = count("open").saturating_add(count("suspended"));
    format!("{} of {items}", items.saturating_sub(waits))
}

fn date(moment: &str) -> String {
    moment.split('T').next().unwrap_or_default().to_owned()
}

fn state_style(state: &str) -> Style {
    match state {
        "open" => YELLOW,
        "stopped" | "grace" => RED,
        "signed_off" => GREEN,
        _ => DIM,
    }
}

fn item_style(state: &str) -> Style {
    match state {
        "open" => YELLOW,
        "certified" | "reduced" => GREEN,
        "revoked" | "suspended" | "ended by rule" => RED,
        _ => DIM,
    }
}

fn advice_style(advice: &str) -> Style {
    match advice {
        "certify" => GREEN,
        "reduce" => YELLOW,
        "revoke" => RED,
        _ => DIM,
    }
}
