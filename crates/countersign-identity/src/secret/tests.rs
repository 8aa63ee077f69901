use super::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "SET" => Some("hunter2".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[test]
fn is_written_as_exactly_one_reference() {
    let read = |text: &str| serde_json::from_str::<Secret>(text).ok();
    assert_eq!(read(r#"{"env":"SET"}"#), Some(Secret::Env("SET".into())));
    assert_eq!(read(r#"{"file":"/x"}"#), Some(Secret::File("/x".into())));
    for bad in [r"{}", r#"{"env":"A","file":"B"}"#, r#"{"value":"x"}"#, r#""hunter2""#] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn resolves_or_says_where_it_should_stand() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Secret::File(path)
    };
    let reveal = |secret: &Secret| secret.resolve(environment).map(|it| it.reveal().to_owned());

    assert_eq!(reveal(&Secret::Env("SET".into())).unwrap(), "hunter2");
    assert_eq!(reveal(&write("line", "s3cret\n")).unwrap(), "s3cret");
    assert_eq!(reveal(&write("spaces", " s \r\n")).unwrap(), " s ");
    assert!(matches!(reveal(&Secret::Env("NO".into())), Err(SecretFault::NotSet(_))));
    assert!(matches!(reveal(&Secret::Env("EMPTY".into())), Err(SecretFault::Empty(_))));
    assert!(matches!(reveal(&write("none", "\n")), Err(SecretFault::Empty(_))));
    assert!(matches!(reveal(&write("long", &"x".repeat(65_537))), Err(SecretFault::TooLong(_))));
    let absent = Secret::File(directory.path().join("absent"));
    assert!(matches!(reveal(&absent), Err(SecretFault::Unreadable { .. })));
}
