use super::*;
use rcgen::{CertificateParams, KeyPair};

#[test]
fn the_key_is_found_and_half_a_certificate_is_none() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    let whole = Certificate::from_der(certificate.der()).unwrap();
    assert_eq!(whole.kind, Kind::P384);
    assert_eq!(whole.key, rcgen::PublicKeyData::subject_public_key_info(&key));
    assert_eq!(Certificate::from_pem(&certificate.pem()), Some(whole.clone()));
    let lines = whole.to_text().replace("M", "\n M");
    assert_eq!(Certificate::from_text(&lines), Some(whole));
    for length in 0..certificate.der().len() {
        assert!(Certificate::from_der(&certificate.der()[..length]).is_none(), "{length}");
    }
    let mut longer = certificate.der().to_vec();
    longer.push(0);
    assert!(Certificate::from_der(&longer).is_none());
    let edwards = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&edwards).unwrap();
    assert!(Certificate::from_der(certificate.der()).is_none(), "nobody verifies with it here");
}

#[test]
fn no_name_of_a_weak_signature_is_known() {
    for name in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "",
    ] {
        assert_eq!(Signing::from_name(name), None, "{name}");
    }
}
