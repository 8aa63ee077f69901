//! The bounded queue of finished spans, and the task that takes them to the collector in batches.
//! Who ends a call never waits for either.

use crate::{
    Begun, Context, Sample, Span,
    otlp::{self, Resource},
};
use bytes::Bytes;
use countersign_identity::{Http, HttpFailed, Limits, PlainHttp};
use countersign_model::Entropy;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{
    error::Error,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

/// Where spans go, and who sends them.
#[derive(Clone)]
pub struct Settings {
    /// The whole URL: `http://127.0.0.1:4318/v1/traces`. Who configured it answers for clear text.
    pub url: String,
    /// Sent with each export, beside the content type; may hold a secret.
    pub headers: HeaderMap,
    /// How much of what begins here is kept.
    pub sample: Sample,
    /// `service.name`: what the programs that do the same are called.
    pub service_name: String,
    /// `service.instance.id`: this one of them.
    pub instance: String,
    /// Nanoseconds since 1970.
    pub now_nanos: fn() -> u64,
    /// Makes ids.
    pub entropy: Entropy,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Begins spans and takes finished ones. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: mpsc::Sender<Vec<Span>>,
    sample: Sample,
    now_nanos: fn() -> u64,
    entropy: Entropy,
    counted: Arc<Counted>,
}

/// The task that exports, until [`Exporting::end`].
#[derive(Debug)]
pub struct Exporting {
    task: JoinHandle<()>,
    ending: watch::Sender<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    NotYet,
    Now,
}

/// What became of spans.
#[derive(Debug, Default)]
struct Counted {
    exported: AtomicU64,
    no_room: AtomicU64,
    away: AtomicU64,
    refused: AtomicU64,
}

impl Tracer {
    /// Starts the task that exports; to be called where a tokio runtime runs. Nothing is sent before
    /// there is a span.
    pub fn start(settings: Settings) -> (Self, Exporting) {
        let Settings { url, mut headers, sample, service_name, instance, now_nanos, entropy } =
            settings;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let (ending, ends) = watch::channel(Ending::NotYet);
        let counted = Arc::<Counted>::default();
        let export = Export {
            http: Http::speaking(PlainHttp::Everywhere),
            url,
            headers,
            resource: Resource { service_name, instance },
            waiting,
            ends,
            counted: Arc::clone(&counted),
            away: false,
        };
        let task = tokio::spawn(export.run());
        let inner = Inner { queue, sample, now_nanos, entropy, counted };
        (Self(Arc::new(inner)), Exporting { task, ending })
    }

    /// A span that begins now, in the trace that the headers name or in a new one.
    pub fn begin(&self, headers: &HeaderMap) -> Begun {
        Context::begin(headers, self.0.sample, &self.0.entropy)
    }

    /// A part of a span.
    pub fn child(&self, of: Context) -> Context {
        of.child(&self.0.entropy)
    }

    /// Nanoseconds since 1970.
    pub fn now_nanos(&self) -> u64 {
        (self.0.now_nanos)()
    }

    /// Takes finished spans for export. Never waits: without room they are dropped and counted.
    pub fn export(&self, spans: Vec<Span>) {
        if let Err(
            mpsc::error::TrySendError::Full(spans) | mpsc::error::TrySendError::Closed(spans),
        ) = self.0.queue.try_send(spans)
        {
            self.0.counted.no_room.fetch_add(count(&spans), Ordering::Relaxed);
        }
    }

    /// Appends what became of spans in the Prometheus text format.
    pub fn metrics(&self, out: &mut String) {
        let counted = &self.0.counted;
        let value = |of: &AtomicU64| of.load(Ordering::Relaxed);
        // Writing to a string can't fail.
        let _ = write!(
            out,
            "# HELP countersign_spans_exported_total Spans that the collector took.\n\
             # TYPE countersign_spans_exported_total counter\n\
             countersign_spans_exported_total {}\n\
             # HELP countersign_spans_dropped_total Spans that never came to the collector.\n\
             # TYPE countersign_spans_dropped_total counter\n\
             countersign_spans_dropped_total{{why=\"queue_full\"}} {}\n\
             countersign_spans_dropped_total{{why=\"collector_away\"}} {}\n\
             countersign_spans_dropped_total{{why=\"collector_refused\"}} {}\n",
            value(&counted.exported),
            value(&counted.no_room),
            value(&counted.away),
            value(&counted.refused),
        );
    }
}

impl Exporting {
    /// Exports what still waits, within this time; what is left then is lost.
    pub async fn end(mut self, within: Duration) {
        self.ending.send_replace(Ending::Now);
        if tokio::time::timeout(within, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the collector did not take the last spans in time");
        }
    }
}

struct Export {
    http: Http,
    url: String,
    headers: HeaderMap,
    resource: Resource,
    waiting: mpsc::Receiver<Vec<Span>>,
    ends: watch::Receiver<Ending>,
    counted: Arc<Counted>,
    /// Whether the last batch was lost: said once, not for every batch.
    away: bool,
}

/// What became of one attempt.
enum Attempt {
    /// All but so many were taken.
    Taken(u64),
    /// It may go better later.
    Later { wait: Option<Duration>, why: String },
    /// It won't.
    Refused(String),
}

/// Why a batch is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Away,
    Refused,
}

