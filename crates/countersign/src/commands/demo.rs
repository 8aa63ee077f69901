//! `countersign demo`: everything in one process, on this machine only. The only command that has
//! the demo's identity provider and targets.

use crate::{
    catalog_files::{self, Source},
    cli::DemoArguments,
    clock,
    config::{
        self,
        raw::{LogLevel, RawDpop, RawLimits, RawLogging, RawRoles},
    },
    exit::{Exit, Failure},
    login::private_file,
    output::{self, DIM, styled},
    server::{self, Assembly, Keys, SaidIn, Setup},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_demo::{
    Secret as Shared,
    idp::{Client, ClientKind, Idp, IdpConfig, SigningSeed},
    people,
    targets::{billing::Billing, slow::Slow},
    world::{self, Calendar},
};
use countersign_gateway::Secrets;
use countersign_governance::GrantFilter;
use countersign_identity::{IssuerConfig, OwnSettings, PlainHttp};
use countersign_model::{
    Clock, Entropy, Span,
    catalog::raw::{RawCatalog, SecretSource},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

mod welcome;

pub(super) fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    let logging = RawLogging { level: LogLevel::Warn, ..RawLogging::default() };
    server::start_logging(&logging);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("can't start: {error}")))?;
    runtime.block_on(demo(arguments))
}

async fn demo(arguments: &DemoArguments) -> Result<(), Failure> {
    let listening = server::listen(loopback(&arguments.listen)?, SaidIn::CommandLine).await?;
    let base = base(&arguments.listen, listening.address);
    let (clock, entropy) = (clock::clock(), clock::entropy()?);
    let keys = keys(&arguments.state, &entropy)?;
    let secrets = DemoSecrets::of(&keys);
    let idp = identity_provider(&base, &secrets, &keys, &clock, &entropy)?;
    let calendar = Calendar::new(clock);
    let setup = setup(&base, &arguments.state, keys, &secrets, calendar.clock(), entropy)?;
    let limits = setup.limits.clone();
    let (mut assembly, running) = Assembly::open(setup).await?;
    assembly.demo = Some(routes(&idp, &secrets));
    let first = settle(&assembly, raw_catalog(&base)?, &calendar).await?;
    assembly.start().await?;
    let end = server::EndAsked::from_now_on()?;
    welcome::say(&base, &arguments.state, first)?;
    let assembly = Arc::new(assembly);
    // The identity provider is behind the same port, so its keys are read with the first token.
    server::serve(Arc::clone(&assembly), listening, end, None, &limits, DRAIN_WITHIN).await;
    running.end(&assembly).await;
    output::note(&styled(DIM, "The demo has ended; the next start goes on here."));
    Ok(())
}

/// Whether the world was made now or is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    First,
    Again,
}

/// Lives through the demo's history on the first start; afterwards only applies the catalog.
async fn settle(
    assembly: &Assembly,
    catalog: RawCatalog,
    calendar: &Calendar,
) -> Result<Start, Failure> {
    let governance = &assembly.governance;
    let failed = |error: &dyn std::error::Error| {
        Failure::caused(Exit::Failed, "the demo's world can't be made", error)
            .next("begin anew with another directory: --state DIR")
    };
    if governance.grants(&GrantFilter::default()).is_empty() {
        let seeded = world::seed(governance, catalog, calendar).await;
        seeded.map_err(|error| failed(&error))?;
        return Ok(Start::First);
    }
    world::apply(governance, catalog).await.map_err(|error| failed(&error))?;
    Ok(Start::Again)
}

/// The demo's catalog, with its targets where this demo has them.
pub(crate) fn catalog(base: &str) -> Vec<Source> {
    CATALOG
        .iter()
        .map(|(file, text)| Source {
            file: PathBuf::from(file),
            text: text.replace(ADDRESS_IN_FILES, base),
        })
        .collect()
}

fn raw_catalog(base: &str) -> Result<RawCatalog, Failure> {
    let loaded = catalog_files::parse(&catalog(base));
    loaded.map(|it| it.raw).map_err(|faults| config::failure(&faults))
}

/// Where browsers find the demo: by the name that it was given, since passkeys need a name.
fn base(listen: &str, address: SocketAddr) -> String {
    match listen.strip_prefix(LOCAL_NAME) {
        Some(_) => format!("http://{LOCAL_NAME}{}", address.port()),
        None => format!("http://{address}"),
    }
}

fn loopback(listen: &str) -> Result<SocketAddr, Failure> {
    let named = listen.strip_prefix(LOCAL_NAME).map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = named.as_deref().unwrap_or(listen).parse().map_err(|_| {
        Failure::usage(format!("`{listen}` is no address and port"))
            .next("write one such as --listen 127.0.0.1:7171")
    })?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Failure::usage(format!("the demo signs anybody in, so it does not listen on {address}"))
        .next("listen on this machine only, such as --listen 127.0.0.1:7171"))
}

/// The demo's one key, made on the first start.
fn keys(state: &Path, entropy: &Entropy) -> Result<Keys, Failure> {
    let file = state.join("master.key");
    let unusable = |error: std::io::Error| {
        Failure::failed(format!("{} can't be used: {error}", file.display()))
            .next("name a directory that this user can write: --state DIR")
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = Keys::generate(entropy);
            private_file(&file, text.as_bytes()).map_err(unusable)?;
            text.to_string()
        }
        Err(error) => return Err(unusable(error)),
    };
    Keys::read(&text)
}

/// What the parts of the demo show each other.
struct DemoSecrets {
    billing: String,
    slow: String,
    console: String,
    agent: String,
}

