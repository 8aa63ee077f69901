//! Asks a gateway: the management API and `POST /call/{function}`, with the token of the last login
//! or of the environment. Turns the gateway's refusals into failures that say what to do next.

use crate::{
    cli::Shared,
    clock,
    exit::{Exit, Failure, chain},
    login,
    output::plain,
};
use bytes::Bytes;
use countersign_identity::{Answer, Hidden, Http, HttpFailed, Limits};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// A gateway, as one person or program asks it.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) server: String,
    http: Http,
    token: Hidden,
}

/// What the gateway tells about itself to those who want to sign in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct About {
    #[serde(default)]
    pub(crate) resource: Option<String>,
    pub(crate) issuers: Vec<AboutIssuer>,
}

/// An identity provider with a client for the command line.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AboutIssuer {
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) cli_client_id: String,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
}

/// A refusal (RFC 9457), as far as people are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) code: String,
    pub(crate) next_step: String,
    /// The request for approval that a held call waits for.
    pub(crate) approval: Option<String>,
    /// Where people answer it.
    pub(crate) approval_url: Option<String>,
}

/// A refusal of the token endpoint (RFC 6749 §5.2), as far as people are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ExchangeRefused {
    pub(crate) error_description: String,
    pub(crate) code: String,
    pub(crate) next_step: String,
}

/// The server that is meant: as typed, of the last login, or the demo's.
pub(crate) fn server(shared: &Shared) -> String {
    let chosen = shared.server.clone().or_else(login::last_server);
    let server = chosen.unwrap_or_else(|| SERVER_DEFAULT.to_owned());
    server.trim_end_matches('/').to_owned()
}

/// What a gateway tells about itself.
///
/// # Errors
/// When it can't be reached or does not answer as a gateway does.
pub(crate) async fn about(server: &str, http: &Http) -> Result<About, Failure> {
    let url = format!("{server}/.well-known/countersign");
    let answer = http.get(&url, HeaderMap::new(), LIMITS).await;
    let answer = answer.map_err(|error| unreachable(server, &error))?;
    let no_gateway = || {
        Failure::new(Exit::Unreachable, format!("{server} does not answer as a gateway does"))
            .next("check the URL after --server")
    };
    if answer.status != StatusCode::OK {
        return Err(no_gateway());
    }
    answer.json().map_err(|_| no_gateway())
}

