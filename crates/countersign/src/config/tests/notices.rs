//! Over which channels people are told.

use super::{GOOD, faults};
use crate::config::parse;
use countersign_identity::Secret;
use countersign_model::notice::Daily;
use std::path::Path;

/// Rows: what stands under `notices`, and its faults.
#[test]
fn every_fault_of_a_channel_names_line_and_key() {
    for (notices, expect) in FAULTS {
        let text = format!("{GOOD}notices:\n{notices}");
        assert_eq!(faults(&text), expect, "{text}");
    }
}

const FAULTS: [(&str, &[&str]); 9] = [
    (
        "  digest: {at: '8:00', time_zone: Mars}\n",
        &[
            "11: notices.digest.at: `8:00` is no time of day; write hours and minutes, such as 08:00",
        ],
    ),
    (
        "  digest:\n    time_zone: Mars\n",
        &[
            "12: notices.digest.time_zone: `Mars` is no time zone; write one of the IANA names, such as Europe/Berlin, or UTC",
        ],
    ),
    (
        "  email:\n    host: mail server\n    port: 0\n    tls: none\n    username: x\n    from: nobody\n",
        &[
            "12: notices.email.host: a host name, such as mail.example.com",
            "13: notices.email.port: from 1 to 65535",
            "14: notices.email.tls: mail without TLS is only handed to this machine; use starttls or implicit",
            "15: notices.email.username: there is no `password` for it",
            "16: notices.email.from: no e-mail address, such as Countersign <countersign@example.com>",
        ],
    ),
    (
        "  email: {host: 127.0.0.1, tls: none, from: a@b.example, password: {env: P}}\n",
        &["11: notices.email.password: there is no `username` for it"],
    ),
    (
        "  email: {host: m.example, from: a@b.example, username: u, password: hunter2}\n",
        &["11: notices.email.password: expected keys and values, found the text \"hunter2\""],
    ),
    ("  slack: {}\n", &["11: notices.slack: needs `webhook` or `bot_token`"]),
    (
        "  slack:\n    bot_token: {env: T}\n    channel: '#general'\n    api: http://slack.example/api\n",
        &[
            "13: notices.slack.channel: the id of a channel, such as C0123456789, not its name",
            "14: notices.slack.api: must begin with https:// (or http://, for this machine)",
        ],
    ),
    (
        "  slack: {webhook: {env: W}, bot_token: {env: T}}\n",
        &["11: notices.slack: either `webhook` or `bot_token`, not both"],
    ),
    (
        "  webhooks:\n    - name: SIEM\n      url: https://u:p@siem.example/\n      secrets: []\n    - name: SIEM\n      url: siem\n      secrets: [{env: S}]\n",
        &[
            "12: notices.webhooks[0].name: a short name of a-z, 0-9, - and _",
            "13: notices.webhooks[0].url: no user name or password in a URL",
            "14: notices.webhooks[0].secrets: from one to 5; without one nobody knows who sends",
            "15: notices.webhooks[1].name: a short name of a-z, 0-9, - and _",
            "15: notices.webhooks[1].name: is there twice",
            "16: notices.webhooks[1].url: a URL such as https://hooks.example.com/countersign",
        ],
    ),
];

/// What `countersign init` writes as comments holds when the marks are taken away.
#[test]
fn the_commented_channels_hold() {
    let written = include_str!("../../commands/init/countersign.yaml");
    let lines = written.lines().skip_while(|it| *it != "# notices:");
    let lines = lines.take_while(|it| it.starts_with('#'));
    let lines: Vec<&str> = lines.filter_map(|it| it.strip_prefix("# ")).collect();
    let text = format!("{GOOD}{}\n", lines.join("\n"));
    let config = parse(&text, Path::new("/etc/countersign")).unwrap();
    assert_eq!(config.notices.digest, Daily::default());
    let channels = config.notices.channels;
    assert_eq!(channels.email.unwrap().host, "mail.example.com");
    let secrets = &channels.webhooks[0].secrets;
    assert_eq!(secrets[0], Secret::File("/etc/countersign/siem.secret".into()));
    assert!(channels.slack.is_some() && channels.teams.is_some());
}
