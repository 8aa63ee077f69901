//! Signed webhooks for programs, as the Standard Webhooks specification has them: an id that stays the
//! same with each attempt, a timestamp, and an HMAC-SHA-256 over both and the body for each secret.

use crate::{
    answer::{attempt, status_line},
    shown::visible,
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_governance::{Attempt, Outgoing};
use countersign_identity::{Http, Limits};
use countersign_model::{Clock, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::json;
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// A program that is told.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its name here.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What signs, the newest first: while a secret is changed, both sign.
    pub secrets: Vec<SigningSecret>,
}

/// What signs a webhook. Prints as nothing.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// A text that is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signing secret: whsec_ and 24 to 64 random bytes in base64")]
pub struct BadSigningSecret;

impl SigningSecret {
    /// Of `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// [`BadSigningSecret`].
    pub fn read(text: &str) -> Result<Self, BadSigningSecret> {
        let text = text.strip_prefix("whsec_").ok_or(BadSigningSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| BadSigningSecret)?);
        if !(24..=64).contains(&bytes.len()) {
            return Err(BadSigningSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{}.", at.seconds()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Sends to one program.
#[derive(Debug)]
pub(crate) struct Webhook {
    settings: WebhookSettings,
    http: Http,
    clock: Clock,
}

impl Webhook {
    pub(crate) fn new(settings: WebhookSettings, http: Http, clock: Clock) -> Self {
        Self { settings, http, clock }
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing, public_url: &str) -> Attempt {
        let now = self.clock.now();
        let body = body(outgoing, public_url);
        let headers = headers(&self.settings.secrets, outgoing, now, body.as_bytes());
        let Ok(headers) = headers else {
            let error = "the headers can't be written".to_owned();
            return Attempt::Refused { answer: String::new(), error };
        };
        let url = &self.settings.url;
        let sent = self.http.send(Method::POST, url, headers, body.into(), LIMITS).await;
        attempt(sent, now, |it| Attempt::Sent { answer: status_line(it.status) })
    }
}

fn headers(
    secrets: &[SigningSecret],
    outgoing: &Outgoing,
    now: Timestamp,
    body: &[u8],
) -> Result<HeaderMap, header::InvalidHeaderValue> {
    let id = outgoing.delivery.id.to_string();
    let signatures: Vec<String> = secrets.iter().map(|it| it.sign(&id, now, body)).collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ID, HeaderValue::from_str(&id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(now.seconds()));
    headers.insert(SIGNATURE, HeaderValue::from_str(&signatures.join(" "))?);
    Ok(headers)
}

fn body(outgoing: &Outgoing, public_url: &str) -> String {
    let notice = &outgoing.notice;
    json!({
        "type": format!("notice.{}", notice.kind.name()),
        "timestamp": notice.made_at,
        "data": {
            "id": notice.id,
            "to": notice.to,
            "urgency": notice.urgency,
            "about": notice.about,
            "title": visible(&notice.title),
            "text": visible(&notice.text),
            "link": format!("{public_url}{}", notice.link),
        },
    })
    .to_string()
}

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const LIMITS: Limits = Limits { bytes_max: 64 * 1024, time: Duration::from_secs(15) };
