mod notices;

use super::{Apply, StoreUrl, parse};
use countersign_identity::Secret;
use countersign_telemetry::Sample;
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

const FAULTS: [(&str, &str, &[&str]); 24] = [
    ("", "", &[]),
    (
        "roles:",
        "scim:\n  - {name: a, token: {env: T}, issuer: acme, groups: access}\n  - {name: b, token: {env: T}, issuer: acme, groups: access_and_roles}\n  - {name: c, token: {env: T}, issuer: acme}\n  - {name: d, token: {env: T}, issuer: acme, groups: access, group_prefix: 'd:'}\nroles:",
        &[
            "10: scim[1].group_prefix: another directory has the same prefix for its groups, so each could make its people members of the other's; give each a prefix of its own",
        ],
    ),
    (
        "roles:",
        "saml:\n  - name: idp\n    entity_id: urn:idp\n    metadata: {file: idp.xml}\n    key: {file: k}\n    certificate: c\n    attributes: {subject_prefix: 'okta:'}\nscim:\n  - {name: a, token: {env: T}, issuer: acme, groups: access, group_prefix: 'okta:g:'}\nroles:",
        &[
            "16: scim[0].group_prefix: a SAML provider could name groups that begin so; give the provider a `group_prefix` that this one does not begin with",
        ],
    ),
    (
        "roles:",
        "scim:\n  - {name: okta, token: {env: T}, issuer: nobody}\n  - {name: okta, token: {env: T}, issuer: acme}\n  - {name: A b, token: {env: T}, issuer: acme}\nroles:",
        &[
            "9: scim[0].issuer: no issuer and no SAML provider has this name",
            "10: scim[1].name: another directory has this name",
            "11: scim[2].name: a short name of a-z, 0-9 and hyphens",
        ],
    ),
    (
        "roles:",
        "saml:\n  - name: acme\n    entity_id: urn:idp\n    metadata: {file: idp.xml}\n    key: {file: k}\n    certificate: c\n    clock_skew: 1h\nroles:",
        &[
            "9: saml[0].attributes.subject_prefix: acme has the same prefix, so each could name the other's subjects; give this one a prefix, or write `namespace: shared` at both",
            "9: saml[0].name: an issuer or another provider has this name",
            "14: saml[0].clock_skew: write a time from 0s to 300s",
        ],
    ),
    (
        "roles:",
        "tokens: {lifetime: 1h, binding: required, certificates: whenever_shown}\nroles:",
        &[
            "8: tokens.certificates: nobody is asked for a certificate: set tls.client_certificates",
            "8: tokens.lifetime: between 1s and 10m",
        ],
    ),
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
        "[platform]\nlimits:\n  connections_max: 0\n  streams_max: 99999\n  body_within: 0s\n",
        &[
            "11: limits.connections_max: between 1 and 1000000",
            "12: limits.streams_max: between 1 and 10000",
            "13: limits.body_within: above zero and at most 1h",
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
        "[platform]\ntelemetry:\n  otlp:\n    endpoint: collector:4318\n    sample: 2\n    service_name: ' '\n    headers: {host: {env: A}}\n",
        &[
            "12: telemetry.otlp.endpoint: a URL such as http://127.0.0.1:4318",
            "13: telemetry.otlp.sample: from 0 (none) to 1 (all)",
            "14: telemetry.otlp.service_name: a name of at most 64 bytes",
            "15: telemetry.otlp.headers: `host` is no header that can be set",
        ],
    ),
    (
        "[platform]",
        "[platform]\ntelemetry:\n  otlp:\n    endpoint: http://u:p@127.0.0.1:4318/?x\n    headers: {x-key: hunter2}\n",
        &["13: telemetry.otlp.headers.x-key: expected keys and values, found the text \"hunter2\""],
    ),
    (
        "[platform]",
        "[platform]\ntelemetry:\n  otlp:\n    endpoint: http://u:p@collector:4318/?x\n    headers: {x-key: {env: A}}\n",
        &[
            "12: telemetry.otlp.endpoint: holds a user name or password; use `telemetry.otlp.headers`",
            "12: telemetry.otlp.endpoint: must begin with https:// where headers carry secrets to it",
            "12: telemetry.otlp.endpoint: only scheme, host, port and path",
        ],
    ),
    (
        "[platform]",
        "[platform]\ndrain_within: 0s\nlogging: {level: loud}\n",
        &["11: logging.level: `loud` is not known; known here: error, warn, info, debug"],
    ),
];

