use super::nearest;

#[test]
fn the_nearest_word_is_what_was_meant() {
    let known = ["listen", "public_url", "issuers", "roles", "catalog", "limits", "logging"];
    let rows = [
        ("lsten", Some("listen")),
        ("lisetn", Some("listen")),
        ("public-url", Some("public_url")),
        ("publicurl", Some("public_url")),
        ("issuer", Some("issuers")),
        ("role", Some("roles")),
        ("loging", Some("logging")),
        ("banana", None),
        ("x", None),
        ("", None),
    ];
    for (wrong, expect) in rows {
        assert_eq!(nearest(wrong, known), expect, "{wrong}");
    }
    assert_eq!(nearest(&"a".repeat(1_000_000), ["a"]), None);
}