impl Api {
    /// Makes ready to ask; refreshes the login if its token has ended.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub(crate) async fn open(shared: &Shared) -> Result<Self, Failure> {
        let server = server(shared);
        let http = Http::new();
        let token = match &shared.token {
            Some(token) => token.clone(),
            None => login::token(&server, &http, &clock::clock()).await?,
        };
        Ok(Self { server, http, token })
    }

    /// The same with another token.
    pub(crate) fn with_token(shared: &Shared, token: Hidden) -> Self {
        Self { server: server(shared), http: Http::new(), token }
    }

    /// How a gateway judges the token that is shown to it: the explanation, or what it said instead.
    ///
    /// # Errors
    /// That the gateway can't be reached.
    pub(crate) async fn own_explanation(&self) -> Result<Result<Value, Problem>, Failure> {
        let url = format!("{}/api/v1/me/explanation", self.server);
        let answer = self.send(Method::GET, &url, self.headers()?, Bytes::new(), LIMITS).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Ok(Err(answer.json().unwrap_or_default()));
        }
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let explained = answer.json();
        explained.map(Ok).map_err(|_| Failure::failed("the explanation can't be understood"))
    }

    /// Reads something of the management API.
    ///
    /// # Errors
    /// The refusal, or that the gateway can't be reached.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Asks the management API to do something.
    ///
    /// # Errors
    /// The refusal, or that the gateway can't be reached.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &(impl Serialize + Sync),
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(document);
        let body = body.map_err(|_| Failure::failed("the request can't be written as JSON"))?;
        self.ask(Method::POST, path, body.into()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let url = format!("{}/api/v1{path}", self.server);
        let answer = self.send(method, &url, self.headers()?, body, LIMITS).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        answer.json().map_err(|_| {
            Failure::failed(format!("the answer of {} can't be understood", self.server))
                .next("use a command line of the same version as the gateway")
        })
    }

    /// Calls a function once, and waits so long for a human.
    ///
    /// # Errors
    /// That the gateway can't be reached. A refusal is an answer.
    pub(crate) async fn call(
        &self,
        function: &str,
        arguments: &Value,
        wait: Duration,
        answer_within: Duration,
    ) -> Result<Answer, Failure> {
        let mut headers = self.headers()?;
        let prefer = format!("wait={}", wait.as_secs());
        if let Ok(prefer) = HeaderValue::from_str(&prefer) {
            headers.insert("prefer", prefer);
        }
        let limits =
            Limits { bytes_max: ANSWER_BYTES_MAX, time: wait.saturating_add(answer_within) };
        let url = format!("{}/call/{function}", self.server);
        self.send(Method::POST, &url, headers, arguments.to_string().into(), limits).await
    }

    /// The tool definitions of what may be called.
    ///
    /// # Errors
    /// The refusal, or that the gateway can't be reached.
    pub(crate) async fn tools(&self, format: &str) -> Result<Value, Failure> {
        let url = format!("{}/tools?format={format}", self.server);
        let limits = Limits { bytes_max: ANSWER_BYTES_MAX, ..LIMITS };
        let answer = self.send(Method::GET, &url, self.headers()?, Bytes::new(), limits).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        answer.json().map_err(|_| Failure::failed("the tools can't be understood"))
    }

    /// A token with which the bearer of `actor` acts for whoever asks, or why there is none.
    ///
    /// # Errors
    /// That the gateway can't be reached.
    pub(crate) async fn exchange(
        &self,
        actor: &Hidden,
        scopes: &[String],
    ) -> Result<Result<Value, (StatusCode, ExchangeRefused)>, Failure> {
        let scope = scopes.join(" ");
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", self.token.reveal()),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", actor.reveal()),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let url = format!("{}/oauth/token", self.server);
        let answer = self.http.post_form(&url, HeaderMap::new(), &fields, LIMITS).await;
        let answer = answer.map_err(|error| unreachable(&self.server, &error))?;
        if !answer.status.is_success() {
            return Ok(Err((answer.status, answer.json().unwrap_or_default())));
        }
        answer.json().map(Ok).map_err(|_| Failure::failed("the answer can't be understood"))
    }

    /// What a refusal says.
    pub(crate) fn refused(&self, answer: &Answer) -> Failure {
        let problem: Problem = answer.json().unwrap_or_default();
        refusal(answer.status, &problem, &self.server)
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, Failure> {
        let sent = self.http.send(method, url, headers, body, limits).await;
        sent.map_err(|error| unreachable(&self.server, &error))
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        let value = HeaderValue::from_str(&format!("Bearer {}", self.token.reveal()));
        let mut value = value.map_err(|_| Failure::usage("the token holds what no token does"))?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(headers)
    }
}

/// A refusal in words, with the exit code that goes with it.
pub(crate) fn refusal(status: StatusCode, problem: &Problem, server: &str) -> Failure {
    let said = [&problem.detail, &problem.title].into_iter().find(|it| !it.is_empty());
    let what = match said {
        Some(said) => plain(said),
        None => format!("{server} answered {status}"),
    };
    let what =
        if problem.code.is_empty() { what } else { format!("{what} ({})", plain(&problem.code)) };
    let exit = match status {
        StatusCode::FORBIDDEN
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::UNPROCESSABLE_ENTITY => Exit::Refused,
        StatusCode::SERVICE_UNAVAILABLE => Exit::Unreachable,
        StatusCode::UNAUTHORIZED => {
            return Failure::new(Exit::Failed, what).next("sign in: countersign login");
        }
        _ => Exit::Failed,
    };
    Failure::new(exit, what).next(plain(&problem.next_step))
}

/// That a gateway could not be asked.
pub(crate) fn unreachable(server: &str, error: &HttpFailed) -> Failure {
    let what = format!("can't reach {server}: {}", chain(error));
    let step = match error {
        HttpFailed::BadUrl | HttpFailed::PlainHttpRefused => {
            return Failure::usage(what).next("write an https URL after --server");
        }
        HttpFailed::TooLong { .. } | HttpFailed::NotJson | HttpFailed::BadRequest => {
            return Failure::failed(what);
        }
        HttpFailed::TlsUnavailable => "install the certificates of this system",
        HttpFailed::Broken { .. } | HttpFailed::TimedOut { .. } => {
            "check that the gateway runs there, or name another with --server URL"
        }
    };
    Failure::new(Exit::Unreachable, what).next(step)
}

/// A value as it stands in a query.
pub(crate) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in pairs {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SERVER_DEFAULT: &str = "http://127.0.0.1:7070";
const LIMITS: Limits = Limits { bytes_max: 32 * 1024 * 1024, time: Duration::from_secs(30) };
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
