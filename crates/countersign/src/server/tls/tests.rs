use super::acceptor;
use crate::{
    config::{ClientCertificates, Tls},
    exit::Exit,
};
use std::fs;

#[test]
fn certificate_and_key_come_from_files_and_belong_together() {
    countersign_identity::install_crypto();
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let made = rcgen::generate_simple_self_signed(["gateway.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    fs::write(place("chain.pem"), made.cert.pem()).unwrap();
    fs::write(place("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(place("other.pem"), other.signing_key.serialize_pem()).unwrap();
    fs::write(place("empty.pem"), "").unwrap();
    let rows = [
        ("chain.pem", "key.pem", None),
        ("chain.pem", "other.pem", Some("chain.pem can't be used for TLS")),
        ("empty.pem", "key.pem", Some("there is no certificate in it")),
        ("chain.pem", "empty.pem", Some("empty.pem can't be used for TLS")),
        ("nowhere.pem", "key.pem", Some("nowhere.pem can't be used for TLS")),
    ];
    for (certificate, key, expect) in rows {
        let tls = Tls { certificate: place(certificate), key: place(key), clients: None };
        let failure = acceptor(&tls).err();
        assert_eq!(failure.as_ref().map(crate::exit::Failure::exit), expect.map(|_| Exit::Usage));
        let said = format!("{failure:?}");
        assert!(said.contains(expect.unwrap_or("None")), "{said}");
    }
    for (clients, expect) in [
        (ClientCertificates::Any, None),
        (ClientCertificates::Of(place("chain.pem")), None),
        (ClientCertificates::Of(place("key.pem")), Some("there is no certificate in it")),
        (ClientCertificates::Of(place("nowhere.pem")), Some("nowhere.pem can't be used for TLS")),
    ] {
        let (certificate, key) = (place("chain.pem"), place("key.pem"));
        let failure = acceptor(&Tls { certificate, key, clients: Some(clients) }).err();
        let said = format!("{failure:?}");
        assert!(said.contains(expect.unwrap_or("None")), "{said}");
    }
}
