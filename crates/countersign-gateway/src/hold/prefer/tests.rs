//! How long callers say that they wait.

use super::wait_seconds;
use http::{HeaderMap, HeaderValue};

fn check(lines: &[&str], expect: Option<u32>) {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("prefer", HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    assert_eq!(wait_seconds(&headers), expect, "{lines:?}");
}

#[test]
fn a_caller_says_how_long_it_waits() {
    check(&[], None);
    check(&["respond-async"], None);
    check(&["wait=5"], Some(5));
    check(&["Wait = 5"], Some(5));
    check(&["respond-async, wait=10; why=\"a, b\""], Some(10));
    check(&["respond-async", "wait=\"7\""], Some(7));
    check(&["wait=0"], Some(0));
    // The first counts, also when it says nothing.
    check(&["wait=5, wait=50"], Some(5));
    check(&["wait=soon, wait=50"], None);
    check(&["wait", "wait=50"], None);
    check(&["wait=99999999999"], None);
    check(&["wait=+5"], None);
    check(&["wait=-5"], None);
    check(&["wait=\"\""], None);
    // What stands in quotes is another preference's value, and its parameters are not it.
    check(&["note=\"x, wait=50\""], None);
    check(&["note=\"x\\\", wait=50\", wait=3"], Some(3));
    check(&["note; wait=50"], None);
    check(&["waits=50, awaited=5"], None);
    check(&["note=\"open, wait=5"], None);
    check(&["wait=5\u{e9}"], None);
}
