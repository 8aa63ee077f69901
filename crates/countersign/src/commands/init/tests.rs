use super::{Answers, answers, url_of};
use crate::{
    catalog_files,
    cli::InitArguments,
    config,
    exit::{Exit, Failure},
    server::Keys,
};
use std::{fs, path::Path};

fn arguments(directory: &Path) -> InitArguments {
    InitArguments {
        directory: directory.to_path_buf(),
        gateway: None,
        listen: None,
        public_url: None,
        issuer: None,
        client_id: None,
        administrators: None,
        yes: true,
        force: false,
    }
}

fn write(arguments: &InitArguments, directory: &Path) -> Result<Vec<String>, Failure> {
    super::write(&answers(arguments)?, arguments, directory)
}

#[test]
fn what_init_writes_passes_the_check() {
    let directory = tempfile::tempdir().unwrap();
    write(&arguments(directory.path()), directory.path()).unwrap();
    let config = config::load(&directory.path().join("countersign.yaml")).unwrap();
    assert_eq!((config.gateway.as_str(), config.listen.port()), ("main", 7070));
    let files = config.catalog.unwrap();
    assert_eq!(catalog_files::load(&files.directory).unwrap().catalog.functions.len(), 2);
    let key = directory.path().join("master.key");
    assert!(Keys::read(&fs::read_to_string(&key).unwrap()).is_ok());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn nothing_is_replaced_unasked_and_a_key_never() {
    let directory = tempfile::tempdir().unwrap();
    write(&arguments(directory.path()), directory.path()).unwrap();
    let key = fs::read(directory.path().join("master.key")).unwrap();
    let again = write(&arguments(directory.path()), directory.path()).unwrap_err();
    assert_eq!(again.exit(), Exit::Usage);
    write(&InitArguments { force: true, ..arguments(directory.path()) }, directory.path()).unwrap();
    assert_eq!(fs::read(directory.path().join("master.key")).unwrap(), key);
}

#[test]
fn answers_stay_texts_whatever_is_in_them() {
    let answers = Answers {
        gateway: "edge-1".to_owned(),
        listen: "[::]:443".to_owned(),
        public_url: "https://gw.example.com/".to_owned(),
        issuer: "https://id.example.com/realms/a".to_owned(),
        client_id: "\"quoted\": [x] # y".to_owned(),
        administrators: "yes: no".to_owned(),
    };
    let config = config::parse(&answers.configuration().unwrap(), Path::new(".")).unwrap();
    assert_eq!(config.roles.administrators, ["yes: no"]);
    assert_eq!(config.public_url, "https://gw.example.com");
    let sign_in = config.issuers[0].sign_in.clone().unwrap();
    assert_eq!(sign_in.client_id, "\"quoted\": [x] # y");
}

#[test]
fn callers_reach_it_where_it_listens_unless_something_else_is_said() {
    let table = [
        ("127.0.0.1:7171", "http://127.0.0.1:7171"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:443", "http://127.0.0.1:443"),
        ("[::1]:7070", "http://[::1]:7070"),
        ("gate.example.com:7070", "http://gate.example.com:7070"),
    ];
    for (listen, url) in table {
        assert_eq!(url_of(listen), url);
        let given = InitArguments { listen: Some(listen.into()), ..arguments(Path::new(".")) };
        assert_eq!(answers(&given).unwrap().public_url, url);
        let said = InitArguments { public_url: Some("https://gw.example.com".into()), ..given };
        assert_eq!(answers(&said).unwrap().public_url, "https://gw.example.com");
    }
}
