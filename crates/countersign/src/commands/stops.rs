//! `countersign stop` and `resume`: the kill switch, and suspensions.

use crate::{
    api::Api,
    cli::{ResumeArguments, Shared, StopArguments, WhatArguments},
    exit::Failure,
    output::{self, GREEN, RED, styled},
};
use serde_json::{Value, json};

pub(super) async fn stop(typed: StopArguments, shared: &Shared) -> Result<(), Failure> {
    let (scope, what) = scope(&typed.what)?;
    let api = Api::open(shared).await?;
    let answer: Value = api.post("/stops", &json!({"scope": scope, "why": typed.why})).await?;
    if shared.json {
        return output::json(&answer);
    }
    output::line(&format!("{} {what}, from the next call on", styled(RED, "stopped")))
}

pub(super) async fn resume(typed: ResumeArguments, shared: &Shared) -> Result<(), Failure> {
    let (scope, what) = scope(&typed.what)?;
    let api = Api::open(shared).await?;
    let document = json!({"scope": scope, "why": typed.why});
    let answer: Value = api.post("/stops/resume", &document).await?;
    if shared.json {
        return output::json(&answer);
    }
    output::line(&format!("{} {what}", styled(GREEN, "resumed")))
}

/// The scope as the gateway and as people read it.
fn scope(what: &WhatArguments) -> Result<(Value, String), Failure> {
    match (what.everything, &what.target, &what.function, &what.subject) {
        (true, ..) => Ok((json!("everything"), "every call".to_owned())),
        (_, Some(name), ..) => Ok((json!({"target": name}), format!("calls to {name}"))),
        (_, _, Some(name), _) => Ok((json!({"function": name}), format!("calls of {name}"))),
        (_, _, _, Some(name)) => Ok((json!({"subject": name}), name.clone())),
        (false, None, None, None) => Err(Failure::usage("say what")),
    }
}
