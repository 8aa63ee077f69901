//! `GET /tools`: the functions that this caller may call, as tool definitions. A function is shown
//! if some call to it could pass.

use crate::{
    Body, Inner, accept, identify,
    respond::{Stop, Told},
};
use bytes::Bytes;
use countersign_model::{CallId, Function, Reason, decide::could_pass};
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// How a list of tools is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `tools` of the OpenAI API.
    OpenAi,
    /// `tools` of the Anthropic API.
    Anthropic,
    /// The result of MCP `tools/list`.
    Mcp,
    /// Names with their JSON Schemas and what stands behind them.
    JsonSchema,
}

/// Whether a request asks for tools.
pub(crate) fn asks(inner: &Inner, request: &Request<Incoming>) -> bool {
    if request.uri().path() != "/tools" || request.method() != Method::GET {
        return false;
    }
    // Under a target's host name the path is the target's own; an odd host is refused as a call.
    let Ok(host) = accept::host(request.uri(), request.headers()) else { return false };
    let snapshot = inner.governance.policy().load();
    host.is_none_or(|it| inner.routes.of(&snapshot).target_of_host(&it).is_none())
}

/// The tools of whoever asks.
pub(crate) async fn answer(inner: &Inner, request: &Request<Incoming>) -> Response<Body> {
    match list(inner, request).await {
        Ok(body) => {
            let mut response = Response::new(Body::whole(Bytes::from(body.to_string())));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            // The list is this caller's own, and changes with every epoch.
            let private = HeaderValue::from_static("private, no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, private);
            response
        }
        Err(stop) => stop.into_answer().into_response(),
    }
}

async fn list(inner: &Inner, request: &Request<Incoming>) -> Result<Value, Box<Stop>> {
    let call = CallId::new(inner.now(), inner.governance.entropy());
    let from = identify::From {
        method: request.method(),
        uri: request.uri(),
        host: None,
        headers: request.headers(),
        extensions: request.extensions(),
    };
    let caller = identify::caller(inner, from, call).await?;
    let format = format(request.uri().query().unwrap_or("")).map_err(|stop| stop.at(call))?;
    let snapshot = inner.governance.policy().load();
    let now = inner.now();
    let mut tools: Vec<(&Arc<Function>, Value)> = snapshot
        .catalog()
        .functions
        .iter()
        .filter(|function| {
            let ix = snapshot.catalog().by_name(function.name.as_str()).map(|(ix, _)| ix);
            ix.is_some_and(|ix| could_pass(&caller, ix, &snapshot, now))
        })
        .map(|function| (function, tool(format, function)))
        .collect();
    tools.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    let tools: Vec<Value> = tools.into_iter().map(|(_, tool)| tool).collect();
    Ok(match format {
        Format::Mcp => json!({"tools": tools}),
        Format::OpenAi | Format::Anthropic => Value::Array(tools),
        Format::JsonSchema => json!({"functions": tools, "epoch": snapshot.epoch()}),
    })
}

fn format(query: &str) -> Result<Format, Stop> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("format="));
    match asked {
        None | Some("json-schema") => Ok(Format::JsonSchema),
        Some("openai") => Ok(Format::OpenAi),
        Some("anthropic") => Ok(Format::Anthropic),
        Some("mcp") => Ok(Format::Mcp),
        Some(_) => {
            let told = Told {
                sentence: "There is no such format of a list of tools.".to_owned(),
                next_step: "Ask for format=openai, anthropic, mcp or json-schema.".to_owned(),
            };
            Err(Stop::new(Reason::ArgumentsInvalid, told))
        }
    }
}

fn tool(format: Format, function: &Function) -> Value {
    let name = tool_name(function.name.as_str());
    let schema = function.input.value();
    match format {
        Format::OpenAi => json!({
            "type": "function",
            "function": {"name": name, "description": function.purpose, "parameters": schema},
        }),
        Format::Anthropic => {
            json!({"name": name, "description": function.purpose, "input_schema": schema})
        }
        Format::Mcp => {
            let mut tool =
                json!({"name": name, "description": function.purpose, "inputSchema": schema});
            if let (Some(result), Some(members)) = (&function.result, tool.as_object_mut()) {
                members.insert("outputSchema".to_owned(), result.clone());
            }
            tool
        }
        Format::JsonSchema => json!({
            "name": function.name,
            "tool": name,
            "description": function.purpose,
            "sensitivity": function.sensitivity,
            "owners": function.owners,
            "scopes": function.scopes,
            "call": format!("/call/{}", function.name),
            "input": schema,
            "result": function.result,
        }),
    }
}

/// A tool's name: model APIs take letters, digits, dashes and underscores only. `/call/` takes it too.
fn tool_name(name: &str) -> String {
    name.replace('.', "__")
}
