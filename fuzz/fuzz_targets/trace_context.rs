//! Attacks the reader of `traceparent`: what it takes goes on as one trace, whatever else was said
//! ends, and what is told to a target is always one well-formed trace.

#![no_main]

use context::{Context, Sample};
use countersign_model::Entropy;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

#[expect(unused, reason = "the parts that exporting uses aren't attacked")]
#[path = "../../crates/countersign-telemetry/src/context.rs"]
mod context;

fuzz_target!(|raw: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in raw.split(|it| *it == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("traceparent", value);
        }
    }
    headers.insert("tracestate", HeaderValue::from_static("a=1"));
    let said = headers.get("traceparent").cloned();
    let sample = Sample::new(0.5).expect("a half is a part");
    let begun = Context::begin(&headers, sample, &Entropy::new(|bytes| bytes.fill(0)));
    begun.context.name_in(&mut headers, begun.parent);

    let told = headers.get_all("traceparent").iter().collect::<Vec<_>>();
    let [told] = told.as_slice() else { panic!("{} traces are told", told.len()) };
    let told = told.to_str().expect("digits and dashes");
    assert_eq!(told.len(), 55);
    assert_eq!(Context::of(&headers), Some(begun.context));
    assert_eq!(headers.contains_key("tracestate"), begun.parent.is_some());
    if begun.parent.is_some() {
        // The same trace, and a span that the caller did not name.
        let said = said.expect("a trace that was read");
        assert_eq!(said.as_bytes().get(2..36), told.as_bytes().get(2..36));
    }
});
