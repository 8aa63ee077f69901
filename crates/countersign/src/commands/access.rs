//! `countersign access`: why somebody may call a function, or may not; and what stands over grants.

use crate::{
    api::{Api, query},
    cli::{AccessCommand, AccessDenyArguments, End, Shared},
    clock,
    exit::Failure,
    output::{self, BOLD, GREEN, RED, plain, styled},
    table::Table,
};
use serde_json::{Value, json};

pub(super) async fn run(command: AccessCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        AccessCommand::Explain { subject, function, actors } => {
            let actors = (!actors.is_empty()).then(|| actors.join(","));
            let query = query(&[
                ("subject", Some(subject)),
                ("function", Some(function)),
                ("actors", actors),
            ]);
            let answer: Value = api.get(&format!("/access/explain{query}")).await?;
            if shared.json { output::json(&answer) } else { explain(&answer) }
        }
        AccessCommand::Conflicts => {
            let answer: Value = api.get("/access/conflicts").await?;
            if shared.json { output::json(&answer) } else { conflicts(&answer) }
        }
        AccessCommand::Deny(typed) => deny(&api, typed, shared).await,
        AccessCommand::Denials => {
            let answer: Value = api.get("/denials").await?;
            if shared.json { output::json(&answer) } else { denials(&answer) }
        }
        AccessCommand::Lift { id, why } => {
            let answer: Value =
                api.post(&format!("/denials/{id}/lift"), &json!({"why": why})).await?;
            if shared.json {
                return output::json(&answer);
            }
            output::line(&format!("denial {id} {}", styled(GREEN, "lifted")))
        }
    }
}

async fn deny(api: &Api, typed: AccessDenyArguments, shared: &Shared) -> Result<(), Failure> {
    let whom = match (typed.subject, typed.group) {
        (Some(subject), _) => json!({"subject": subject}),
        (None, Some(group)) => json!({"group": group}),
        (None, None) => return Err(Failure::usage("name a --subject or a --group")),
    };
    let until = typed.until.map(|end| match end {
        End::At(moment) => moment,
        End::After(span) => clock::clock().now().plus(span),
    });
    let body = json!({
        "whom": whom,
        "functions": typed.functions,
        "tags": typed.tags,
        "grant": typed.grant,
        "why": typed.why,
        "until": until,
    });
    let answer = api.post("/denials", &body).await?;
    if shared.json {
        return output::json(&answer);
    }
    let id = super::text(&answer, "/id");
    output::line(&format!("denial {id} {}", styled(GREEN, "in force on the next call")))
}

fn explain(answer: &Value) -> Result<(), Failure> {
    let text = |at: &str| plain(&super::text(answer, at));
    let (subject, function) = (text("/subject"), text("/function"));
    if text("/may") == "yes" {
        let until = text("/until");
        let until = if until.is_empty() { String::new() } else { format!(" until {until}") };
        let head = format!("{subject} may call {function}{until}");
        output::line(&styled(GREEN, &head))?;
    } else {
        output::line(&styled(RED, &format!("{subject} may not call {function}")))?;
        output::line(&format!("  {}: {}", text("/refused/code"), text("/refused/sentence")))?;
        output::line(&format!("  {}", text("/refused/next_step")))?;
    }
    for link in super::list(answer, "/links") {
        output::line(&styled(
            BOLD,
            &format!("grants of {}", plain(&super::text(link, "/subject"))),
        ))?;
        for path in super::list(link, "/grants") {
            grant(path)?;
        }
        if super::list(link, "/grants").is_empty() {
            output::line("  none")?;
        }
    }
    let conditions = super::list(answer, "/conditions");
    if !conditions.is_empty() {
        output::line(&styled(BOLD, "what a call depends on"))?;
    }
    for condition in conditions {
        let (code, sentence) =
            (super::text(condition, "/code"), super::text(condition, "/sentence"));
        output::line(&format!("  {}: {}", plain(&code), plain(&sentence)))?;
    }
    Ok(())
}

fn grant(path: &Value) -> Result<(), Failure> {
    let text = |at: &str| plain(&super::text(path, at));
    let told = (text("/through/told/group"), text("/through/told/directory"));
    let through = match (told.0.as_str(), text("/through/group").as_str()) {
        ("", "") => "their own".to_owned(),
        ("", group) => format!("by the group {group}"),
        (group, _) => format!("by the group {group}, as the directory {} tells", told.1),
    };
    let tag = text("/reached/tag");
    let by_tag = if tag.is_empty() { String::new() } else { format!(", by the tag {tag}") };
    let state = match (text("/ended"), text("/denied/why")) {
        (ended, _) if !ended.is_empty() => ended,
        (_, why) if !why.is_empty() => format!("denied: {why}"),
        _ => {
            let word = if text("/freshness") == "overdue" { "since" } else { "until" };
            let until = text("/until");
            let until = if until.is_empty() { until } else { format!(" {word} {until}") };
            format!("{}{until}", text("/freshness"))
        }
    };
    let (id, made_by) = (text("/grant/id"), text("/grant/made_by"));
    let reason = text("/grant/reason");
    output::line(&format!("  {id} {through}{by_tag}: {state}"))?;
    output::line(&format!("    made by {made_by}: {reason}"))
}

fn conflicts(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["holder", "separation", "goes on", "refused", "why"]);
    for item in super::list(answer, "/conflicts") {
        let holder = match super::text(item, "/holder/subject") {
            none if none.is_empty() => format!("group:{}", super::text(item, "/holder/group")),
            subject => subject,
        };
        let side = |which: &str| {
            let (function, grant) = (format!("/{which}/function"), format!("/{which}/grant"));
            format!("{} ({})", super::text(item, &function), super::text(item, &grant))
        };
        table.row([
            holder.into(),
            super::text(item, "/separation").into(),
            side("kept").into(),
            side("refused").into(),
            super::text(item, "/why").into(),
        ]);
    }
    output::write(&table.render("Nobody holds what nobody may hold both of."))
}

fn denials(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["denial", "to", "what", "by", "until", "why"]);
    for item in super::list(answer, "/denials") {
        let whom = match super::text(item, "/whom/subject") {
            none if none.is_empty() => format!("group:{}", super::text(item, "/whom/group")),
            subject => subject,
        };
        let grant = super::text(item, "/what/grant");
        let names = |at: &str, prefix: &str| -> Vec<String> {
            let all = super::list(item, at).iter();
            all.map(|it| format!("{prefix}{}", it.as_str().unwrap_or_default())).collect()
        };
        let mut what = names("/what/functions/functions", "");
        what.extend(names("/what/functions/tags", "tag:"));
        let what = if grant.is_empty() { what.join(", ") } else { grant };
        table.row([
            super::text(item, "/id").into(),
            whom.into(),
            what.into(),
            super::text(item, "/by").into(),
            super::text(item, "/until").into(),
            super::text(item, "/why").into(),
        ]);
    }
    output::write(&table.render("Nothing is denied."))
}
