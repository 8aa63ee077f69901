//! `countersign serve`.

use crate::{
    catalog_files, clock,
    config::{self, Apply, CatalogFiles, Config, Otlp, StoreUrl},
    exit::{Exit, Failure},
    output,
    server::{self, Assembly, Keys, SaidIn, Setup},
};
use countersign_gateway::Secrets;
use countersign_governance::{Actor, Role};
use countersign_identity::{Hidden, Secret};
use countersign_model::{
    CallerKind, Entropy, Person, approval::Standing, catalog::raw::SecretSource,
};
use countersign_telemetry::Settings;
use http::{HeaderMap, HeaderValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file).map_err(|faults| config::failure(&faults))?;
    server::start_logging(&config.logging);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("can't start: {error}")))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let tls = config.tls.as_ref().map(server::tls_acceptor).transpose()?;
    // Files are read before anything is opened: a fault in them leaves no trace.
    let catalog = config.catalog.as_ref().filter(|it| it.apply == Apply::OnStart);
    let catalog = catalog.map(read).transpose()?;
    let listening = server::listen(config.listen, SaidIn::Configuration).await?;
    let address = listening.address;
    let (limits, drain_within) = (config.limits.clone(), config.drain_within);
    let (public_url, gateway) = (config.public_url.clone(), config.gateway.clone());
    let (assembly, running) = Assembly::open(setup(config)?).await?;
    assembly.start().await?;
    if let Some(raw) = catalog {
        let applied = assembly.governance.apply_catalog(&gateway_itself(&gateway), raw, None).await;
        let applied = applied.map_err(|error| {
            Failure::caused(Exit::Failed, "the catalog was not applied", &error)
        })?;
        tracing::info!(digest = %applied.digest, epoch = %applied.epoch, "catalog in force");
    }
    assembly.verifier.warm_up();
    let end = server::EndAsked::from_now_on()?;
    tracing::info!(%address, public_url, gateway, version = env!("CARGO_PKG_VERSION"), "listening");
    if output::can_show_progress() {
        output::note(&format!(
            "countersign {gateway} answers on {address}, console {public_url}/console"
        ));
    }
    let assembly = Arc::new(assembly);
    server::serve(Arc::clone(&assembly), listening, end, tls, &limits, drain_within).await;
    running.end(&assembly).await;
    Ok(())
}

fn read(files: &CatalogFiles) -> Result<countersign_model::catalog::raw::RawCatalog, Failure> {
    let loaded = catalog_files::load(&files.directory);
    loaded.map(|it| it.raw).map_err(|faults| config::failure(&faults))
}

fn setup(config: Config) -> Result<Setup, Failure> {
    let master = resolve(&config.master_key, "the master key", "`master_key`")?;
    let store_url = match &config.store {
        StoreUrl::Url(url) => url.clone(),
        StoreUrl::From(secret) => {
            resolve(secret, "the store's URL", "`store.url_from`")?.reveal().to_owned()
        }
    };
    let metrics_token = config.metrics_token.as_ref().map(metrics_token).transpose()?;
    let directory = config.directory.clone();
    let entropy = clock::entropy()?;
    let telemetry = config.otlp.map(|it| collector(it, &config.gateway, &entropy)).transpose()?;
    Ok(Setup {
        gateway: config.gateway,
        public_url: config.public_url,
        store_url,
        ledger: config.ledger,
        recordings: config.recordings,
        keys: Keys::read(master.reveal())?,
        issuers: config.issuers,
        saml: config.saml,
        event_transmitters: config.event_transmitters,
        dpop: config.dpop,
        api_keys: config.api_keys,
        plain_http: config.plain_http,
        tokens: config.tokens,
        roles: config.roles,
        owner_grace: config.reviews.owner_grace,
        limits: config.limits,
        telemetry,
        metrics_token,
        scim: config.scim,
        digest: config.notices.digest.clone(),
        notices: server::notices::settings(config.notices, resolve)?,
        secrets: Secrets::new(move |source| target_secret(source, &directory)),
        variables: BTreeMap::new(),
        clock: clock::clock(),
        entropy,
    })
}

/// What opens `/metrics`.
fn metrics_token(secret: &Secret) -> Result<Hidden, Failure> {
    let token = resolve(secret, "the token of metrics", "`metrics.token`")?;
    let text = token.reveal();
    if text.len() < TOKEN_BYTES_MIN || !text.bytes().all(|it| it.is_ascii_graphic()) {
        let fault =
            format!("the token of metrics is shorter than {TOKEN_BYTES_MIN}, or has blanks");
        return Err(Failure::usage(fault).next("make one: head -c 32 /dev/urandom | base64"));
    }
    Ok(token)
}

/// Where traces go, with what the collector asks for.
fn collector(otlp: Otlp, gateway: &str, entropy: &Entropy) -> Result<Settings, Failure> {
    let key = "`telemetry.otlp.headers`";
    let mut headers = HeaderMap::new();
    for (name, secret) in otlp.headers {
        let what = format!("the collector's header {name}");
        let hidden = resolve(&secret, &what, key)?;
        let mut value = HeaderValue::from_str(hidden.reveal()).map_err(|_| {
            Failure::usage(format!("{what} has characters that no header may have"))
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(Settings {
        url: otlp.url,
        headers,
        sample: otlp.sample,
        service_name: otlp.service_name,
        instance: gateway.to_owned(),
        now_nanos: clock::now_nanos,
        entropy: entropy.clone(),
    })
}

fn resolve(secret: &Secret, what: &str, key: &str) -> Result<Hidden, Failure> {
    secret.resolve(clock::environment).map_err(|error| {
        Failure::caused(Exit::Usage, &format!("{what} can't be had"), &error)
            .next(format!("put it where {key} in the configuration says"))
    })
}

/// A target's credential; files start at the configuration's directory.
fn target_secret(source: &SecretSource, directory: &Path) -> Result<String, String> {
    let secret = match source {
        SecretSource::Env(name) => Secret::Env(name.clone()),
        SecretSource::File(path) => Secret::File(directory.join(path)),
    };
    let found = secret.resolve(clock::environment).map_err(|error| error.to_string())?;
    Ok(found.reveal().to_owned())
}

/// Whoever wrote the configuration said that the files are in force: the gateway applies them in
/// its own name, and the ledger says so.
fn gateway_itself(gateway: &str) -> Actor {
    let name = format!("gateway:{gateway}");
    Actor {
        person: Person {
            subject: name.as_str().into(),
            kind: CallerKind::Service,
            groups: BTreeSet::new(),
            told: Arc::default(),
            standing: Standing::Good,
        },
        name,
        roles: BTreeSet::from([Role::Administrator]),
    }
}

/// What nobody guesses, if it is random.
const TOKEN_BYTES_MIN: usize = 16;
