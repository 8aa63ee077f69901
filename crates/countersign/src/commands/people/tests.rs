use super::path;

#[test]
fn a_subject_stands_in_one_segment_of_the_address() {
    for (subject, expect) in [
        ("riley@acme.example", "/people/riley@acme.example"),
        ("repo:acme/app", "/people/repo:acme%2Fapp"),
        ("a?b#c d%é", "/people/a%3Fb%23c%20d%25%C3%A9"),
        ("...", "/people/..."),
    ] {
        assert_eq!(path(subject).unwrap(), expect);
    }
    for nobody in ["", ".", ".."] {
        assert!(path(nobody).is_err(), "{nobody}");
    }
}