impl DemoSecrets {
    fn of(keys: &Keys) -> Self {
        let secret = |purpose: &str| URL_SAFE_NO_PAD.encode(keys.derive(purpose).as_slice());
        Self {
            billing: secret("countersign/demo/billing"),
            slow: secret("countersign/demo/slow"),
            console: secret("countersign/demo/console"),
            agent: secret("countersign/demo/agent"),
        }
    }
}

fn identity_provider(
    base: &str,
    secrets: &DemoSecrets,
    keys: &Keys,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Idp, Failure> {
    let clients = vec![
        Client {
            id: "countersign-cli".to_owned(),
            name: "the countersign command line".to_owned(),
            kind: ClientKind::Cli,
        },
        Client {
            id: "countersign-console".to_owned(),
            name: "The Countersign console".to_owned(),
            kind: ClientKind::Web {
                secret: Shared::new(secrets.console.clone()),
                redirect_uris: vec![format!("{base}/console/sign-in/callback")],
                post_logout_redirect_uris: vec![
                    format!("{base}/console"),
                    format!("{base}/console/sign-in/signed-out"),
                ],
            },
        },
        Client {
            id: "dunning-agent".to_owned(),
            name: "the dunning agent".to_owned(),
            kind: ClientKind::Agent {
                secret: Shared::new(secrets.agent.clone()),
                subject: "agent:dunning".to_owned(),
            },
        },
    ];
    let config = IdpConfig {
        issuer: format!("{base}/demo/idp"),
        audience: base.to_owned(),
        clients,
        people: people::people(),
        agents: people::agents(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        signing_seed: SigningSeed::new(*keys.derive("countersign/demo/idp")),
    };
    Idp::new(config).map_err(|error| {
        Failure::caused(Exit::Failed, "the demo's identity provider can't start", &error)
    })
}

fn routes(idp: &Idp, secrets: &DemoSecrets) -> axum::Router {
    axum::Router::new()
        .nest("/demo/idp", idp.router())
        .nest("/demo/billing", Billing::new(Shared::new(secrets.billing.clone())).router())
        .nest("/demo/slow", Slow::new(Shared::new(secrets.slow.clone())).router())
}

fn setup(
    base: &str,
    state: &Path,
    keys: Keys,
    secrets: &DemoSecrets,
    clock: Clock,
    entropy: Entropy,
) -> Result<Setup, Failure> {
    let targets = BTreeMap::from([
        ("BILLING_TOKEN".to_owned(), secrets.billing.clone()),
        ("SLOW_TOKEN".to_owned(), secrets.slow.clone()),
    ]);
    Ok(Setup {
        gateway: "demo".to_owned(),
        public_url: base.to_owned(),
        store_url: format!("sqlite:{}", state.join("store.sqlite").display()),
        ledger: state.join("ledger"),
        recordings: state.join("recordings"),
        keys,
        issuers: vec![issuer(base)?],
        saml: Vec::new(),
        event_transmitters: Vec::new(),
        dpop: RawDpop::default(),
        api_keys: None,
        plain_http: PlainHttp::LoopbackOnly,
        tokens: OwnSettings::default(),
        roles: RawRoles {
            administrators: vec!["countersign-admins".to_owned()],
            auditors: vec!["countersign-auditors".to_owned()],
            reviewers: vec!["countersign-reviewers".to_owned()],
        },
        owner_grace: countersign_governance::OWNER_GRACE,
        limits: RawLimits::default(),
        telemetry: None,
        metrics_token: None,
        scim: Vec::new(),
        notices: countersign_notify::Settings::default(),
        digest: countersign_model::notice::Daily::default(),
        secrets: Secrets::new(move |source| match source {
            SecretSource::Env(name) => {
                targets.get(name).cloned().ok_or_else(|| format!("the demo has no {name}"))
            }
            SecretSource::File(path) => Err(format!("the demo reads no {path}")),
        }),
        variables: BTreeMap::from([(CONSOLE_SECRET.to_owned(), secrets.console.clone())]),
        clock,
        entropy,
    })
}

fn issuer(base: &str) -> Result<IssuerConfig, Failure> {
    let issuer = json!({
        "name": "demo",
        "url": format!("{base}/demo/idp"),
        "audiences": [base],
        "sign_in": {
            "client_id": "countersign-console",
            "client_secret": {"env": CONSOLE_SECRET},
            "cli_client_id": "countersign-cli",
            "cli_scopes": ["openid", "profile", "offline_access", "billing.read", "billing.write"],
            "resource": base,
        },
    });
    serde_json::from_value(issuer)
        .map_err(|error| Failure::failed(format!("the demo's issuer is at fault: {error}")))
}

/// The name under which the sign-in looks its secret up; it is in no environment.
const CONSOLE_SECRET: &str = "COUNTERSIGN_DEMO_CONSOLE_SECRET";
/// The name of this machine for itself, before a port.
const LOCAL_NAME: &str = "localhost:";
/// Where the files of `catalog/` say that the targets are.
const ADDRESS_IN_FILES: &str = "http://127.0.0.1:7070";
/// The files of `catalog/`, so that the binary has them wherever it is.
const CATALOG: [(&str, &str); 4] = [
    ("catalog/agents.yaml", include_str!("../../../../catalog/agents.yaml")),
    ("catalog/billing.yaml", include_str!("../../../../catalog/billing.yaml")),
    ("catalog/reviews.yaml", include_str!("../../../../catalog/reviews.yaml")),
    ("catalog/slow.yaml", include_str!("../../../../catalog/slow.yaml")),
];
const DRAIN_WITHIN: Span = Span::from_seconds(5);
