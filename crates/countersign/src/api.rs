//! Asks a gateway: the management API and `POST /call/{function}`, with the token of the last login
//! or of the environment. Turns the gateway's refusals into failures that say what to do next.

use crate::{
    cli::Shared,
    client_key, clock,
    exit::{Exit, Failure, chain},
    login,
    output::plain,
};
use bytes::Bytes;
use countersign_identity::{
    Again, Answer, Hidden, Http, HttpFailed, Limits, Prover, Scheme, TokenSet,
};
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
    scheme: Scheme,
    proving: Option<Proving>,
}

/// A key that is proved to a gateway.
#[derive(Debug)]
struct Proving {
    prover: Prover,
    /// The gateway's public URL: proofs name it, wherever it is asked.
    called: String,
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

/// How the agent that is to act says who it is.
#[derive(Debug)]
pub(crate) enum ActorShown {
    /// By its own token.
    Token(Hidden),
    /// By what it signed with its key.
    Assertion(Hidden),
}

#[derive(Deserialize)]
struct ResourceMetadata {
    resource: String,
}

#[derive(Deserialize)]
struct IssuerMetadata {
    issuer: String,
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

/// What a gateway is called as a resource (RFC 9728), if it says so: its public URL.
async fn resource(server: &str, http: &Http) -> Result<Option<String>, Failure> {
    let url = format!("{server}/.well-known/oauth-protected-resource");
    let answer = http.get(&url, HeaderMap::new(), LIMITS).await;
    let answer = answer.map_err(|error| unreachable(server, &error))?;
    let metadata: Option<ResourceMetadata> = answer.json().ok();
    Ok(metadata.filter(|_| answer.status == StatusCode::OK).map(|it| it.resource))
}

impl Api {
    /// Makes ready to ask; refreshes the login if its token has ended.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub(crate) async fn open(shared: &Shared) -> Result<Self, Failure> {
        let server = server(shared);
        let http = Http::new();
        let clock = clock::clock();
        let shown = shared.dpop_key.as_deref().map(client_key::read).transpose()?;
        let (token, scheme, key, called) = match &shared.token {
            Some(token) => {
                let scheme = if shown.is_some() { Scheme::Dpop } else { Scheme::Bearer };
                (token.clone(), scheme, shown, None)
            }
            None => {
                let login = login::at(&server, &http, &clock).await?;
                let (TokenSet { access_token, scheme, .. }, called) =
                    (login.tokens, login.settings.resource);
                // A token that is bound goes with the key that it is bound to, and with no other.
                let key = match (scheme, &login.key) {
                    (Scheme::Dpop, Some(key)) => Some(key.read()?),
                    (Scheme::Dpop, None) | (Scheme::Bearer, _) => shown,
                };
                (access_token, scheme, key, called)
            }
        };
        let proving = match key {
            None => None,
            Some(key) => {
                let called = match called {
                    Some(called) => Some(called),
                    None => resource(&server, &http).await?,
                };
                let called = called.unwrap_or_else(|| server.clone());
                let called = called.trim_end_matches('/').to_owned();
                Some(Proving { prover: login::prover(key, &clock)?, called })
            }
        };
        Ok(Self { server, http, token, scheme, proving })
    }

    /// The same with another token.
    pub(crate) fn with_token(shared: &Shared, token: Hidden) -> Self {
        let http = Http::new();
        Self { server: server(shared), http, token, scheme: Scheme::Bearer, proving: None }
    }

