use super::*;

#[test]
fn a_key_is_its_owners_alone_and_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.pem");
    let key = make(&file).unwrap();
    assert_eq!(read(&file).unwrap().thumbprint(), key.thumbprint());
    assert!(make(&file).is_err());
    assert_eq!(read(&file).unwrap().thumbprint(), key.thumbprint());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&file).is_err());
    }
    let nothing = directory.path().join("nothing.pem");
    private_file(&nothing, b"nothing").unwrap();
    assert!(read(&nothing).is_err() && read(&directory.path().join("absent")).is_err());
}
