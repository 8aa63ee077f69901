//! Every channel that the configuration has, by its name.

use crate::{
    EmailSettings, SlackPlace, SlackSettings, WebhookSettings,
    email::{BadEmail, Email},
    slack::Slack,
    teams::Teams,
    webhooks::Webhook,
};
use countersign_governance::{Attempt, Channel, Outgoing, Reach};
use countersign_identity::{Hidden, Http};
use countersign_model::Clock;
use std::sync::Arc;

/// The channels of a configuration, their secrets read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// A mail server.
    pub email: Option<EmailSettings>,
    /// Slack.
    pub slack: Option<SlackSettings>,
    /// The URL of a workflow of Microsoft Teams.
    pub teams: Option<Hidden>,
    /// Programs.
    pub webhooks: Vec<WebhookSettings>,
}

/// Why a channel can't be used at all.
#[derive(Debug, thiserror::Error)]
#[error("the channel {channel} can't be used")]
pub struct BadChannel {
    /// Its name.
    pub channel: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Sends over every channel. Clones are the same.
#[derive(Clone, Debug)]
pub struct Senders(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where people find this gateway, without a slash at the end.
    public_url: String,
    all: Vec<(Channel, Sender)>,
}

#[derive(Debug)]
enum Sender {
    Email(Box<Email>),
    Slack(Slack),
    Teams(Teams),
    Webhook(Webhook),
}

impl Senders {
    /// The channels of a configuration. Opens no connection.
    ///
    /// # Errors
    /// [`BadChannel`].
    pub fn new(
        settings: Settings,
        public_url: &str,
        http: &Http,
        clock: &Clock,
    ) -> Result<Self, BadChannel> {
        let Settings { email, slack, teams, webhooks } = settings;
        let mut all = Vec::new();
        if let Some(settings) = email {
            let email = Email::new(&settings).map_err(|it: BadEmail| BadChannel {
                channel: EMAIL.to_owned(),
                source: Box::new(it),
            })?;
            all.push((channel(EMAIL, Reach::Person), Sender::Email(Box::new(email))));
        }
        if let Some(settings) = slack {
            let reach = match settings.place {
                SlackPlace::Direct { .. } => Reach::Person,
                SlackPlace::Webhook(_) | SlackPlace::Channel { .. } => Reach::Room,
            };
            let slack = Slack::new(settings, http.clone(), clock.clone());
            all.push((channel("slack", reach), Sender::Slack(slack)));
        }
        if let Some(url) = teams {
            let teams = Teams::new(url, http.clone(), clock.clone());
            all.push((channel("teams", Reach::Room), Sender::Teams(teams)));
        }
        for settings in webhooks {
            let name = format!("webhook:{}", settings.name);
            let webhook = Webhook::new(settings, http.clone(), clock.clone());
            all.push((channel(&name, Reach::Program), Sender::Webhook(webhook)));
        }
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self(Arc::new(Inner { public_url, all })))
    }

    /// The channels, for governance to know.
    pub fn channels(&self) -> Vec<Channel> {
        self.0.all.iter().map(|(channel, _)| channel.clone()).collect()
    }

    /// Sends one delivery over its channel, once.
    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Attempt {
        let name = &outgoing.delivery.channel;
        let found = self.0.all.iter().find(|(channel, _)| channel.name == *name);
        let Some((_, sender)) = found else {
            let error = "this gateway has no such channel".to_owned();
            return Attempt::Later { answer: String::new(), error, wait: None };
        };
        let public_url = &self.0.public_url;
        match sender {
            Sender::Email(email) => email.send(outgoing, public_url).await,
            Sender::Slack(slack) => slack.send(outgoing, public_url).await,
            Sender::Teams(teams) => teams.send(outgoing, public_url).await,
            Sender::Webhook(webhook) => webhook.send(outgoing, public_url).await,
        }
    }
}

fn channel(name: &str, reach: Reach) -> Channel {
    Channel { name: name.to_owned(), reach }
}

const EMAIL: &str = "email";
