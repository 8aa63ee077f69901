//! Spans as OTLP/JSON: an `ExportTraceServiceRequest` in the JSON mapping that the OTLP
//! specification fixes (lowerCamelCase, ids in hexadecimal, 64-bit numbers as texts, enums as
//! numbers).

use crate::{Kind, Span, SpanEnd, Value, context::Hex};
use serde::{Serialize, Serializer};

/// Who makes the spans.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) service_name: String,
    pub(crate) instance: String,
}

/// The body of an export.
pub(crate) fn encode(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let own = |key, value: &str| Attribute { key, value: AnyValue::Text(value.to_owned()) };
    let version = env!("CARGO_PKG_VERSION");
    let request = ExportRequest {
        resource_spans: [ResourceSpans {
            resource: ResourceAttributes {
                attributes: vec![
                    own("service.name", &resource.service_name),
                    own("service.version", version),
                    own("service.instance.id", &resource.instance),
                ],
            },
            scope_spans: [ScopeSpans {
                scope: Scope { name: "countersign", version },
                spans: spans.iter().map(SpanJson::from).collect(),
            }],
        }],
    };
    // Texts, numbers and lists always serialise.
    serde_json::to_vec(&request).unwrap_or_default()
}

/// How many spans the collector refused of an export that it took: `partialSuccess`.
pub(crate) fn rejected(answer: &[u8]) -> u64 {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let rejected = answer.pointer("/partialSuccess/rejectedSpans");
    let text = rejected.and_then(|it| it.as_str()).and_then(|it| it.parse().ok());
    text.or_else(|| rejected.and_then(serde_json::Value::as_u64)).unwrap_or(0)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportRequest<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: ResourceAttributes,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct ResourceAttributes {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    flags: u32,
    name: &'a str,
    kind: u8,
    #[serde(serialize_with = "as_text")]
    start_time_unix_nano: u64,
    #[serde(serialize_with = "as_text")]
    end_time_unix_nano: u64,
    attributes: Vec<Attribute>,
    status: Status,
}

#[derive(Serialize)]
struct Attribute {
    key: &'static str,
    value: AnyValue,
}

#[derive(Serialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue", serialize_with = "as_text")]
    Number(i64),
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

impl<'a> From<&'a Span> for SpanJson<'a> {
    fn from(span: &'a Span) -> Self {
        let remote = match span.kind {
            Kind::Server if span.parent.is_some() => PARENT_IS_REMOTE,
            Kind::Server | Kind::Internal | Kind::Client => 0,
        };
        let attributes = span.attributes.iter().map(|(key, value)| Attribute {
            key,
            value: match value {
                Value::Text(text) => AnyValue::Text(text.clone().into_owned()),
                Value::Number(number) => AnyValue::Number(*number),
            },
        });
        Self {
            trace_id: Hex(&span.context.trace()).to_string(),
            span_id: Hex(&span.context.span().0).to_string(),
            parent_span_id: span.parent.map(|it| Hex(&it.0).to_string()),
            flags: u32::from(span.context.flags()) | WHERE_THE_PARENT_IS_KNOWN | remote,
            name: &span.name,
            kind: match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start_time_unix_nano: span.began_nanos,
            end_time_unix_nano: span.ended_nanos.max(span.began_nanos),
            attributes: attributes.collect(),
            status: Status {
                code: match span.end {
                    SpanEnd::Unset => 0,
                    SpanEnd::Failed => 2,
                },
            },
        }
    }
}

fn as_text<S: Serializer>(number: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

/// `SpanFlags` of trace.proto.
const WHERE_THE_PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;

#[cfg(test)]
mod tests;