/// Rows: an issuer, as it stands below its name, and its faults.
#[test]
fn presets_fill_in_and_faults_keep_their_lines() {
    let check = |issuer: &str, expect: &[&str]| {
        let text = GOOD.replacen("    url: https://id.example.com\n", issuer, 1);
        assert_eq!(faults(&text), expect, "{text}");
    };
    check("    preset: {okta: {domain: acme.okta.com}}\n", &[]);
    check("    preset: {github_actions: {repositories: [7]}}\n", &[]);
    check(
        "    preset:\n      github_actions:\n        environments: [production]\n",
        &[
            "5: issuers[0].require: anyone on GitHub could get such a token: narrow it down with \
             the preset, or with `values` of repository_id or repository_owner_id or enterprise_id \
             under `require`",
            "7: issuers[0].preset.github_actions: name repositories or owners by their numbers: \
             anyone on GitHub could get such a token",
        ],
    );
    check(
        "    preset:\n      github_actions:\n        repositories: [acme/app]\n",
        &["8: issuers[0].preset.github_actions.repositories[0]: expected a whole number, zero or \
           more, found the text \"acme/app\""],
    );
    check(
        "    preset: {entra: {tenant: common}}\n",
        &[
            "5: issuers[0].url: name the one tenant by its id; `common`, `organizations` and \
           `consumers` let in every tenant of the world",
            "6: issuers[0].preset.entra.tenant: the tenant's id, in small letters: a domain can \
           change hands, and `common`, `organizations` and `consumers` let in every tenant of the \
           world",
        ],
    );
    check(
        "    url: https://id.example.com\n    require:\n      - {claim: a, values: ['*']}\n",
        &["7: issuers[0].require: values are compared as they stand: a * is no wildcard"],
    );
    check(
        "    url: https://id.example.com\n    claims: {subject: '{a}{b}'}\n",
        &["7: issuers[0].claims.subject: two claims need a `:` or another sign between them that \
           no claim's text keeps"],
    );
    check(
        "    preset: {octa: {domain: acme.okta.com}}\n",
        &["6: issuers[0].preset: `octa` is not known; did you mean `okta`?"],
    );
}

/// Every block of configuration in the pages about providers, as a whole file and read as one.
#[test]
fn what_the_pages_about_providers_show_is_read() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual/identity");
    let mut seen = 0;
    for page in std::fs::read_dir(pages).unwrap() {
        let page = page.unwrap().path();
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks: Vec<&str> = text.split("```yaml\n").skip(1).collect();
        for block in &blocks {
            let issuers = block.split("```").next().unwrap();
            let head = GOOD.split("issuers:").next().unwrap();
            let whole = format!("{head}{issuers}roles: {{administrators: [platform]}}\n");
            assert_eq!(faults(&whole), Vec::<String>::new(), "{}:\n{whole}", page.display());
            seen += usize::from(issuers.contains("\nissuers:") || issuers.starts_with("issuers:"));
        }
        let provider = page.extension().is_some_and(|it| it == "md");
        assert!(!provider || !blocks.is_empty(), "{} shows no configuration", page.display());
    }
    assert!(seen >= 12, "only {seen} blocks name issuers: are these the pages?");
}

