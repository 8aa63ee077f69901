//! A directory in this process that answers as the providers' documentation says: Microsoft Graph's
//! `transitiveMemberOf`, the Admin SDK's `groups.list`, and a token endpoint for both. It can be told
//! to answer badly.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How the directory answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// As documented.
    Well,
    /// With a status and a body.
    With(u16, String),
    /// 429 with this `Retry-After`.
    Pause(&'static str),
    /// When the gate opens.
    WhenOpen,
    /// With a next page elsewhere.
    Elsewhere(String),
    /// With pages without end.
    Endlessly,
}

pub(crate) struct State {
    pub(crate) answers: Mutex<Answers>,
    pub(crate) token_answer: Mutex<(u16, Value)>,
    /// Groups by the id of who is in them.
    pub(crate) groups: Mutex<HashMap<String, Vec<String>>>,
    pub(crate) page_size: Mutex<usize>,
    pub(crate) gate: watch::Sender<bool>,
    /// The tokens that are taken.
    pub(crate) tokens: Mutex<Vec<String>>,
    /// What was asked, path and query.
    pub(crate) questions: Mutex<Vec<String>>,
    pub(crate) forms: Mutex<Vec<HashMap<String, String>>>,
}

/// The running directory. Dropping it ends the server.
pub(crate) struct StandIn {
    pub(crate) url: String,
    pub(crate) state: Arc<State>,
    server: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            answers: Mutex::new(Answers::Well),
            token_answer: Mutex::new((200, json!({"token_type": "Bearer", "expires_in": 3599}))),
            groups: Mutex::default(),
            page_size: Mutex::new(999),
            gate: watch::Sender::new(false),
            tokens: Mutex::default(),
            questions: Mutex::default(),
            forms: Mutex::default(),
        });
        let (served, own_url) = (Arc::clone(&state), url.clone());
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, url) = (Arc::clone(&served), own_url.clone());
                let service = service_fn(move |request| {
                    let (state, url) = (Arc::clone(&state), url.clone());
                    async move { answer(&state, &url, request).await }
                });
                // The connection's fate is the client's to see.
                drop(tokio::spawn(async move {
                    let served = http1::Builder::new();
                    drop(served.serve_connection(TokioIo::new(stream), service).await);
                }));
            }
        });
        Self { url, state, server }
    }

    pub(crate) fn put(&self, id: &str, groups: &[String]) {
        self.state.groups.lock().unwrap().insert(id.to_owned(), groups.to_vec());
    }

    pub(crate) fn answer(&self, answers: Answers) {
        *self.state.answers.lock().unwrap() = answers;
    }

    pub(crate) fn questions(&self) -> usize {
        self.state.questions.lock().unwrap().len()
    }
}

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(state: &State, url: &str, request: Request<Incoming>) -> Answer {
    if request.uri().path() == "/token" {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let form = url::form_urlencoded::parse(&body).into_owned().collect();
        state.forms.lock().unwrap().push(form);
        let (status, mut body) = state.token_answer.lock().unwrap().clone();
        if status == 200 {
            let mut tokens = state.tokens.lock().unwrap();
            let token = format!("d1r3ct0ry-{}", tokens.len());
            body["access_token"] = json!(token);
            tokens.push(token);
        }
        return respond(status, body.to_string());
    }
    let place = request.uri().path_and_query().unwrap().to_string();
    state.questions.lock().unwrap().push(place);
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = bearer.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    if !state.tokens.lock().unwrap().iter().any(|it| it == token) {
        return respond(401, json!({"error": {"code": "InvalidAuthenticationToken"}}).to_string());
    }
    let answers = state.answers.lock().unwrap().clone();
    match answers {
        Answers::Well | Answers::Elsewhere(_) | Answers::Endlessly => {}
        Answers::With(status, body) => return respond(status, body),
        Answers::Pause(seconds) => {
            let mut response = respond(429, "{}".into())?;
            response.headers_mut().insert(header::RETRY_AFTER, seconds.parse().unwrap());
            return Ok(response);
        }
        Answers::WhenOpen => {
            let mut gate = state.gate.subscribe();
            drop(gate.wait_for(|open| *open).await);
        }
    }
    let graph = request.uri().path().starts_with("/v1.0/");
    let (status, body) =
        if graph { graph_page(state, url, &request) } else { google_page(state, &request) };
    respond(status, body)
}

