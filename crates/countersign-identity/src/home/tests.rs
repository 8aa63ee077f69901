use super::*;

#[test]
fn a_url_means_a_place_however_it_is_written() {
    let check = |public_url: &str, host: Option<&str>, path: &str, url: &str, expect: bool| {
        let home = Home::new(public_url);
        assert_eq!(home.is(url, host, path), expect, "{url} at {public_url}, {host:?}, {path}");
    };
    let home = "https://gateway.example";
    let path = "/call/billing.refunds.create";
    let right = "https://gateway.example/call/billing.refunds.create";
    check(home, None, path, right, true);
    check("https://GATEWAY.example:443/", None, path, right, true);
    check(home, None, path, "HTTPS://Gateway.Example:443/call/billing.refunds.create", true);
    check(home, None, path, "https://gateway.example/x/../call/./billing.refunds.create", true);
    check(home, None, path, "https://gateway.example/c%61ll/billing%2Erefunds.create", true);
    check(home, None, path, &format!("{right}?amount=1#here"), true);
    check(home, None, "/a%2fb", "https://gateway.example/a%2Fb", true);
    check(home, None, "/a%2fb", "https://gateway.example/a/b", false);
    check(home, None, "/", "https://gateway.example", true);
    check("http://127.0.0.1:7070", None, "/x", "http://127.0.0.1:7070/x", true);
    check("http://[::1]:7070", None, "/x", "http://[::1]:7070/x", true);
    // A target's own host name, with the scheme and port of the public URL.
    check(home, Some("billing.example"), "/v1", "https://billing.example/v1", true);
    check(home, Some("billing.example"), "/v1", "https://gateway.example/v1", false);
    check("https://g.example:8443", Some("b.example"), "/v1", "https://b.example:8443/v1", true);
    check("https://g.example:8443", Some("b.example"), "/v1", "https://b.example/v1", false);
    for wrong in [
        "http://gateway.example/call/billing.refunds.create",
        "https://gateway.example:444/call/billing.refunds.create",
        "https://gateway.example.evil.example/call/billing.refunds.create",
        "https://evil.example/call/billing.refunds.create",
        "https://gateway.example/call/billing.refunds.creat",
        "https://gateway.example/call/billing.refunds.create/",
        "https://gateway.example/CALL/billing.refunds.create",
        "https://user@gateway.example/call/billing.refunds.create",
        "https://@gateway.example/call/billing.refunds.create",
        "https:\\\\gateway.example/call/billing.refunds.create",
        "https://gateway.example\\call/billing.refunds.create",
        "https://gateway.example/call/billing.refunds.create%",
        "https://gateway.example/call/billing.refunds.create%0",
        " https://gateway.example/call/billing.refunds.create",
        "https://gateway.example/call/bil\tling.refunds.create",
        "https://g\u{e4}teway.example/call/billing.refunds.create",
        "ftp://gateway.example/call/billing.refunds.create",
        "//gateway.example/call/billing.refunds.create",
        "/call/billing.refunds.create",
        "",
    ] {
        check(home, None, path, wrong, false);
    }
    check("no url", None, "/", "no url/", false);
    check("no url", None, "/", right, false);
    check(home, None, "/a|b", "https://gateway.example/a|b", false);
    check(home, None, path, &format!("{right}?{}", "x".repeat(URL_BYTES_MAX)), false);
}