#[test]
fn a_directory_is_checked_and_its_secrets_lie_beside_the_file() {
    let entra = |directory: &str| {
        let issuer = format!(
            "    preset: {{entra: {{tenant: {TENANT}}}}}\n    directory: {{{directory}}}\n"
        );
        GOOD.replacen("    url: https://id.example.com\n", &issuer, 1)
    };
    let graph = |tenant: &str| {
        format!(
            "microsoft_graph: {{tenant: {tenant}, client_id: x, client_secret: {{file: graph.secret}}}}"
        )
    };
    let config = parse(&entra(&graph(TENANT)), Path::new("/etc/countersign")).unwrap();
    let directory = config.issuers[0].directory.clone().unwrap();
    let secret = directory.microsoft_graph.unwrap().client_secret;
    assert_eq!(secret, Secret::File("/etc/countersign/graph.secret".into()));
    let check = |directory: String, expect: &str| {
        let found = faults(&entra(&directory));
        assert!(found.iter().any(|it| it.contains(expect)), "{found:?}");
    };
    check(
        String::new(),
        "7: issuers[0].directory: write one of microsoft_graph and google_workspace",
    );
    check(graph(&TENANT.replace('1', "2")), "`tenant` is not the preset's");
    check(graph("common"), "`tenant` is the tenant's id");
    check(format!("{}, stale_after: 2h", graph(TENANT)), "write a time from 1m to 1h");
    check(format!("{}, wait_max: 1m", graph(TENANT)), "write a time from 100ms to 30s");
    check(format!("{}, groups_max: 0", graph(TENANT)), "between 1 and 10000");
    let google = "google_workspace: {key: {file: k}, administrator: a@acme.com}";
    check(google.to_owned(), "Google's tokens never have groups");
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn two_issuers_with_faults_are_told_apart() {
    let text = GOOD.replacen(
        "roles:",
        "  - name: other\n    url: nowhere\n    audiences: [x]\n    claims: {subject_prefix: 'o:'}\nroles:",
        1,
    );
    assert_eq!(faults(&text), ["9: issuers[1].url: write an absolute https URL without ? and #"]);
}

#[test]
fn a_collector_is_read_whole() {
    let collector = |otlp: &str| {
        let text = format!("{GOOD}telemetry: {{otlp: {{{otlp}}}}}\n");
        parse(&text, Path::new("/etc/countersign")).unwrap().otlp.unwrap()
    };
    let small = collector("endpoint: 'http://127.0.0.1:4318'");
    assert_eq!(small.url, "http://127.0.0.1:4318/v1/traces");
    assert_eq!((small.service_name.as_str(), small.headers.len()), ("countersign", 0));
    assert_eq!(Some(small.sample), Sample::new(1.0));
    // Spans hold no secrets, so a collector beside the gateway may be spoken to in clear text.
    assert_eq!(collector("endpoint: 'http://otel:4318'").url, "http://otel:4318/v1/traces");
    let large = collector(
        "endpoint: 'https://otel.example.com/otlp/', sample: 0.1, service_name: gate, headers: \
         {X-Key: {file: otel.key}, authorization: {env: OTEL}}",
    );
    assert_eq!(large.url, "https://otel.example.com/otlp/v1/traces");
    assert_eq!(large.service_name, "gate");
    assert_eq!(Some(large.sample), Sample::new(0.1));
    let headers: Vec<_> = large.headers.iter().map(|(name, it)| (name.as_str(), it)).collect();
    let file = Secret::File("/etc/countersign/otel.key".into());
    assert_eq!(headers, [("x-key", &file), ("authorization", &Secret::Env("OTEL".to_owned()))]);
}

#[test]
fn the_grace_of_functions_that_nobody_answers_for_has_bounds() {
    let config = parse(GOOD, Path::new("/etc/countersign")).unwrap();
    assert_eq!(config.reviews.owner_grace, countersign_governance::OWNER_GRACE);
    let with = |grace: &str| format!("{GOOD}reviews: {{owner_grace: {grace}}}\n");
    assert_eq!(faults(&with("0d")), Vec::<String>::new());
    assert_eq!(faults(&with("367d")), ["10: reviews.owner_grace: at most 366d"]);
}
