//! The channels of a configuration with their secrets, read where they stand.

use crate::{
    config::{
        Notices,
        notices::{RawEmail, RawMailTls, RawSlack, RawWebhook},
    },
    exit::{Exit, Failure},
};
use countersign_identity::{Hidden, Secret};
use countersign_notify::{
    EmailSettings, MailTls, Settings, SigningSecret, SlackPlace, SlackSettings, WebhookSettings,
};

/// Reads the secrets; `resolve` says where each should stand when it is not there.
///
/// # Errors
/// A secret that can't be had, or can't be one.
pub(crate) fn settings(
    notices: Notices,
    resolve: impl Fn(&Secret, &str, &str) -> Result<Hidden, Failure>,
) -> Result<Settings, Failure> {
    let channels = notices.channels;
    let email = channels.email.map(|it| email(it, &resolve)).transpose()?;
    let slack = channels.slack.map(|it| slack(it, &resolve)).transpose()?;
    let teams = channels.teams.map(|it| {
        let what = "the URL of the workflow of Teams";
        url(resolve(&it.webhook, what, "`notices.teams.webhook`")?, what)
    });
    let webhooks = channels.webhooks.into_iter().map(|it| webhook(it, &resolve));
    Ok(Settings {
        email,
        slack,
        teams: teams.transpose()?,
        webhooks: webhooks.collect::<Result<_, _>>()?,
    })
}

fn email(
    raw: RawEmail,
    resolve: impl Fn(&Secret, &str, &str) -> Result<Hidden, Failure>,
) -> Result<EmailSettings, Failure> {
    let (tls, custom) = match raw.tls {
        RawMailTls::Starttls => (MailTls::StartTls, 587),
        RawMailTls::Implicit => (MailTls::Implicit, 465),
        RawMailTls::None => (MailTls::None, 25),
    };
    let password = raw
        .password
        .map(|it| resolve(&it, "the password of the mail server", "`notices.email.password`"));
    let authorities = raw.ca_file.map(|file| {
        std::fs::read(&file).map_err(|error| {
            Failure::usage(format!("{} can't be read: {error}", file.display()))
                .next("correct `notices.email.ca_file` in the configuration")
        })
    });
    Ok(EmailSettings {
        host: raw.host,
        port: raw.port.unwrap_or(custom),
        tls,
        authorities: authorities.transpose()?,
        login: raw.username.zip(password.transpose()?),
        from: raw.from,
    })
}

fn slack(
    raw: RawSlack,
    resolve: impl Fn(&Secret, &str, &str) -> Result<Hidden, Failure>,
) -> Result<SlackSettings, Failure> {
    let token = |it: &Secret| resolve(it, "the token of Slack's bot", "`notices.slack.bot_token`");
    let place = match (&raw.webhook, &raw.bot_token, raw.channel) {
        (Some(webhook), _, _) => {
            let what = "the URL of Slack's webhook";
            SlackPlace::Webhook(url(resolve(webhook, what, "`notices.slack.webhook`")?, what)?)
        }
        (None, Some(bot), Some(channel)) => SlackPlace::Channel { token: token(bot)?, channel },
        (None, Some(bot), None) => SlackPlace::Direct { token: token(bot)? },
        // `check` refuses it.
        (None, None, _) => return Err(Failure::usage("`notices.slack` needs a webhook or a bot")),
    };
    Ok(SlackSettings { place, api: raw.api })
}

fn webhook(
    raw: RawWebhook,
    resolve: impl Fn(&Secret, &str, &str) -> Result<Hidden, Failure>,
) -> Result<WebhookSettings, Failure> {
    let what = format!("a secret of the webhook {}", raw.name);
    let secrets = raw.secrets.iter().map(|it| {
        let text = resolve(it, &what, "`notices.webhooks`")?;
        SigningSecret::read(text.reveal()).map_err(|bad| {
            Failure::caused(Exit::Usage, &format!("{what} can't be used"), &bad)
                .next("make one: echo whsec_$(head -c 32 /dev/urandom | base64)")
        })
    });
    let secrets = secrets.collect::<Result<_, _>>()?;
    Ok(WebhookSettings { name: raw.name, url: raw.url, secrets })
}

/// A secret that is a URL. What it is is not repeated.
fn url(hidden: Hidden, what: &str) -> Result<Hidden, Failure> {
    let url = url::Url::parse(hidden.reveal()).ok();
    if url.is_some_and(|it| matches!(it.scheme(), "https" | "http") && it.has_host()) {
        Ok(hidden)
    } else {
        Err(Failure::usage(format!("{what} is no URL"))
            .next("copy it whole, from https:// on, without blanks"))
    }
}
