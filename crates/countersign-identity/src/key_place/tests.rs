use super::*;
use crate::http::BadAuthorities;

fn place(ca_file: Option<PathBuf>, token_file: Option<PathBuf>) -> KeyPlace {
    KeyPlace { ca_file, token_file }
}

#[test]
fn files_are_read_each_time_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let place = place(None, Some(file.clone()));
    assert!(place.headers().unwrap_err().to_string().starts_with("keys_token_file can't be used"));
    for token in ["first", "second"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        let headers = place.headers().unwrap();
        assert_eq!(headers[header::AUTHORIZATION], format!("Bearer {token}"));
        assert!(!format!("{headers:?}").contains(token));
    }
    std::fs::write(&file, "sec\nret").unwrap();
    assert!(!place.headers().unwrap_err().to_string().contains("sec"));
    std::fs::write(&file, vec![b'x'; 600_000]).unwrap();
    assert!(place.headers().unwrap_err().to_string().contains("longer than"));
}

#[test]
fn a_file_of_authorities_holds_at_least_one() {
    crate::install_crypto();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.crt");
    let place = place(Some(file.clone()), None);
    let http = Http::new();
    assert!(place.http(&http).is_err());
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "nothing", garbled] {
        std::fs::write(&file, text).unwrap();
        let fault = place.http(&http).unwrap_err().to_string();
        assert!(fault.contains(&BadAuthorities.to_string()), "{fault}");
    }
}
