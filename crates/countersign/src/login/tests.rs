use super::*;
use axum::{Json, Router, extract::State, response::IntoResponse as _, routing};
use countersign_model::Timestamp;
use http::StatusCode;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A provider that rotates refresh tokens, and ends everything when one is used twice.
#[derive(Clone, Debug)]
struct Issuer {
    url: String,
    /// The number of the refresh token that is good, if any is.
    good: Arc<Mutex<Option<u32>>>,
}

impl Issuer {
    async fn start() -> Self {
        countersign_identity::install_crypto();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self { url, good: Arc::new(Mutex::new(Some(0))) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", routing::get(describe))
            .route("/token", routing::post(refresh_once))
            .with_state(issuer.clone());
        drop(tokio::spawn(async move { axum::serve(listener, routes).await }));
        issuer
    }
}

async fn describe(State(issuer): State<Issuer>) -> axum::response::Response {
    let token = format!("{}/token", issuer.url);
    Json(json!({"issuer": issuer.url, "token_endpoint": token})).into_response()
}

async fn refresh_once(State(issuer): State<Issuer>, form: String) -> axum::response::Response {
    let mut good = issuer.good.lock().unwrap();
    match *good {
        Some(number) if form.contains(&format!("refresh_token=r{number}&")) => {
            let next = number + 1;
            *good = Some(next);
            let tokens = json!({
                "access_token": format!("a{next}"), "refresh_token": format!("r{next}"),
                "token_type": "Bearer", "expires_in": 300,
            });
            Json(tokens).into_response()
        }
        _ => {
            *good = None;
            (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response()
        }
    }
}

const SERVER: &str = "https://gateway.example";

/// A file with a login whose token has ended.
fn ended(issuer: &Issuer) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("countersign").join("logins.json");
    let login = Login {
        settings: CliSettings {
            issuer: issuer.url.clone(),
            client_id: "cli".to_owned(),
            scopes: vec![],
            resource: None,
        },
        tokens: TokenSet {
            access_token: Hidden::new("a0"),
            refresh_token: Some(Hidden::new("r0")),
            id_token: None,
            scope: None,
            scheme: Default::default(),
            expires_at: Timestamp::from_millis(0),
        },
        key: None,
    };
    let servers = BTreeMap::from([(SERVER.to_owned(), login)]);
    write(&file, &Logins { last: None, servers }).unwrap();
    (directory, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_commands_at_once_one_refreshes() {
    let issuer = Issuer::start().await;
    let (_directory, file) = ended(&issuer);
    let clock = Clock::stopped_at(Timestamp::from_millis(1_000_000));
    // The lock is the file's, not the process's: two openings of one process keep each other out.
    let commands = (0..6).map(|_| {
        let (file, clock) = (file.clone(), clock.clone());
        tokio::spawn(async move { login_of(&file, SERVER, &Http::new(), &clock).await })
    });
    for command in commands.collect::<Vec<_>>() {
        let login = command.await.unwrap().unwrap();
        assert_eq!(login.tokens.access_token.reveal(), "a1");
    }
    assert_eq!(*issuer.good.lock().unwrap(), Some(1), "one refresh token was used, once");
}

#[tokio::test]
async fn a_refresh_token_that_is_worth_nothing_is_forgotten() {
    let issuer = Issuer::start().await;
    let (_directory, file) = ended(&issuer);
    let clock = Clock::stopped_at(Timestamp::from_millis(1_000_000));
    *issuer.good.lock().unwrap() = Some(7);
    let failure = login_of(&file, SERVER, &Http::new(), &clock).await.unwrap_err();
    let Failure::Said { what, next_step, .. } = failure else { panic!("{failure:?}") };
    assert!(what.contains("has ended"), "{what}");
    assert!(next_step.contains("countersign login"), "{next_step}");
    assert!(read(&file).unwrap().servers.is_empty());
    // An issuer that can't be asked takes nothing away.
    let away = Issuer { url: "http://127.0.0.1:1".to_owned(), ..issuer };
    let (_directory, file) = ended(&away);
    login_of(&file, SERVER, &Http::new(), &clock).await.unwrap_err();
    assert_eq!(read(&file).unwrap().servers.len(), 1);
}
