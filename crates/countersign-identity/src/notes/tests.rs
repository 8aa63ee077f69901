use super::*;

fn rows(count: usize, found: &str) -> SignInNotes {
    let row = || ("rule", vec!["claim".to_owned()], found.to_owned(), "a rule".to_owned());
    SignInNotes::accepted((0..count).map(|_| row()).collect(), std::iter::empty())
}

fn size(notes: &SignInNotes) -> usize {
    let steps = notes.steps.iter();
    steps.map(|it| it.found.len() + it.rule.len() + it.check.len()).sum()
}

#[test]
fn notes_are_bounded_and_say_what_is_missing() {
    for (count, found, kept) in [(3, "short", 3), (500, "short", STEPS_MAX)] {
        let notes = rows(count, found);
        assert_eq!((notes.steps.len(), notes.left_out), (kept, count - kept));
    }
    let long = rows(60, &"é".repeat(5_000));
    assert!(size(&long) <= SignInNotes::BYTES_MAX, "{}", size(&long));
    assert!(long.steps.len() < 60 && long.left_out == 60 - long.steps.len());
    assert!(long.steps.iter().all(|it| it.found.chars().count() == TEXT_CHARS_MAX + 1));
    let names = (0..500).map(|it| format!("claim-{it}"));
    assert_eq!(SignInNotes::accepted(Vec::new(), names).unread.len(), UNREAD_MAX);
}

#[test]
fn notes_are_kept_as_they_are_and_debug_says_nothing_of_them() {
    let notes = rows(2, "a-secret-of-somebody");
    let text = serde_json::to_string(&notes).unwrap();
    assert_eq!(serde_json::from_str::<SignInNotes>(&text).unwrap(), notes);
    assert_eq!(format!("{notes:?}"), "SignInNotes(2 steps)");
}