/// <https://learn.microsoft.com/graph/api/user-list-transitivememberof>: a cast needs `$count` and
/// `ConsistencyLevel: eventual`; the next page's whole address stands in the answer.
fn graph_page(state: &State, url: &str, request: &Request<Incoming>) -> (u16, String) {
    let query = query(request);
    let parts: Vec<&str> = request.uri().path().split('/').collect();
    let eventual = request.headers().get("consistencylevel").is_some_and(|it| it == "eventual");
    let cast = parts.get(4..) == Some(&["transitiveMemberOf", "microsoft.graph.group"][..]);
    if !cast || !matches!(parts[2], "users" | "servicePrincipals") {
        return (400, json!({"error": {"code": "BadRequest"}}).to_string());
    }
    if !eventual || query.get("$count").is_none_or(|it| it != "true") {
        let code = json!({"error": {"code": "Request_UnsupportedQuery"}});
        return (400, code.to_string());
    }
    let Some(groups) = state.groups.lock().unwrap().get(parts[3]).cloned() else {
        return (404, json!({"error": {"code": "Request_ResourceNotFound"}}).to_string());
    };
    let start: usize = query.get("$skiptoken").map_or(0, |it| it.parse().unwrap());
    let size = *state.page_size.lock().unwrap();
    let page: Vec<Value> = groups
        .iter()
        .skip(start)
        .take(size)
        .map(|id| json!({"@odata.type": "#microsoft.graph.group", "id": id}))
        .collect();
    let place = format!("{url}{}?$count=true&$skiptoken={}", request.uri().path(), start + size);
    let next = match state.answers.lock().unwrap().clone() {
        Answers::Elsewhere(place) => Some(place),
        Answers::Endlessly => Some(place),
        Answers::Well | Answers::With(..) | Answers::Pause(_) | Answers::WhenOpen => {
            (start + size < groups.len()).then_some(place)
        }
    };
    let mut body = json!({"@odata.count": groups.len(), "value": page});
    if let Some(next) = next {
        body["@odata.nextLink"] = json!(next);
    }
    (200, body.to_string())
}

/// <https://developers.google.com/admin-sdk/directory/reference/rest/v1/groups/list>.
fn google_page(state: &State, request: &Request<Incoming>) -> (u16, String) {
    let query = query(request);
    if request.uri().path() != "/admin/directory/v1/groups" || !query.contains_key("userKey") {
        return (400, json!({"error": {"code": 400}}).to_string());
    }
    let Some(groups) = state.groups.lock().unwrap().get(&query["userKey"]).cloned() else {
        return (404, json!({"error": {"code": 404}}).to_string());
    };
    let start: usize = query.get("pageToken").map_or(0, |it| it.trim_matches('=').parse().unwrap());
    let size = (*state.page_size.lock().unwrap()).min(query["maxResults"].parse().unwrap());
    let page: Vec<Value> = groups
        .iter()
        .skip(start)
        .take(size)
        .map(|email| json!({"kind": "admin#directory#group", "id": format!("id-{email}"), "email": email}))
        .collect();
    // Without any group the member is missing.
    let mut body = json!({"kind": "admin#directory#groups"});
    if !page.is_empty() {
        body["groups"] = json!(page);
    }
    if start + size < groups.len() {
        body["nextPageToken"] = json!(format!("{}=", start + size));
    }
    (200, body.to_string())
}

fn query(request: &Request<Incoming>) -> HashMap<String, String> {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn respond(status: u16, body: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
    Ok(response)
}
