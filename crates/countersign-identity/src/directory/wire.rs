//! How a directory is asked: with a token of its own, page by page, within limits. What the answers
//! say about where to go next is followed only at the directory itself.

use crate::{Answer, Hidden, Http, HttpFailed, http::Limits, refused::shown};
use countersign_model::{Clock, Span, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Mutex;

/// The way to a directory, with the token for it.
pub(super) struct Wire {
    http: Http,
    clock: Clock,
    /// Held while a new one is asked for, so that one question is asked.
    token: Mutex<Option<(Hidden, Timestamp)>>,
}

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskFailed {
    #[error("the directory's secrets were not read")]
    NotConnected,
    #[error("the directory did not answer")]
    Http(#[from] HttpFailed),
    #[error("the directory's token endpoint did not answer")]
    NoTokenEndpoint(#[source] HttpFailed),
    #[error("the directory's token endpoint answered {status}: {error}")]
    NoToken { status: StatusCode, error: String },
    #[error("the directory wants a pause of {seconds} s")]
    Pause { seconds: i64 },
    #[error("the directory answered {0}")]
    Status(StatusCode),
    #[error("the directory does not know whom it was asked about")]
    NobodyThere,
    #[error("the directory's answer is malformed")]
    Malformed,
    #[error("the directory's next page is at another place")]
    OtherPlace,
    #[error("more than {0} groups")]
    TooManyGroups(usize),
    #[error("more than {PAGES_MAX} pages")]
    TooManyPages,
    #[error("the directory took too long")]
    TooSlow,
}

impl AskFailed {
    /// How long nobody is to be asked about: what fails for one person fails for all, or only for
    /// them.
    pub(super) fn pause_seconds(&self) -> Option<i64> {
        match self {
            Self::Pause { seconds } => Some(*seconds),
            Self::NoToken { .. } | Self::NoTokenEndpoint(_) => Some(TOKEN_PAUSE_SECONDS),
            Self::NotConnected
            | Self::Http(_)
            | Self::Status(_)
            | Self::NobodyThere
            | Self::Malformed
            | Self::OtherPlace
            | Self::TooManyGroups(_)
            | Self::TooManyPages
            | Self::TooSlow => None,
        }
    }

    /// The failure and what caused it, for the operator.
    pub(super) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            text.push_str(": ");
            text.push_str(&source.to_string());
            cause = source.source();
        }
        text
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Hidden,
    expires_in: u32,
}

impl Wire {
    pub(super) fn new(http: Http, clock: Clock) -> Self {
        Self { http, clock, token: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The token for the directory, which `fields` get from the token endpoint.
    pub(super) async fn token(
        &self,
        url: &str,
        fields: impl FnOnce() -> Result<Vec<(&'static str, String)>, AskFailed> + Send,
    ) -> Result<Hidden, AskFailed> {
        let mut kept = self.token.lock().await;
        let now = self.clock.now();
        if let Some((token, until)) = kept.as_ref()
            && now < *until
        {
            return Ok(token.clone());
        }
        let fields = fields()?;
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let answer = self.http.post_form(url, HeaderMap::new(), &fields, LIMITS).await;
        let answer = answer.map_err(AskFailed::NoTokenEndpoint)?;
        if answer.status != StatusCode::OK {
            pause(&answer)?;
            let error = answer.json::<serde_json::Value>().ok();
            let error = error.as_ref().and_then(|it| it.get("error")).and_then(|it| it.as_str());
            let error = error.map_or_else(|| "no error code".into(), shown);
            return Err(AskFailed::NoToken { status: answer.status, error });
        }
        let told: TokenAnswer = answer.object().map_err(|_| AskFailed::Malformed)?;
        let lasts = i64::from(told.expires_in).saturating_sub(TOKEN_SECONDS_LEFT_MIN).max(0);
        *kept = Some((told.access_token.clone(), now.plus(Span::from_seconds(lasts))));
        Ok(told.access_token)
    }

    /// One page. A token that is not taken any more is forgotten.
    pub(super) async fn page(
        &self,
        url: &str,
        token: &Hidden,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, AskFailed> {
        let mut headers: HeaderMap = extra.into_iter().collect();
        let bearer = format!("Bearer {}", token.reveal());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| AskFailed::Malformed)?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        let answer = self.http.get(url, headers, LIMITS).await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err(AskFailed::NobodyThere),
            StatusCode::UNAUTHORIZED => {
                *self.token.lock().await = None;
                Err(AskFailed::Status(answer.status))
            }
            status => {
                pause(&answer)?;
                Err(AskFailed::Status(status))
            }
        }
    }
}

/// Whether the directory wants to be left alone for a while (RFC 9110 §10.2.3, in seconds).
fn pause(answer: &Answer) -> Result<(), AskFailed> {
    let wants =
        matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if !wants {
        return Ok(());
    }
    let seconds = answer.headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
    let seconds = seconds.and_then(|it| it.trim().parse().ok()).unwrap_or(PAUSE_SECONDS);
    Err(AskFailed::Pause { seconds })
}

/// Counts pages, so that no chain of them is endless.
#[derive(Debug, Default)]
pub(super) struct Pages(usize);

impl Pages {
    pub(super) fn next(&mut self) -> Result<(), AskFailed> {
        self.0 += 1;
        if self.0 > PAGES_MAX { Err(AskFailed::TooManyPages) } else { Ok(()) }
    }
}

/// Of one page.
const LIMITS: Limits = Limits { bytes_max: 1024 * 1024, time: Duration::from_secs(10) };
const PAGES_MAX: usize = 50;
/// A token that ends this soon is not used any more.
const TOKEN_SECONDS_LEFT_MIN: i64 = 60;
/// How long the token endpoint is not asked again after it gave none.
const TOKEN_PAUSE_SECONDS: i64 = 5;
/// How long to pause when a directory wants a pause and does not say how long.
const PAUSE_SECONDS: i64 = 10;
