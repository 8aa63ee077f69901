use super::*;
use serde_json::json;

fn riley() -> Value {
    json!({
        "id": "0a", "userName": "Riley@acme.example", "active": true, "title": "",
        "name": {"givenName": "Riley"},
        "emails": [
            {"type": "work", "value": "riley@acme.example"},
            {"type": "home", "value": "r@home.example"}
        ],
        "meta": {"created": "2026-01-02T03:04:05Z"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"}
    })
}

/// The examples of RFC 7644 §3.4.2.2, and what else is asked.
#[test]
fn filters_hold_as_the_rfc_says() {
    let rows = [
        ("userName eq \"riley@ACME.example\"", true),
        ("USERNAME EQ \"riley@acme.example\"", true),
        ("id eq \"0A\"", false),
        ("name.givenName co \"ile\"", true),
        ("userName sw \"R\" and active eq true", true),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"r\"", true),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"sales\"",
            true,
        ),
        ("title pr", false),
        ("emails pr and not (title pr)", true),
        ("meta.created gt \"2025-01-01T00:00:00Z\"", true),
        ("meta.created lt \"2025-01-01T00:00:00Z\"", false),
        ("emails[type eq \"work\" and value co \"home\"]", false),
        ("emails[type eq \"home\" and value co \"home\"]", true),
        ("emails.type eq \"work\" and emails.value co \"home\"", true),
        ("emails co \"home\"", true),
        // `and` binds closer than `or`.
        ("id pr or id pr and title pr", true),
        ("(id pr or id pr) and title pr", false),
        ("active eq \"TRUE\"", true),
        ("active eq True", true),
        ("userName ne \"x\"", true),
        ("nothing ne \"x\"", true),
        ("nothing eq null", false),
    ];
    for (text, expected) in rows {
        let filter = filter(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(filter.holds(&riley()), expected, "{text}");
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}id pr{}", "(".repeat(9), ")".repeat(9));
    let wide = vec!["id pr"; 33].join(" or ");
    let long = format!("id eq \"{}\"", "x".repeat(TEXT_BYTES_MAX));
    let rows = [
        "",
        " ",
        "id",
        "id eq",
        "id eq x",
        "id eq 'x'",
        "id eq \"x",
        "id eq \"x\" id pr",
        "eq \"x\"",
        "(id pr",
        "id pr)",
        "not id pr",
        "id pr and",
        "emails[",
        "emails[]",
        "emails[type pr",
        "id eq {}",
        "id eq [1]",
        "a.b.c eq 1",
        "1a eq 1",
        "urn:x",
        "id like \"x\"",
        "id\u{a0}pr",
        &deep,
        &wide,
        &long,
    ];
    for text in rows {
        assert!(filter(text).is_err(), "{text}");
    }
}

#[test]
fn paths_are_read_whole() {
    let rows = [
        ("userName", "userName", None, false),
        ("name.givenName", "name", Some("givenName"), false),
        ("emails[type eq \"work\"]", "emails", None, true),
        ("emails[type eq \"work\"].value", "emails", Some("value"), true),
        ("members[value eq \"a]b\"]", "members", None, true),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
            "name",
            Some("familyName"),
            false,
        ),
    ];
    for (text, name, within, which) in rows {
        let path = path(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(path.attribute.name, name, "{text}");
        assert_eq!(path.attribute.within.as_deref(), within, "{text}");
        assert_eq!(path.which.is_some(), which, "{text}");
    }
    for text in ["", ".", "a.", "a.b.c", "a[", "a[b pr", "a.b[c pr]", "a[b pr]c", "a b", "[b pr]"] {
        assert!(path(text).is_err(), "{text}");
    }
}

#[test]
fn an_index_is_asked_for_what_must_be() {
    let rows = [
        ("userName eq \"x\"", Some("x")),
        ("id pr and (active eq true and userName eq \"x\")", Some("x")),
        ("userName eq \"x\" or id pr", None),
        ("not (userName eq \"x\")", None),
        ("name.userName eq \"x\"", None),
        ("emails[userName eq \"x\"]", None),
        ("userName sw \"x\"", None),
    ];
    for (text, expected) in rows {
        assert_eq!(filter(text).unwrap().must_equal("userName"), expected, "{text}");
    }
}
