//! Which host requests name.

use super::host;
use http::{HeaderMap, HeaderName, HeaderValue};

fn check(uri: &str, hosts: &[&str], expect: Result<Option<&str>, ()>) {
    let mut headers = HeaderMap::new();
    for host in hosts {
        let name = HeaderName::from_static("host");
        headers.append(name, HeaderValue::from_bytes(host.as_bytes()).unwrap());
    }
    let got = host(&uri.parse().unwrap(), &headers).map_err(|_| ());
    assert_eq!(got, expect.map(|it| it.map(str::to_owned)), "{uri} {hosts:?}");
}

#[test]
fn a_request_names_one_host() {
    check("/a", &[], Ok(None));
    check("/a", &["api.test"], Ok(Some("api.test")));
    check("/a", &["API.Test:8443"], Ok(Some("api.test")));
    check("/a", &["[::1]"], Ok(Some("[::1]")));
    check("/a", &["[::1]:80"], Ok(Some("[::1]")));
    check("/a", &["api.test", "api.test"], Err(()));
    check("/a", &["caf\u{e9}.test"], Err(()));
    check("http://api.test/a", &[], Ok(Some("api.test")));
    check("http://API.test:80/a", &["api.test:80"], Ok(Some("api.test")));
    check("http://api.test/a", &["api.test:80"], Err(()));
    check("http://api.test/a", &["other.test"], Err(()));
    check("http://user@api.test/a", &["api.test"], Err(()));
    // No target's host name has an `@`.
    check("http://user@api.test/a", &[], Ok(Some("user@api.test")));
}
