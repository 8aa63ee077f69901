use super::*;

#[test]
fn only_pages_of_the_console() {
    let table = [
        (None, "/console"),
        (Some("/console"), "/console"),
        (Some("/console?x=1"), "/console?x=1"),
        (
            Some("/console/approvals/apr_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            "/console/approvals/apr_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ),
        (Some("/console/sessions?subject=a%40b"), "/console/sessions?subject=a%40b"),
        (Some(""), "/console"),
        (Some("//evil.example"), "/console"),
        (Some("/\\evil.example"), "/console"),
        (Some("/console//evil.example"), "/console"),
        (Some("/console\\@evil.example"), "/console"),
        (Some("/consoleevil"), "/console"),
        (Some("/console.evil.example"), "/console"),
        (Some("/console/../t/billing"), "/console"),
        (Some("https://evil.example/console"), "/console"),
        (Some("javascript:alert(1)"), "/console"),
        (Some("/console/\u{9}/evil"), "/console"),
        (Some("/console/\r\nset-cookie: a"), "/console"),
        (Some("/console/sign-in"), "/console"),
        (Some("/console/sign-out"), "/console"),
        (Some("/api/v1/me"), "/console"),
    ];
    for (wanted, expected) in table {
        assert_eq!(safe(wanted), expected, "{wanted:?}");
    }
    let long = format!("/console/{}", "a".repeat(PATH_BYTES_MAX));
    assert_eq!(safe(Some(&long)), "/console");
}
