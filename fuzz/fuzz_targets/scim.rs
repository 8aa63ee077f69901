//! Attacks the filters and paths of SCIM: what is read is read whole and within its bounds, holding it
//! against a resource comes to an end, and what an index is asked for is what must be.

#![no_main]

use filter::{TEXT_BYTES_MAX, member};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;

#[expect(unused, reason = "the parts that tests use aren't attacked")]
#[path = "../../crates/countersign-console/src/scim/filter.rs"]
mod filter;

static RESOURCE: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "id": "0a", "userName": "riley", "active": true, "name": {"givenName": "Riley"},
        "emails": [{"type": "work", "value": "r@acme.example"}, {"type": "home", "value": "r@x"}],
        "members": [{"value": "0b"}], "numbers": [1, 2.5, null, "x"],
    })
});

fuzz_target!(|text: &str| {
    if let Ok(read) = filter::filter(text) {
        assert!(text.len() <= TEXT_BYTES_MAX);
        let holds = read.holds(&RESOURCE);
        if let Some(wanted) = read.must_equal("userName") {
            let is = member(&RESOURCE, "username").and_then(Value::as_str).expect("it is there");
            assert!(!holds || is.to_lowercase() == wanted.to_lowercase());
        }
        if let Some(members) = read.as_members() {
            assert!(!members.is_empty());
        }
    }
    if let Ok(path) = filter::path(text) {
        assert!(text.len() <= TEXT_BYTES_MAX);
        assert!(!path.attribute.name.is_empty());
        assert!(path.attribute.within.as_deref() != Some(""));
    }
});
