use super::*;
use http::{HeaderName, HeaderValue};

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(HeaderName::as_str).collect()
}

#[test]
fn hop_by_hop_answer_headers_end_here() {
    let check = |from: &[(&str, &str)], answer: Bytes, expect: &[&str]| {
        assert_eq!(names(&response(&map(from), answer)), expect, "{from:?}");
    };
    check(&[("x-a", "1"), ("set-cookie", "a=b")], Bytes::AsSent, &["x-a"]);
    check(
        &[("connection", "X-Hop , close"), ("x-hop", "1"), ("x-a", "1")],
        Bytes::AsSent,
        &["x-a"],
    );
    check(&[("countersign-anything", "1")], Bytes::AsSent, &[]);
    check(&[("trailer", "x-sum")], Bytes::Changed, &["trailer"]);
    let of_bytes = [("content-length", "5"), ("etag", "\"1\""), ("content-encoding", "gzip")];
    check(&of_bytes, Bytes::AsSent, &["content-length", "etag", "content-encoding"]);
    check(&of_bytes, Bytes::Changed, &[]);
}

#[test]
fn the_lists_are_sorted_and_lower_case() {
    for list in [REQUEST.as_slice(), &RESPONSE_NEVER] {
        assert!(list.is_sorted(), "{list:?}");
        assert!(list.iter().all(|it| it.bytes().all(|byte| !byte.is_ascii_uppercase())));
    }
    assert!(REQUEST.iter().all(|it| !never_passes(it)));
}

#[test]
fn trailers_are_taken_by_who_says_so() {
    for (values, expect) in [
        (vec![], false),
        (vec!["trailers"], true),
        (vec!["gzip, Trailers"], true),
        (vec!["gzip", "trailers"], true),
        (vec!["trailers;q=0.5"], false),
        (vec!["no-trailers"], false),
    ] {
        let pairs: Vec<_> = values.iter().map(|it| ("te", *it)).collect();
        assert_eq!(takes_trailers(&map(&pairs)), expect, "{values:?}");
    }
}
