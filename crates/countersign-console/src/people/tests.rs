use super::*;

#[test]
fn addresses_hold_every_name_but_steps() {
    for (subject, expect) in [
        ("riley@acme.example", Some("/console/people/riley@acme.example")),
        ("repo:acme/app", Some("/console/people/repo:acme%2Fapp")),
        ("a?b#c%", Some("/console/people/a%3Fb%23c%25")),
        ("\u{202e}\"<", Some("/console/people/%E2%80%AE%22%3C")),
        ("...", Some("/console/people/...")),
        (".", None),
        ("..", None),
        ("", None),
    ] {
        assert_eq!(href(&subject.into()).as_deref(), expect, "{subject}");
    }
}

#[test]
fn places_go_round_and_others_are_refused() {
    for (word, subject) in [("", "riley"), ("riley t", "a/\"é\\"), ("", "")] {
        let found = PersonFound { word: word.to_owned(), subject: subject.into() };
        assert_eq!(place(&bookmark(&found)).unwrap(), found);
    }
    let coded = |it: &str| URL_SAFE_NO_PAD.encode(it);
    let long = coded(&format!("[\"\",\"{}\"]", "a".repeat(1_001)));
    let longer = "A".repeat(5_000);
    for bad in
        ["x", "a b", &coded("[]"), &coded("[\"\",1]"), &coded("[\"\",\"\\u0000\"]"), &long, &longer]
    {
        let problem = place(bad).unwrap_err();
        assert_eq!(problem.code, "invalid_request", "{bad}");
        assert!(problem.detail.contains("first page"), "{}", problem.detail);
    }
}
