use super::*;

#[test]
fn a_cookie_says_all_that_protects_it() {
    let set = |cookie: Cookie, scheme| cookie.set("v", 60, scheme).unwrap();
    assert_eq!(
        set(Cookie::Session, Scheme::Https),
        "__Host-countersign=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    );
    assert_eq!(
        set(Cookie::SignIn, Scheme::Http),
        "countersign-sign-in=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    );
    assert_eq!(
        set(Cookie::Saml, Scheme::Https),
        "__Host-countersign-saml=v; Path=/; Max-Age=60; HttpOnly; SameSite=None; Secure"
    );
}

#[test]
fn it_is_read_only_if_it_stands_there_once() {
    let table: [(&[&str], Option<&str>); 6] = [
        (&["countersign=a"], Some("a")),
        (&["x=1; countersign=a; y=2"], Some("a")),
        (&["x=1", "countersign=a"], Some("a")),
        (&["countersign=a; countersign=b"], None),
        (&["countersign=a", "countersign=a"], None),
        (&["xcountersign=a; countersign-sign-in=b"], None),
    ];
    for (lines, expected) in table {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        let found = Cookie::Session.read(&headers, Scheme::Http);
        assert_eq!(found.as_deref(), expected, "{lines:?}");
    }
}
