//! A server in the test's process that can go away and come back at its address, and the target
//! behind it, which notes every call that reaches it.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::HeaderMap,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post},
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// An address, and who answers there at the moment.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Site {
    /// An address where nobody answers yet. It is not the one that connections of this machine
    /// begin at, so that none of them takes the port while the site is away.
    pub(crate) async fn reserve() -> Self {
        let usual: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let apart: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let listener = TcpListener::bind([apart, usual].as_slice()).await.unwrap();
        Self { address: listener.local_addr().unwrap(), serving: None }
    }

    /// Answers from now on.
    pub(crate) async fn open(&mut self, router: Router) {
        let listener = self.listener().await;
        self.serving = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(router.clone());
                connections.spawn(async move {
                    let served =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    drop(served.await);
                });
                while connections.try_join_next().is_some() {}
            }
        }));
    }

    /// The port, for one who speaks for himself there.
    pub(crate) async fn listener(&mut self) -> TcpListener {
        self.close().await;
        TcpListener::bind(self.address).await.unwrap()
    }

    /// Lets a task answer until the site is closed.
    pub(crate) fn answers(&mut self, task: JoinHandle<()>) {
        self.serving = Some(task);
    }

    /// Breaks all connections off and refuses new ones.
    pub(crate) async fn close(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            drop(serving.await);
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Every call that reached the target: the gateway's name for it, its path, and its headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Vec<Arrival>>>);

#[derive(Clone, Debug)]
struct Arrival {
    call: String,
    path: String,
    headers: HeaderMap,
}

impl Arrivals {
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let all = self.0.lock().unwrap();
        all.iter().map(|it| (it.call.clone(), it.path.clone())).collect()
    }

    /// How many calls reached this path.
    pub(crate) fn at(&self, path: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|it| it.path == path).count()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn note(&self, call: &str, path: &str, headers: HeaderMap) {
        let arrival = Arrival { call: call.to_owned(), path: path.to_owned(), headers };
        self.0.lock().unwrap().push(arrival);
    }

    /// The headers with which a call reached the target.
    pub(crate) fn headers_of(&self, call: &str) -> HeaderMap {
        let all = self.0.lock().unwrap();
        all.iter().find(|it| it.call == call).map(|it| it.headers.clone()).unwrap()
    }
}

/// What calls of `/v1/waits/…` wait for.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<Passage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Shut,
    Free,
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(Passage::Shut))
    }
}

impl Gate {
    /// Lets all pass who wait, and all who come.
    pub(crate) fn open(&self) {
        self.0.send_replace(Passage::Free);
    }

    async fn pass(&self) {
        drop(self.0.subscribe().wait_for(|it| *it == Passage::Free).await);
    }
}

/// The routes of the target.
pub(crate) fn target(arrivals: &Arrivals, gate: &Gate) -> Router {
    let answers = get(answer).post(answer);
    Router::new()
        .route("/v1/items/{name}", answers.clone())
        .route("/v1/customers/{name}", answers.clone())
        .route("/v1/payments/{name}", answers)
        .route("/v1/notes", post(|Json(note): Json<Value>| async { Json(note) }))
        .layer(DefaultBodyLimit::max(NOTE_BYTES_MAX))
        .route("/v1/waits/{name}", get(wait))
        .with_state(gate.clone())
        .layer(from_fn_with_state(arrivals.clone(), note))
}

/// What the target answers about anything: with an address that no caller of a masked function sees.
async fn answer(Path(name): Path<String>) -> Json<Value> {
    Json(json!({"name": name, "email": EMAIL}))
}

async fn wait(Path(name): Path<String>, State(gate): State<Gate>) -> Json<Value> {
    gate.pass().await;
    answer(Path(name)).await
}

/// Notes a call before anything else is done about it.
async fn note(State(arrivals): State<Arrivals>, request: Request, next: Next) -> Response {
    let call = request.headers().get("countersign-call");
    let call = call.map_or("", |it| it.to_str().unwrap());
    arrivals.note(call, request.uri().path(), request.headers().clone());
    next.run(request).await
}

/// As much as a gateway lets through.
const NOTE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// In every answer of the target.
pub(crate) const EMAIL: &str = "dora@desk.example";
