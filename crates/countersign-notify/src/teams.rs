//! Microsoft Teams: an Adaptive Card to the URL of a workflow ("When a Teams webhook request is
//! received"), or of an incoming webhook of the older kind. What others wrote stands in `TextRun`s,
//! which have no Markdown.

use crate::{
    answer::{attempt, status_line},
    shown::Shown,
};
use countersign_governance::{Attempt, Outgoing};
use countersign_identity::{Hidden, Http, Limits};
use countersign_model::Clock;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use std::time::Duration;

/// Sends to Teams.
#[derive(Debug)]
pub(crate) struct Teams {
    /// A secret: whoever has it can post.
    url: Hidden,
    http: Http,
    clock: Clock,
}

impl Teams {
    pub(crate) fn new(url: Hidden, http: Http, clock: Clock) -> Self {
        Self { url, http, clock }
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing, public_url: &str) -> Attempt {
        let (url, card) = (self.url.reveal(), message(outgoing, public_url));
        let sent = self.http.send_json(Method::POST, url, HeaderMap::new(), &card, LIMITS).await;
        attempt(sent, self.clock.now(), |it| {
            let answer = status_line(it.status);
            // The older webhooks say 200 also when Teams took nothing, mostly because it was too much.
            if it.body.starts_with(b"Webhook message delivery failed") {
                let error = "Teams did not take the message".to_owned();
                return Attempt::Later { answer, error, wait: None };
            }
            Attempt::Sent { answer }
        })
    }
}

fn message(outgoing: &Outgoing, public_url: &str) -> Value {
    let shown = Shown::of(outgoing, public_url);
    let mut body = vec![runs(&[json!({
        "type": "TextRun", "text": shown.title, "weight": "Bolder", "size": "Medium",
    })])];
    let run = |text: &str| json!({"type": "TextRun", "text": text});
    body.extend(
        shown.text.split('\n').filter(|it| !it.trim().is_empty()).map(|it| runs(&[run(it)])),
    );
    for group in &shown.groups {
        body.push(runs(&[json!({
            "type": "TextRun", "text": group.heading, "weight": "Bolder",
        })]));
        let opens = |url: &str| json!({"type": "Action.OpenUrl", "url": url});
        body.extend(group.lines.iter().map(|it| {
            let link =
                json!({"type": "TextRun", "text": it.title, "selectAction": opens(&it.link)});
            runs(&[run("• "), link])
        }));
    }
    if shown.more > 0 {
        body.push(runs(&[run(&format!("And {} more.", shown.more))]));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": "Countersign",
                "body": body,
                "actions": [{
                    "type": "Action.OpenUrl",
                    "title": "Open in Countersign",
                    "url": shown.link,
                }],
            },
        }],
    })
}

fn runs(inlines: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

const LIMITS: Limits = Limits { bytes_max: 64 * 1024, time: Duration::from_secs(15) };
