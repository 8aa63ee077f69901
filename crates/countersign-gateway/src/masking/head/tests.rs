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
