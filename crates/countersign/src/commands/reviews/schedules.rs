//! Review schedules as an administrator reads them: dates, scope, and who would review how many.

use crate::{
    commands::{joined, list, moment, text},
    exit::Failure,
    output::{self, BOLD, GREEN, RED, YELLOW, styled},
    table::Table,
};
use serde_json::Value;

pub(super) fn schedules(answer: &Value) -> Result<(), Failure> {
    let all = list(answer, "/schedules");
    if all.is_empty() {
        return output::line(
            "The catalog has no review schedule: write `schedules:` into a file of it, and apply it.",
        );
    }
    for it in all {
        schedule(it)?;
    }
    Ok(())
}

fn schedule(it: &Value) -> Result<(), Failure> {
    let (name, title) = (text(it, "/schedule/name"), text(it, "/schedule/title"));
    output::line(&format!("{} {title}", styled(BOLD, &name)))?;
    let count = |place: &str| it.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    let facts = [
        ("scope", format!("{}: {} now", text(it, "/scope"), count("/grants"))),
        ("owner", text(it, "/schedule/rules/owner")),
        ("fallback", joined(it, "/schedule/rules/fallback")),
        ("due after", text(it, "/schedule/rules/duration")),
    ];
    for (title, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("  {title:<12} {value}"))?;
    }
    for date in list(it, "/next") {
        let (day, opens) = (text(date, "/date"), moment(&text(date, "/opens_at")));
        let due = moment(&text(date, "/due_at"));
        output::line(&format!("  {:<12} {day}: {opens}, due {due}", "opens"))?;
    }
    match (count("/without"), count("/to_fallback")) {
        (0, 0) => {}
        (0, some) => {
            let line = format!("{some} grants would go to the fallback or the campaign's owner");
            output::line(&format!("  {:<12} {}", "look", styled(YELLOW, &line)))?;
        }
        (some, _) => {
            let line = format!("{some} grants would find too few people who may review them");
            output::line(&format!("  {:<12} {}", "trouble", styled(RED, &line)))?;
            output::line(&format!("  {:<12} {}", "", joined(it, "/without_some")))?;
        }
    }
    let mut table = Table::new(["reviewer", "because", "grants"]);
    for load in list(it, "/reviewers") {
        table.row([
            text(load, "/subject").into(),
            text(load, "/why").into(),
            text(load, "/grants").into(),
        ]);
    }
    output::write(&table.render(&format!("  {}\n", styled(GREEN, "nobody would be asked now"))))?;
    match count("/reviewers_more") {
        0 => output::line(""),
        more => output::line(&format!("and {more} more people\n")),
    }
}
