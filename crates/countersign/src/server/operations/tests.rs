use super::*;

#[test]
fn who_may_read_metrics() {
    const TOKEN: &str = "0123456789abcdef";
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let proxy = |name: &'static str| vec![(name, "203.0.113.7".to_owned())];
    let rows = [
        (None, "127.0.0.1", vec![], Ok(())),
        (None, "::1", vec![], Ok(())),
        (None, "::ffff:127.0.0.1", vec![], Ok(())),
        (None, "127.0.0.1", bearer("anything"), Ok(())),
        (None, "10.0.0.7", vec![], Err(Closed::Elsewhere)),
        (None, "10.0.0.7", bearer(TOKEN), Err(Closed::Elsewhere)),
        (None, "127.0.0.1", proxy("x-forwarded-for"), Err(Closed::Elsewhere)),
        (None, "127.0.0.1", proxy("forwarded"), Err(Closed::Elsewhere)),
        (None, "127.0.0.1", proxy("via"), Err(Closed::Elsewhere)),
        (Some(TOKEN), "10.0.0.7", bearer(TOKEN), Ok(())),
        (Some(TOKEN), "127.0.0.1", bearer(TOKEN), Ok(())),
        (Some(TOKEN), "127.0.0.1", vec![], Err(Closed::Token)),
        (Some(TOKEN), "10.0.0.7", bearer("0123456789abcdeF"), Err(Closed::Token)),
        (Some(TOKEN), "10.0.0.7", bearer("0123456789abcde"), Err(Closed::Token)),
        (Some(TOKEN), "10.0.0.7", [bearer(TOKEN), bearer(TOKEN)].concat(), Err(Closed::Token)),
    ];
    for (token, address, lines, expect) in rows {
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let from = Origin::address(address.parse().unwrap());
        let token = token.map(Hidden::new);
        assert_eq!(may_read(token.as_ref(), from, &headers), expect, "{address} {lines:?}");
    }
}
