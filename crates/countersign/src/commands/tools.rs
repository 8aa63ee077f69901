//! `countersign tools`: what this caller may call.

use super::text;
use crate::{
    api::Api,
    cli::{Shared, ToolFormat},
    exit::Failure,
    output,
    table::Table,
};
use serde_json::Value;

pub(super) async fn run(format: Option<ToolFormat>, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let name = match format.unwrap_or(ToolFormat::JsonSchema) {
        ToolFormat::Openai => "openai",
        ToolFormat::Anthropic => "anthropic",
        ToolFormat::Mcp => "mcp",
        ToolFormat::JsonSchema => "json-schema",
    };
    let answer = api.tools(name).await?;
    if shared.json || format.is_some() {
        return output::json(&answer);
    }
    let mut table = Table::new(["function", "purpose"]);
    for tool in definitions(&answer) {
        let purpose = text(tool, "/description");
        table.row([text(tool, "/name").into(), purpose.lines().next().unwrap_or("").into()]);
    }
    output::write(&table.render("You may call nothing: ask a function's owner for a grant."))
}

/// The definitions, whether the answer is the list or holds it.
pub(super) fn definitions(answer: &Value) -> &[Value] {
    let list = answer.as_array().or_else(|| answer.get("functions")?.as_array());
    list.map_or(&[], Vec::as_slice)
}
