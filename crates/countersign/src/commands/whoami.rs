//! `countersign whoami`: for whom the gateway takes you, what you are there, and why.

use super::{joined, list, moment, text};
use crate::{
    api::Api,
    cli::Shared,
    exit::Failure,
    output::{self, BOLD, GREEN, styled},
    table::Table,
};
use serde_json::Value;

pub(super) async fn run(shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let me: Value = api.get("/me").await?;
    if shared.json {
        return output::json(&me);
    }
    let (name, subject) = (text(&me, "/name"), text(&me, "/subject"));
    output::line(&format!(
        "{} {name} <{subject}>, {}, at {}",
        styled(GREEN, "signed in:"),
        text(&me, "/kind"),
        api.server
    ))?;
    let facts = [
        ("issuer", text(&me, "/issuer")),
        ("through", joined(&me, "/actors")),
        ("client", text(&me, "/client")),
        ("groups", joined(&me, "/groups")),
        ("told", told(&me)),
        ("scopes", joined(&me, "/scopes")),
        ("until", moment(&text(&me, "/expires_at"))),
    ];
    for (title, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("  {title:<7} {value}"))?;
    }
    for role in list(&me, "/roles") {
        let role = text(role, "");
        let because = text(&me, &format!("/because/{role}"));
        output::line(&format!("  {:<7} {role}: {because}", "role"))?;
    }
    grants(&me)
}

/// The groups that directories tell of, each with the directory.
fn told(me: &Value) -> String {
    let one = |it: &Value| format!("{} (by {})", text(it, "/group"), text(it, "/directory"));
    list(me, "/told_groups").iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The grants in short: one line for each function that they reach.
fn grants(me: &Value) -> Result<(), Failure> {
    let held = list(me, "/grants");
    if held.is_empty() {
        return output::line("  no grant reaches you: you can call nothing");
    }
    let mut table = Table::new(["may call", "review", "until", "grant"]);
    for grant in held {
        let id = text(grant, "/id");
        for function in list(grant, "/functions") {
            table.row([
                text(function, "/name").into(),
                text(function, "/freshness").into(),
                moment(&text(function, "/until")).into(),
                id.clone().into(),
            ]);
        }
    }
    output::line(&styled(BOLD, "grants that reach you"))?;
    output::write(&table.render("no function is reached any more"))?;
    match me.pointer("/grants_more").and_then(Value::as_u64) {
        None | Some(0) => Ok(()),
        Some(more) => output::line(&format!("and {more} more grants: countersign grants list")),
    }
}
