use super::*;

fn found_by(texts: &[&str], expect: &[&str]) {
    let words = words(texts.iter().copied());
    let expect: BTreeSet<String> = expect.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(words, expect, "{texts:?}");
}

#[test]
fn a_person_is_found_by_each_word_of_their_name_and_address() {
    found_by(&[], &[""]);
    found_by(&["Riley van Tan"], &["", "riley van tan", "van tan", "tan"]);
    found_by(&["riley@acme.example"], &["", "riley@acme.example", "acme.example", "example"]);
    found_by(&["-:-x"], &["", "-:-x", "x"]);
    found_by(&["Øyvind\u{7}  ÅS"], &["", "øyvind ås", "ås"]);
    found_by(&["repo:acme/app"], &["", "repo:acme/app", "acme/app", "app"]);
    found_by(&["", "   "], &[""]);
}

#[test]
fn words_are_bounded() {
    let long = words(std::iter::once("a b ".repeat(10_000).as_str()));
    assert!(long.len() <= WORDS_OF_A_TEXT_MAX + 1, "{}", long.len());
    assert!(long.iter().all(|it| it.chars().count() <= FIND_CHARS_MAX));
    assert_eq!(folded(&"É".repeat(500)).chars().count(), FIND_CHARS_MAX);
    assert!(!is_findable("") && !is_findable("a\0b") && !is_findable(&"a".repeat(2_000)));
}