    /// How a gateway judges the token that is shown to it: the explanation, or what it said instead.
    ///
    /// # Errors
    /// That the gateway can't be reached.
    pub(crate) async fn own_explanation(&self) -> Result<Result<Value, Problem>, Failure> {
        let url = format!("{}/api/v1/me/explanation", self.server);
        let answer = self.send(Method::GET, &url, json_headers(), Bytes::new(), LIMITS).await?;
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

    /// Reads something of the management API that is no JSON: a file of at most so many bytes.
    ///
    /// # Errors
    /// The refusal, or that the gateway can't be reached.
    pub(crate) async fn file(&self, path: &str, bytes_max: usize) -> Result<Answer, Failure> {
        let url = format!("{}/api/v1{path}", self.server);
        let limits = Limits { bytes_max, time: FILE_WITHIN };
        let answer = self.send(Method::GET, &url, json_headers(), Bytes::new(), limits).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
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
        let answer = self.send(method, &url, json_headers(), body, LIMITS).await?;
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
        let mut headers = json_headers();
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
        let answer = self.send(Method::GET, &url, json_headers(), Bytes::new(), limits).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        answer.json().map_err(|_| Failure::failed("the tools can't be understood"))
    }

    /// What the gateway calls itself as an issuer of tokens (RFC 8414 §2).
    ///
    /// # Errors
    /// That it can't be reached, or issues none.
    pub(crate) async fn token_issuer(&self) -> Result<String, Failure> {
        let url = format!("{}/.well-known/oauth-authorization-server", self.server);
        let answer = self.http.get(&url, HeaderMap::new(), LIMITS).await;
        let answer = answer.map_err(|error| unreachable(&self.server, &error))?;
        let metadata: Option<IssuerMetadata> = answer.json().ok();
        metadata.filter(|_| answer.status == StatusCode::OK).map(|it| it.issuer).ok_or_else(|| {
            Failure::failed(format!("{} does not say how it issues tokens", self.server))
        })
    }

    /// A token with which the bearer of `actor` acts for whoever asks, or why there is none.
    ///
    /// # Errors
    /// That the gateway can't be reached.
    pub(crate) async fn exchange(
        &self,
        actor: &ActorShown,
        scopes: &[String],
    ) -> Result<Result<Value, (StatusCode, ExchangeRefused)>, Failure> {
        let scope = scopes.join(" ");
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", self.token.reveal()),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        match actor {
            ActorShown::Token(token) => {
                fields.push(("actor_token", token.reveal()));
                fields.push(("actor_token_type", ACCESS_TOKEN));
            }
            ActorShown::Assertion(assertion) => {
                fields.push(("client_assertion", assertion.reveal()));
                fields.push(("client_assertion_type", CLIENT_ASSERTION));
            }
        }
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let url = format!("{}/oauth/token", self.server);
        let send = async || {
            let mut headers = HeaderMap::new();
            self.prove(&mut headers, &Method::POST, &url, None)?;
            let answer = self.http.post_form(&url, headers, &fields, LIMITS).await;
            answer.map_err(|error| unreachable(&self.server, &error))
        };
        let mut answer = send().await?;
        if self.wants_again(&url, &answer) == Again::Yes {
            answer = send().await?;
        }
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

    /// Sends a request as whoever asks; again, if the gateway wants a nonce in the proof: it looked at
    /// nothing else then.
    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, Failure> {
        let send = async |headers: HeaderMap| {
            let sent = self.http.send(method.clone(), url, headers, body.clone(), limits).await;
            sent.map_err(|error| unreachable(&self.server, &error))
        };
        let answer = send(self.shown(&method, url, headers.clone())?).await?;
        match self.wants_again(url, &answer) {
            Again::No => Ok(answer),
            Again::Yes => send(self.shown(&method, url, headers)?).await,
        }
    }

    /// With the token, and the proof that goes with it.
    fn shown(
        &self,
        method: &Method,
        url: &str,
        mut headers: HeaderMap,
    ) -> Result<HeaderMap, Failure> {
        let scheme = match self.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => {
                self.prove(&mut headers, method, url, Some(&self.token))?;
                "DPoP"
            }
        };
        let value = HeaderValue::from_str(&format!("{scheme} {}", self.token.reveal()));
        let mut value = value.map_err(|_| Failure::usage("the token holds what no token does"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(headers)
    }

    /// Adds a proof of the key, if there is one.
    fn prove(
        &self,
        headers: &mut HeaderMap,
        method: &Method,
        url: &str,
        token: Option<&Hidden>,
    ) -> Result<(), Failure> {
        let Some(Proving { prover, .. }) = &self.proving else { return Ok(()) };
        let url = self.as_called(url);
        prover.prove(headers, method.as_str(), &url, token.map(Hidden::reveal)).map_err(|error| {
            Failure::caused(
                Exit::Failed,
                "the key that the token is bound to can't be used",
                &error,
            )
        })
    }

    fn wants_again(&self, url: &str, answer: &Answer) -> Again {
        match &self.proving {
            None => Again::No,
            Some(Proving { prover, .. }) => {
                prover.wants_again(&self.as_called(url), answer.status, &answer.headers)
            }
        }
    }

    /// A URL of the server as the gateway calls itself.
    fn as_called(&self, url: &str) -> String {
        let called = self.proving.as_ref().map_or(self.server.as_str(), |it| it.called.as_str());
        format!("{called}{}", url.strip_prefix(&self.server).unwrap_or_default())
    }
}

fn json_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
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
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SERVER_DEFAULT: &str = "http://127.0.0.1:7070";
const LIMITS: Limits = Limits { bytes_max: 32 * 1024 * 1024, time: Duration::from_secs(30) };
/// A large file is made, and comes over a slow line.
const FILE_WITHIN: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
