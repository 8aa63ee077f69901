use super::*;

#[test]
fn references_to_the_target_are_known() {
    use Place::{Below, Elsewhere, Hidden};
    let check = |url: &str, reference: &str, expect: Place<'_>| {
        assert_eq!(place(url, reference), expect, "{url} {reference}");
    };
    let base = "http://inside.test:80/base";
    check(base, "http://inside.test:80/base/v1", Below("/v1"));
    check(base, "http://inside.test/base/v1?a=b#c", Below("/v1?a=b#c"));
    check(base, "https://INSIDE.test/base", Below(""));
    check(base, "HTTP://user:pass@inside.test/base?x", Below("?x"));
    check(base, "//inside.test/base/v1", Below("/v1"));
    check(base, "/base/v1", Below("/v1"));
    check(base, "/base", Below(""));
    check(base, "/basement", Hidden);
    check(base, "/base\\v1", Hidden);
    check(base, "/", Hidden);
    check(base, "/other", Hidden);
    check(base, "http://inside.test/other", Hidden);
    check(base, "http://inside.test", Hidden);
    check(base, "http://inside.test\\@evil.test/", Hidden);
    check(base, "http://elsewhere.test/base/v1", Elsewhere);
    check(base, "http://inside.test:8080/base/v1", Elsewhere);
    check(base, "http://inside.test.evil.test/base", Elsewhere);
    check(base, "mailto:a@b", Elsewhere);
    check(base, "v2", Elsewhere);
    check(base, "?page=2", Elsewhere);
    check(base, "", Elsewhere);
    let root = "https://inside.test";
    check(root, "/v1", Below("/v1"));
    check(root, "https://inside.test", Below(""));
    check(root, "https://inside.test/", Below("/"));
    check("broken", "/v1", Hidden);
}

#[test]
fn a_relative_reference_is_read_below_what_was_sent() {
    let check = |url: &str, sent: &str, reference: &str, expect: &str| {
        let found = absolute(url, reference, || Some(sent.to_owned()));
        assert_eq!(found.as_deref(), Some(expect), "{url}{sent} {reference}");
    };
    let base = "http://inside.test/base";
    check(base, "/v1/refunds", "refunds/r_1", "/base/v1/refunds/r_1");
    check(base, "/v1/refunds", "./r_1", "/base/v1/r_1");
    check(base, "/v1/refunds/", "r_1?a=/../b#c", "/base/v1/refunds/r_1?a=/../b#c");
    check(base, "/v1/refunds", "../v2/x", "/base/v2/x");
    check(base, "/v1/refunds", "..", "/base/");
    check(base, "/v1/refunds", "../../outside", "/outside");
    check(base, "/v1/refunds", "../../../../x", "/x");
    check(base, "/v1/refunds", "?page=2", "/base/v1/refunds?page=2");
    check("http://inside.test", "/v1", "v2", "/v2");
    // The others stay as they are.
    for reference in ["", "#part", "/v2", "//x.test/y", "https://x.test", "mailto:a@b", "a:b/c"] {
        check(base, "/v1", reference, reference);
    }
    assert_eq!(absolute(base, "v2", || None), None);
    assert_eq!(place(base, "/outside"), Place::Hidden, "above the target's base is hidden");
}
