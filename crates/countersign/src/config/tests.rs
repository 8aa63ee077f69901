use super::{Apply, StoreUrl, parse};
use countersign_identity::Secret;
use std::path::Path;

const GOOD: &str = "\
listen: 127.0.0.1:7070
public_url: https://gateway.example.com
master_key: {file: master.key}
issuers:
  - name: acme
    url: https://id.example.com
    audiences: [https://gateway.example.com]
roles:
  administrators: [platform]
";

fn faults(text: &str) -> Vec<String> {
    let faults = parse(text, Path::new("/etc/countersign")).map_or_else(|it| it, |_| Vec::new());
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_small_configuration_is_whole() {
    let config = parse(GOOD, Path::new("/etc/countersign")).unwrap();
    assert_eq!(config.gateway, "main");
    assert_eq!(config.ledger, Path::new("/etc/countersign/state/ledger"));
    assert_eq!(config.master_key, Secret::File("/etc/countersign/master.key".into()));
    assert!(
        matches!(&config.store, StoreUrl::Url(url) if url == "sqlite:/etc/countersign/state/store.sqlite"),
        "{:?}",
        config.store
    );
    let more = format!(
        "{GOOD}catalog: {{directory: catalog, apply_on_start: true}}\nstore: {{url: 'sqlite:x.db?mode=rwc'}}\n"
    );
    let config = parse(&more, Path::new("/etc/countersign")).unwrap();
    assert_eq!(config.catalog.unwrap().apply, Apply::OnStart);
    assert!(
        matches!(&config.store, StoreUrl::Url(url) if url == "sqlite:/etc/countersign/x.db?mode=rwc"),
        "{:?}",
        config.store
    );
}

/// Each row changes one line of the good configuration, or adds lines at its end.
#[test]
fn every_fault_names_line_and_key() {
    for (from, to, expect) in FAULTS {
        let text = if from.is_empty() { GOOD.to_owned() } else { GOOD.replacen(from, to, 1) };
        assert_eq!(faults(&text), expect, "{text}");
    }
}

const FAULTS: [(&str, &str, &[&str]); 16] = [
    ("", "", &[]),
    (
        "listen: 127.0.0.1:7070",
        "listen: localhost",
        &["1: listen: an IP address and a port, such as 127.0.0.1:7070 or [::]:7070"],
    ),
    (
        "listen: 127.0.0.1:7070",
        "lsten: 127.0.0.1:7070",
        &["1: listen: is missing", "1: lsten: unknown key; did you mean `listen`?"],
    ),
    (
        "https://gateway.example.com\nm",
        "gateway\nm",
        &["2: public_url: a URL such as https://gateway.example.com"],
    ),
    (
        "https://gateway.example.com\nm",
        "https://gateway.example.com/x\nm",
        &["2: public_url: only scheme, host and port: no path, query or user name"],
    ),
    (
        "{file: master.key}",
        "hunter2",
        &["3: master_key: expected keys and values, found the text \"hunter2\""],
    ),
    (
        "{file: master.key}",
        "{file: a, env: B}",
        &["3: master_key: a secret is written as {env: NAME} or as {file: PATH}, one of the two"],
    ),
    (
        "audiences: [https://gateway.example.com]",
        "audiences: []",
        &["7: issuers[0].audiences: name at least one resource identifier"],
    ),
    (
        "    url: https://id.example.com",
        "    uri: https://id.example.com",
        &["5: issuers[0].url: is missing", "6: issuers[0].uri: unknown key; did you mean `url`?"],
    ),
    (
        "    audiences",
        "    clock_skew: 1h\n    audiences",
        &["7: issuers[0].clock_skew: write a time from 0s to 300s"],
    ),
    (
        "    audiences",
        "    clock_skew: 1 hour\n    audiences",
        &["7: issuers[0].clock_skew: `1 hour` is not a length of time; write a number and a \
             unit, such as 30s, 15m, 8h, 90d"],
    ),
    (
        "[platform]",
        "[]",
        &["9: roles.administrators: name at least one group: nobody could apply a catalog or \
             make grants"],
    ),
    (
        "[platform]",
        "[platform]\nlimits:\n  connections_max: 0\n  streams_max: 99999\n",
        &[
            "11: limits.connections_max: between 1 and 1000000",
            "12: limits.streams_max: between 1 and 10000",
        ],
    ),
    (
        "[platform]",
        "[platform]\nstore: {url: 'postgres://a:b@db/x'}\n",
        &["10: store.url: holds a password; put the URL into an environment variable or a file, \
             and name that under `store.url_from`"],
    ),
    (
        "[platform]",
        "[platform]\nstore: {url: 'mysql://db/x'}\n",
        &["10: store.url: sqlite:PATH or postgres://HOST/DATABASE"],
    ),
    (
        "[platform]",
        "[platform]\ndrain_within: 0s\nlogging: {level: loud}\n",
        &["11: logging.level: `loud` is not known; known here: error, warn, info, debug"],
    ),
];

#[test]
fn two_issuers_with_faults_are_told_apart() {
    let text = GOOD.replacen(
        "roles:",
        "  - name: other\n    url: nowhere\n    audiences: [x]\n    claims: {subject_prefix: 'o:'}\nroles:",
        1,
    );
    assert_eq!(faults(&text), ["9: issuers[1].url: write an absolute https URL without ? and #"]);
}
