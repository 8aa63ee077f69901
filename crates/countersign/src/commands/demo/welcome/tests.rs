use super::{answers, quoted};

#[test]
fn each_command_is_one_line_that_a_shell_takes() {
    for answer in answers("http://127.0.0.1:7070", "./countersign") {
        for command in answer.commands {
            assert!(!command.contains('\n'), "{command}");
            let checked = std::process::Command::new("sh").args(["-n", "-c", &command]).status();
            assert!(checked.unwrap().success(), "{command}");
        }
    }
}

#[test]
fn words_are_quoted_for_the_shell() {
    for (text, expect) in [("a/b", "a/b"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")] {
        assert_eq!(quoted(text), expect);
    }
}
