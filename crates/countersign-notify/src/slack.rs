//! Slack: a message with blocks and one button that opens the console; nothing is decided in Slack. What
//! others wrote stands in `rich_text` elements, which have no markup, and in the `text` that
//! notifications show, where the three characters that Slack reads are escaped.

use crate::{
    answer::{attempt, status_line},
    shown::Shown,
};
use bytes::Bytes;
use countersign_governance::{Attempt, Outgoing};
use countersign_identity::{Answer, Hidden, Http, Limits};
use countersign_model::{Clock, Span};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use std::time::Duration;

/// How Slack is reached.
#[derive(Clone, Debug)]
pub struct SlackSettings {
    /// Where messages go.
    pub place: SlackPlace,
    /// Where Slack's Web API is: `https://slack.com/api`.
    pub api: String,
}

/// Where messages go in Slack.
#[derive(Clone, Debug)]
pub enum SlackPlace {
    /// To the channel of an incoming webhook; its URL is a secret.
    Webhook(Hidden),
    /// To one channel, as a bot with `chat:write`.
    Channel {
        /// The bot's token.
        token: Hidden,
        /// The channel's id: `C0123456789`.
        channel: String,
    },
    /// To each person directly, as a bot with `chat:write` and `users:read.email`; people are found by
    /// their e-mail address.
    Direct {
        /// The bot's token.
        token: Hidden,
    },
}

/// Sends to Slack.
#[derive(Debug)]
pub(crate) struct Slack {
    settings: SlackSettings,
    http: Http,
    clock: Clock,
}

impl Slack {
    pub(crate) fn new(mut settings: SlackSettings, http: Http, clock: Clock) -> Self {
        settings.api.truncate(settings.api.trim_end_matches('/').len());
        Self { settings, http, clock }
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing, public_url: &str) -> Attempt {
        let message = message(outgoing, public_url);
        match &self.settings.place {
            SlackPlace::Webhook(url) => {
                let headers = HeaderMap::new();
                let sent =
                    self.http.send_json(Method::POST, url.reveal(), headers, &message, LIMITS);
                // A webhook answers `ok` as plain text.
                attempt(sent.await, self.clock.now(), |it| Attempt::Sent {
                    answer: status_line(it.status),
                })
            }
            SlackPlace::Channel { token, channel } => self.post(token, channel, message).await,
            SlackPlace::Direct { token } => {
                let email = outgoing.to.as_ref().map_or("", |it| it.email.as_str());
                match self.user(token, email).await {
                    Ok(user) => self.post(token, &user, message).await,
                    Err(attempt) => attempt,
                }
            }
        }
    }

    /// `chat.postMessage`.
    async fn post(&self, token: &Hidden, channel: &str, mut message: Value) -> Attempt {
        if let Some(members) = message.as_object_mut() {
            members.insert("channel".to_owned(), channel.into());
        }
        let headers = match bearer(token) {
            Ok(headers) => headers,
            Err(attempt) => return attempt,
        };
        let url = format!("{}/chat.postMessage", self.settings.api);
        let sent = self.http.send_json(Method::POST, &url, headers, &message, LIMITS).await;
        attempt(sent, self.clock.now(), |it| match read(it) {
            Ok(said) => {
                let ts = said.get("ts").and_then(Value::as_str).unwrap_or_default();
                Attempt::Sent { answer: format!("{} ts {ts}", status_line(it.status)) }
            }
            Err(attempt) => attempt,
        })
    }

    /// The id of the user with this address: `users.lookupByEmail`.
    async fn user(&self, token: &Hidden, email: &str) -> Result<String, Attempt> {
        let headers = bearer(token)?;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("email", email)
            .finish();
        let url = format!("{}/users.lookupByEmail?{query}", self.settings.api);
        let sent = self.http.send(Method::GET, &url, headers, Bytes::new(), LIMITS).await;
        let mut found = None;
        let attempt = attempt(sent, self.clock.now(), |it| match read(it) {
            Ok(said) => {
                found = said.pointer("/user/id").and_then(Value::as_str).map(str::to_owned);
                let error = "Slack names no user".to_owned();
                Attempt::Refused { answer: status_line(it.status), error }
            }
            Err(attempt) => attempt,
        });
        found.ok_or(attempt)
    }
}

/// The answer of a method of the Web API: `ok` says whether it did what was asked.
fn read(answer: &Answer) -> Result<Value, Attempt> {
    let status = status_line(answer.status);
    let Ok(said) = answer.object::<serde_json::Map<String, Value>>() else {
        let error = "Slack's answer is not the expected JSON".to_owned();
        return Err(Attempt::Refused { answer: status, error });
    };
    if said.get("ok") == Some(&Value::Bool(true)) {
        return Ok(Value::Object(said));
    }
    let code = said.get("error").and_then(Value::as_str).unwrap_or("no error code");
    let answer = format!("{status} {code}");
    Err(match code {
        "ratelimited"
        | "rate_limited"
        | "internal_error"
        | "fatal_error"
        | "request_timeout"
        | "service_unavailable"
        | "team_added_to_org" => Attempt::Later {
            answer,
            error: "Slack does not take the message now".to_owned(),
            wait: Some(Span::from_seconds(60)),
        },
        "users_not_found" => Attempt::Refused {
            answer,
            error: "nobody in Slack has the person's e-mail address".to_owned(),
        },
        _ => Attempt::Refused { answer, error: "Slack refuses the message".to_owned() },
    })
}

fn bearer(token: &Hidden) -> Result<HeaderMap, Attempt> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
    let mut value = value.map_err(|_| Attempt::Refused {
        answer: String::new(),
        error: "the bot's token has characters that no header may have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
}

fn message(outgoing: &Outgoing, public_url: &str) -> Value {
    let shown = Shown::of(outgoing, public_url);
    let text = |text: &str| json!({"type": "text", "text": text});
    let section = |elements: Vec<Value>| json!({"type": "rich_text_section", "elements": elements});
    let bold = |text: &str| json!({"type": "text", "text": text, "style": {"bold": true}});
    let mut parts = vec![section(vec![bold(&shown.title)])];
    if !shown.text.is_empty() {
        parts.push(section(vec![text(&format!("\n{}", shown.text))]));
    }
    for group in &shown.groups {
        parts.push(section(vec![bold(&format!("\n{}", group.heading))]));
        let lines = group.lines.iter();
        let link = |url: &str, text: &str| json!({"type": "link", "url": url, "text": text});
        let lines: Vec<Value> = lines.map(|it| section(vec![link(&it.link, &it.title)])).collect();
        parts.push(json!({"type": "rich_text_list", "style": "bullet", "elements": lines}));
    }
    if shown.more > 0 {
        parts.push(section(vec![text(&format!("\nAnd {} more.", shown.more))]));
    }
    let button = json!({
        "type": "button",
        "text": {"type": "plain_text", "text": "Open in Countersign", "emoji": false},
        "url": shown.link,
        "action_id": "open",
    });
    json!({
        "text": escaped(&shown.title),
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [
            {"type": "rich_text", "elements": parts},
            {"type": "actions", "elements": [button]},
        ],
        // What came twice is known by it.
        "metadata": {
            "event_type": "countersign_notice",
            "event_payload": {
                "delivery": outgoing.delivery.id,
                "notice": outgoing.notice.id,
                "kind": outgoing.notice.kind.name(),
            },
        },
    })
}

/// The three characters that Slack reads as control characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const LIMITS: Limits = Limits { bytes_max: 64 * 1024, time: Duration::from_secs(15) };
