//! A campaign as it is opened by hand.

use crate::{cli::OpenArguments, exit::Failure};
use serde_json::{Value, json};

/// What the management API is sent.
pub(super) fn document(typed: &OpenArguments) -> Result<Value, Failure> {
    let reviewers: Vec<Value> = typed.reviewers.iter().map(|it| rule(it)).collect();
    for level in &typed.sensitivities {
        if !["low", "medium", "high"].contains(&level.as_str()) {
            return Err(Failure::usage(format!("`{level}` is no sensitivity"))
                .next("write low, medium or high"));
        }
    }
    Ok(json!({
        "title": typed.title,
        "scope": {
            "functions": typed.functions,
            "tags": typed.tags,
            "sensitivities": typed.sensitivities,
            "targets": typed.targets,
            "groups": typed.groups,
            "holders": typed.holders,
            "agents": typed.agents,
        },
        "rules": {
            "owner": typed.owner,
            "stages": [{"reviewers": reviewers, "mode": "any_one"}],
            "fallback": typed.fallback,
            "duration": typed.duration,
            "grace": typed.grace,
            "reminders": typed.reminders,
            "look_back": typed.look_back,
            "breaker_percent": typed.breaker_percent,
            "bulk_max": typed.bulk_max,
            "reason": "against_recommendation",
        },
    }))
}

/// `owner`, `group:NAME`, or a subject.
fn rule(text: &str) -> Value {
    match (text, text.strip_prefix("group:")) {
        ("owner" | "sponsor" | "manager", _) => json!(text),
        (_, Some(group)) => json!({ "group": group }),
        (subject, None) => json!({ "person": subject }),
    }
}
