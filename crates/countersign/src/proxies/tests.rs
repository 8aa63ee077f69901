use super::*;
use http::HeaderValue;
use std::net::Ipv4Addr;

fn proxies(networks: &[&str]) -> Result<Proxies, serde_json::Error> {
    serde_json::from_value(serde_json::json!(networks))
}

fn headers(values: &[&str]) -> HeaderMap {
    let values = values.iter().map(|it| HeaderValue::from_str(it).unwrap());
    values.map(|it| (http::HeaderName::from_static(FORWARDED_FOR), it)).collect()
}

#[test]
fn only_named_proxies_say_whose_a_request_is_and_only_whom_they_saw() {
    let proxies = proxies(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]).unwrap();
    let rows: &[(&str, &[&str], &str)] = &[
        // Nobody else is believed.
        ("203.0.113.5", &["198.51.100.1"], "203.0.113.5"),
        ("192.0.2.8", &["198.51.100.1"], "192.0.2.8"),
        ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
        ("192.0.2.7", &["2001:db9::1"], "2001:db9::1"),
        // What the asker wrote stands further left, or in an earlier header.
        ("10.1.2.3", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", &["1.1.1.1", "2.2.2.2,198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", &["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", &["garbage, 198.51.100.1"], "198.51.100.1"),
        // Proxies behind proxies.
        ("10.1.2.3", &["1.1.1.1, 198.51.100.1, 192.0.2.7, 10.0.0.9"], "198.51.100.1"),
        ("10.1.2.3", &["1.1.1.1, 198.51.100.1", "2001:db8::5"], "198.51.100.1"),
        // Ports, brackets, blanks, addresses of the one kind written as the other.
        ("10.1.2.3", &["198.51.100.1:4711"], "198.51.100.1"),
        ("10.1.2.3", &["[2001:db9::1]:4711"], "2001:db9::1"),
        ("10.1.2.3", &[" [2001:db9::1]\t"], "2001:db9::1"),
        ("10.1.2.3", &["::ffff:198.51.100.1"], "198.51.100.1"),
        // What can't be read leaves it with the proxy that is known.
        ("10.1.2.3", &[], "10.1.2.3"),
        ("10.1.2.3", &[""], "10.1.2.3"),
        ("10.1.2.3", &["unknown"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.1, _hidden"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.1, x, 10.0.0.9"], "10.0.0.9"),
        ("10.1.2.3", &["198.51.100.1,"], "10.1.2.3"),
        ("10.1.2.3", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
    ];
    for (socket, said, whose) in rows {
        let peer = proxies.peer(socket.parse().unwrap(), &headers(said));
        assert_eq!(peer, Peer::of(whose.parse().unwrap()), "{socket} {said:?}");
    }
    let nobody = Proxies::default().peer("10.1.2.3".parse().unwrap(), &headers(&["1.1.1.1"]));
    assert_eq!(nobody, Peer::of("10.1.2.3".parse().unwrap()));
}

#[test]
fn networks_are_written_in_one_way() {
    for good in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "::1", "::1/128"] {
        assert!(proxies(&[good]).is_ok(), "{good}");
    }
    for bad in [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "::1/64",
        "::/129",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0/8",
        "10.0.0.0/8/8",
        "proxy.example",
        "10.0.0.0/255.0.0.0",
        " 10.0.0.1",
        "10.0.0.1:80",
        "[::1]",
    ] {
        let fault = proxies(&[bad]).unwrap_err().to_string();
        assert!(fault.contains(&format!("`{bad}`")), "{bad}: {fault}");
    }
}

#[test]
fn a_network_has_what_begins_with_its_prefix() {
    let addresses: Vec<u32> =
        (0..32).flat_map(|bit| [1 << bit, u32::MAX << bit, 0xc0a8_5a5a ^ (1 << bit)]).collect();
    for network in &addresses {
        for bits in 0..=32 {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let text = format!("{}/{bits}", Ipv4Addr::from_bits(network & mask));
            let proxies = proxies(&[&text]).unwrap();
            for address in &addresses {
                let here = proxies.have(IpAddr::V4(Ipv4Addr::from_bits(*address)));
                assert_eq!(here, address & mask == network & mask, "{text} {address:x}");
            }
        }
    }
}
