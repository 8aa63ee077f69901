use super::*;
use crate::{Context, Sample};
use countersign_model::Entropy;
use http::HeaderMap;
use serde_json::json;

/// Compared with the example of the OTLP specification and with `trace.proto`.
#[test]
fn spans_are_written_as_the_json_mapping_says() {
    let mut headers = HeaderMap::new();
    let parent = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b173-01";
    headers.insert("traceparent", parent.parse().unwrap());
    let entropy = Entropy::new(|bytes| bytes.fill(0x1d));
    let begun = Context::begin(&headers, Sample::new(0.0).unwrap(), &entropy);
    let server = Span {
        context: begun.context,
        parent: begun.parent,
        name: "desk.items.get".to_owned(),
        kind: Kind::Server,
        began_nanos: 1_544_712_660_000_000_000,
        ended_nanos: 1_544_712_661_000_000_000,
        attributes: vec![
            ("http.request.method", "GET".into()),
            ("http.response.status_code", 502.into()),
        ],
        end: SpanEnd::Failed,
    };
    // A clock that was set back makes no span that ends before it begins.
    let client = Span {
        parent: Some(begun.context.span()),
        kind: Kind::Client,
        ended_nanos: 5,
        attributes: vec![],
        end: SpanEnd::Unset,
        ..server.clone()
    };
    let resource = Resource { service_name: "countersign".to_owned(), instance: "a".to_owned() };
    let written: serde_json::Value =
        serde_json::from_slice(&encode(&resource, &[server, client])).unwrap();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let expect = json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "countersign"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", "a"),
        ]},
        "scopeSpans": [{
            "scope": {"name": "countersign", "version": env!("CARGO_PKG_VERSION")},
            "spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c",
                "spanId": "1d1d1d1d1d1d1d1d",
                "parentSpanId": "eee19b7ec3c1b173",
                "flags": 0x301,
                "name": "desk.items.get",
                "kind": 2,
                "startTimeUnixNano": "1544712660000000000",
                "endTimeUnixNano": "1544712661000000000",
                "attributes": [
                    text("http.request.method", "GET"),
                    {"key": "http.response.status_code", "value": {"intValue": "502"}},
                ],
                "status": {"code": 2},
            }, {
                "traceId": "5b8efff798038103d269b633813fc60c",
                "spanId": "1d1d1d1d1d1d1d1d",
                "parentSpanId": "1d1d1d1d1d1d1d1d",
                "flags": 0x101,
                "name": "desk.items.get",
                "kind": 3,
                "startTimeUnixNano": "1544712660000000000",
                "endTimeUnixNano": "1544712660000000000",
                "attributes": [],
                "status": {"code": 0},
            }],
        }],
    }]});
    assert_eq!(written, expect);
}

#[test]
fn a_collector_may_refuse_a_part() {
    let rows = [
        ("", 0),
        ("{}", 0),
        ("{\"partialSuccess\":null}", 0),
        ("{\"partialSuccess\":{}}", 0),
        ("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"no\"}}", 3),
        ("{\"partialSuccess\":{\"rejectedSpans\":4}}", 4),
        ("{\"partialSuccess\":{\"rejectedSpans\":-4}}", 0),
        ("[[[[", 0),
    ];
    for (answer, expect) in rows {
        assert_eq!(rejected(answer.as_bytes()), expect, "{answer}");
    }
}