impl Export {
    async fn run(mut self) {
        loop {
            let batch = self.batch().await;
            if !batch.is_empty() {
                self.deliver(&batch).await;
            } else if self.is_ending() || self.waiting.is_closed() {
                // Nobody is left who could end a span, or the gateway ends.
                return;
            }
        }
    }

    /// The spans of a moment; none when the gateway ends and none waits.
    async fn batch(&mut self) -> Vec<Span> {
        let mut batch = self.next(None).await.unwrap_or_default();
        let until = Instant::now() + BATCH_WITHIN;
        while !batch.is_empty() && batch.len() < BATCH_SPANS {
            match self.next(Some(until)).await {
                Some(more) => batch.extend(more),
                None => break,
            }
        }
        batch
    }

    /// The spans of the next call, if they come in time.
    async fn next(&mut self, until: Option<Instant>) -> Option<Vec<Span>> {
        if let Ok(spans) = self.waiting.try_recv() {
            return Some(spans);
        }
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            spans = self.waiting.recv() => spans,
            () = ends(&mut self.ends) => None,
            () = late => None,
        }
    }

    /// Sends a batch until the collector has taken it, refused it, or was away for too long.
    async fn deliver(&mut self, batch: &[Span]) {
        let body = Bytes::from(otlp::encode(&self.resource, batch));
        let mut pause = FIRST_PAUSE;
        for left in (0..TRIES_MAX).rev() {
            let why = match self.attempt(body.clone()).await {
                Attempt::Taken(rejected) => return self.taken(count(batch), rejected),
                Attempt::Refused(why) => return self.lost(Lost::Refused, count(batch), &why),
                Attempt::Later { why, .. } if left == 0 || self.is_ending() => why,
                Attempt::Later { wait, .. } => {
                    let wait = wait.unwrap_or(pause).min(PAUSE_MAX);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = ends(&mut self.ends) => {}
                    }
                    pause *= 2;
                    continue;
                }
            };
            return self.lost(Lost::Away, count(batch), &why);
        }
    }

    /// OTLP/HTTP says which answers mean that it may go better later.
    async fn attempt(&self, body: Bytes) -> Attempt {
        let limits = Limits { bytes_max: ANSWER_BYTES_MAX, time: EXPORT_WITHIN };
        let sent = self.http.send(Method::POST, &self.url, self.headers.clone(), body, limits);
        match sent.await {
            Ok(answer) if answer.status.is_success() => {
                Attempt::Taken(otlp::rejected(&answer.body))
            }
            Ok(answer) => {
                let why = format!("it answered {}", answer.status);
                match answer.status {
                    StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => {
                        let wait = answer.headers.get(header::RETRY_AFTER);
                        let wait = wait.and_then(|it| it.to_str().ok()?.parse().ok());
                        Attempt::Later { wait: wait.map(Duration::from_secs), why }
                    }
                    _ => Attempt::Refused(why),
                }
            }
            Err(error @ (HttpFailed::Broken { .. } | HttpFailed::TimedOut { .. })) => {
                Attempt::Later { wait: None, why: chain(&error) }
            }
            // An answer that is too long may well be a yes: sent again, spans would be there twice.
            Err(
                error @ (HttpFailed::TooLong { .. }
                | HttpFailed::BadUrl
                | HttpFailed::PlainHttpRefused
                | HttpFailed::TlsUnavailable
                | HttpFailed::BadRequest
                | HttpFailed::NotJson),
            ) => Attempt::Refused(chain(&error)),
        }
    }

    fn taken(&mut self, spans: u64, rejected: u64) {
        let rejected = rejected.min(spans);
        self.counted.exported.fetch_add(spans - rejected, Ordering::Relaxed);
        self.counted.refused.fetch_add(rejected, Ordering::Relaxed);
        if std::mem::take(&mut self.away) {
            tracing::info!("the collector takes spans again");
        }
    }

    fn lost(&mut self, how: Lost, spans: u64, why: &str) {
        let counter = match how {
            Lost::Away => &self.counted.away,
            Lost::Refused => &self.counted.refused,
        };
        counter.fetch_add(spans, Ordering::Relaxed);
        if !std::mem::replace(&mut self.away, true) {
            tracing::warn!(why, "the collector takes no spans");
        }
    }

    fn is_ending(&self) -> bool {
        // Nobody left who could say so is an end too.
        *self.ends.borrow() == Ending::Now || self.ends.has_changed().is_err()
    }
}

/// Waits until the gateway ends.
async fn ends(ends: &mut watch::Receiver<Ending>) {
    drop(ends.wait_for(|it| *it == Ending::Now).await);
}

fn count(spans: &[Span]) -> u64 {
    u64::try_from(spans.len()).unwrap_or(u64::MAX)
}

/// An error with its causes.
fn chain(error: &HttpFailed) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Calls whose spans may wait for their export. A call has a handful of spans.
const WAITING_MAX: usize = 2_048;
/// Spans from which on an export does not wait for more; the last call's may go beyond.
const BATCH_SPANS: usize = 512;
/// How long spans wait for others.
const BATCH_WITHIN: Duration = Duration::from_secs(1);
/// How long one export may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(10);
/// How often one batch is sent at most.
const TRIES_MAX: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Bytes of the collector's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
