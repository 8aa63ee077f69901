//! Over which channels people are told.

use super::{At, is_this_machine, secret_under};
use crate::config::{
    Notices,
    notices::{RawEmail, RawMailTls, RawNotices, RawSlack, RawWebhook},
    raw::{RawConfig, RawPlainHttp},
};
use countersign_model::notice::{BadDaily, Daily};
use countersign_notify::check_mailbox;
use std::path::Path;
use url::{Host, Url};

impl At<'_> {
    /// The channels, if nothing is wrong with them.
    pub(super) fn notices(&mut self, raw: &RawConfig, directory: &Path) -> Notices {
        let notices = &raw.notices;
        let digest = Daily::new(&notices.digest.at, &notices.digest.time_zone);
        let digest = digest.unwrap_or_else(|bad| {
            let key = match &bad {
                BadDaily::Time(_) => "notices.digest.at",
                BadDaily::Zone(_) => "notices.digest.time_zone",
            };
            self.fault(key, bad.to_string());
            Daily::default()
        });
        if let Some(email) = &notices.email {
            self.mail(email, raw.plain_http);
        }
        if let Some(slack) = &notices.slack {
            self.slack(slack, raw.plain_http);
        }
        for (place, webhook) in notices.webhooks.iter().enumerate() {
            let before = notices.webhooks.iter().take(place);
            if before.into_iter().any(|it| it.name == webhook.name) {
                self.fault(&format!("notices.webhooks[{place}].name"), "is there twice");
            }
            self.webhook(&format!("notices.webhooks[{place}]"), webhook, raw.plain_http);
        }
        Notices { digest, channels: under(directory, notices.clone()) }
    }

    fn mail(&mut self, email: &RawEmail, plain_http: RawPlainHttp) {
        let host = Host::parse(&email.host).ok();
        if host.is_none() || email.host.trim() != email.host {
            self.fault("notices.email.host", "a host name, such as mail.example.com");
        }
        if email.port == Some(0) {
            self.fault("notices.email.port", "from 1 to 65535");
        }
        let here =
            Url::parse(&format!("http://{}", email.host)).is_ok_and(|it| is_this_machine(&it));
        if email.tls == RawMailTls::None && !here && plain_http == RawPlainHttp::LoopbackOnly {
            let message =
                "mail without TLS is only handed to this machine; use starttls or implicit";
            self.fault("notices.email.tls", message);
        }
        match (&email.username, &email.password) {
            (Some(_), None) => {
                self.fault("notices.email.username", "there is no `password` for it")
            }
            (None, Some(_)) => {
                self.fault("notices.email.password", "there is no `username` for it")
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if let Err(bad) = check_mailbox(&email.from) {
            self.fault("notices.email.from", bad.to_string());
        }
    }

    fn slack(&mut self, slack: &RawSlack, plain_http: RawPlainHttp) {
        match (&slack.webhook, &slack.bot_token, &slack.channel) {
            (Some(_), None, None) | (None, Some(_), None) => {}
            (None, Some(_), Some(channel)) => {
                let fits = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit();
                if channel.is_empty() || !channel.chars().all(fits) {
                    let message = "the id of a channel, such as C0123456789, not its name";
                    self.fault("notices.slack.channel", message);
                }
            }
            (Some(_), None, Some(_)) => {
                let message = "a webhook has a channel of its own; this is for `bot_token`";
                self.fault("notices.slack.channel", message);
            }
            (Some(_), Some(_), _) => {
                self.fault("notices.slack", "either `webhook` or `bot_token`, not both");
            }
            (None, None, _) => {
                self.fault("notices.slack", "needs `webhook` or `bot_token`");
            }
        }
        self.address("notices.slack.api", &slack.api, plain_http);
    }

    fn webhook(&mut self, key: &str, webhook: &RawWebhook, plain_http: RawPlainHttp) {
        let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it);
        let long = webhook.name.len() > super::NAME_BYTES_MAX;
        if webhook.name.is_empty() || long || !webhook.name.chars().all(fits) {
            self.fault(&format!("{key}.name"), "a short name of a-z, 0-9, - and _");
        }
        self.address(&format!("{key}.url"), &webhook.url, plain_http);
        if webhook.secrets.is_empty() || webhook.secrets.len() > SECRETS_MAX {
            let message = format!("from one to {SECRETS_MAX}; without one nobody knows who sends");
            self.fault(&format!("{key}.secrets"), message);
        }
    }

    fn address(&mut self, key: &str, text: &str, plain_http: RawPlainHttp) {
        let url = Url::parse(text).ok().filter(Url::has_host);
        let Some(url) = url.filter(|it| matches!(it.scheme(), "http" | "https")) else {
            return self.fault(key, "a URL such as https://hooks.example.com/countersign");
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.fault(key, "no user name or password in a URL");
        }
        let clear = url.scheme() == "http" && !is_this_machine(&url);
        if clear && plain_http == RawPlainHttp::LoopbackOnly {
            self.fault(key, "must begin with https:// (or http://, for this machine)");
        }
    }
}

/// The same with its files under the configuration's directory.
fn under(directory: &Path, mut notices: RawNotices) -> RawNotices {
    let place = |secret: &mut countersign_identity::Secret| {
        *secret = secret_under(directory, secret.clone());
    };
    if let Some(email) = &mut notices.email {
        email.password.iter_mut().for_each(place);
        email.ca_file.iter_mut().for_each(|it| *it = directory.join(&*it));
    }
    if let Some(slack) = &mut notices.slack {
        slack.webhook.iter_mut().chain(&mut slack.bot_token).for_each(place);
    }
    notices.teams.iter_mut().for_each(|it| place(&mut it.webhook));
    notices.webhooks.iter_mut().flat_map(|it| &mut it.secrets).for_each(place);
    notices
}

const SECRETS_MAX: usize = 5;
