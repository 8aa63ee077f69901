//! What a configuration must keep beyond its form. Finds all faults in one go.

mod notices;
mod saml;
mod telemetry;

use super::{
    Apply, CatalogFiles, ClientCertificates, Config, StoreUrl, Tls,
    raw::{RawApiKeys, RawClientCertificates, RawConfig, RawPlainHttp, RawRoles, RawStore, RawTls},
    scim::{RawScim, Sources},
};
use crate::{
    clock,
    yaml::{Fault, Path as Key},
};
use countersign_governance::ApiKeyRules;
use countersign_identity::{
    CertificateBinding, Http, IssuerConfig, LIFETIME_MAX, OwnSettings, PlainHttp, Secret,
    TransmitterConfig, Verifier, check_transmitters,
};
use countersign_model::Span;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use url::{Host, Url};

pub(super) fn check(raw: RawConfig, text: &str, directory: &Path) -> Result<Config, Vec<Fault>> {
    let mut at = At { text, faults: Vec::new() };
    let listen = at.listen(&raw.listen);
    at.public_url(&raw.public_url);
    if !countersign_ledger::is_name(&raw.gateway) || raw.gateway.len() > NAME_BYTES_MAX {
        at.fault("gateway", "a short name without blanks and plus signs");
    }
    at.store(raw.store.as_ref());
    at.issuers(&raw.issuers);
    at.tokens(&raw);
    at.saml(&raw.saml, &raw.issuers);
    at.transmitters(&raw);
    at.roles(&raw);
    at.reviews(&raw);
    at.directories(&raw);
    at.limits(&raw);
    at.api_keys(&raw);
    let otlp = at.telemetry(&raw, directory);
    let notices = at.notices(&raw, directory);
    let Some(listen) = listen.filter(|_| at.faults.is_empty()) else {
        at.faults.sort();
        return Err(at.faults);
    };
    let under = |path: &Path| directory.join(path);
    let state = under(&raw.state);
    let store = match raw.store {
        Some(RawStore::Url(url)) => StoreUrl::Url(sqlite_under(directory, url)),
        Some(RawStore::UrlFrom(secret)) => StoreUrl::From(secret_under(directory, secret)),
        None => StoreUrl::Url(format!("sqlite:{}", state.join("store.sqlite").display())),
    };
    let files = raw.catalog.map(|files| CatalogFiles {
        directory: under(&files.directory),
        apply: if files.apply_on_start { Apply::OnStart } else { Apply::ByHand },
    });
    Ok(Config {
        listen,
        public_url: raw.public_url.trim_end_matches('/').to_owned(),
        gateway: raw.gateway,
        tls: raw.tls.map(|it| tls_under(directory, it)),
        store,
        ledger: raw.ledger.map_or_else(|| state.join("ledger"), |it| under(&it)),
        recordings: raw.recordings.map_or_else(|| state.join("recordings"), |it| under(&it)),
        master_key: secret_under(directory, raw.master_key),
        issuers: raw.issuers.into_iter().map(|it| issuer_under(directory, it)).collect(),
        saml: raw.saml.into_iter().map(|it| saml::under(directory, it)).collect(),
        event_transmitters: transmitters_under(directory, raw.event_transmitters),
        dpop: raw.dpop,
        api_keys: raw.api_keys.and_then(key_rules),
        plain_http: plain_http(raw.plain_http),
        tokens: OwnSettings {
            lifetime: raw.tokens.lifetime,
            generation: raw.tokens.key_generation,
            binding: raw.tokens.binding,
            certificates: raw.tokens.certificates,
        },
        roles: raw.roles,
        reviews: raw.reviews,
        catalog: files,
        limits: raw.limits,
        drain_within: raw.drain_within,
        metrics_token: raw.metrics.token.map(|it| secret_under(directory, it)),
        scim: (raw.scim.into_iter())
            .map(|it| RawScim { token: secret_under(directory, it.token), ..it })
            .collect(),
        logging: raw.logging,
        otlp,
        notices,
        directory: directory.to_path_buf(),
    })
}

fn plain_http(raw: RawPlainHttp) -> PlainHttp {
    match raw {
        RawPlainHttp::LoopbackOnly => PlainHttp::LoopbackOnly,
        RawPlainHttp::Everywhere => PlainHttp::Everywhere,
    }
}

/// Faults as they are found.
struct At<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl At<'_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        let fault = Fault::at(self.text, &Key::default().join(key), message);
        self.faults.push(fault);
    }

    fn listen(&mut self, text: &str) -> Option<SocketAddr> {
        let parsed = text.parse();
        if parsed.is_err() {
            self.fault("listen", "an IP address and a port, such as 127.0.0.1:7070 or [::]:7070");
        }
        parsed.ok()
    }

    fn directories(&mut self, raw: &RawConfig) {
        let sources = Sources { issuers: &raw.issuers, saml: &raw.saml };
        for (place, key, message) in super::scim::faults(&raw.scim, sources) {
            self.fault(&format!("scim[{place}].{key}"), message);
        }
    }

    fn public_url(&mut self, text: &str) {
        let Ok(url) = Url::parse(text) else {
            return self.fault("public_url", "a URL such as https://gateway.example.com");
        };
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            self.fault("public_url", "must begin with https:// (or http://, for this machine)");
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            self.fault("public_url", "only scheme, host and port: no path, query or user name");
        }
    }

    fn store(&mut self, store: Option<&RawStore>) {
        let Some(RawStore::Url(text)) = store else { return };
        if text.starts_with("sqlite:") {
            return;
        }
        match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
                self.fault("store.url", "sqlite:PATH or postgres://HOST/DATABASE");
            }
            Ok(url) if url.password().is_some() => {
                let message = "holds a password; put the URL into an environment variable or a \
                               file, and name that under `store.url_from`";
                self.fault("store.url", message);
            }
            Ok(_) => {}
            Err(_) => self.fault("store.url", "sqlite:PATH or postgres://HOST/DATABASE"),
        }
    }

    fn issuers(&mut self, issuers: &[IssuerConfig]) {
        if issuers.is_empty() {
            self.fault("issuers", "name at least one: nobody could call");
        }
        // The verifier's maker judges issuers; it does no I/O.
        let verifier = Verifier::new(issuers.to_vec(), Http::new(), clock::clock());
        let mut told = Vec::new();
        for fault in verifier.err().unwrap_or_default() {
            // Issuers of the same name are told apart by who was told already.
            let same = issuers.iter().enumerate().filter(|(_, it)| it.name == fault.issuer);
            let place = match fault.key {
                "name" => same.max_by_key(|(place, _)| *place),
                _ => same.min_by_key(|(place, _)| told.contains(&(*place, fault.key))),
            };
            let place = place.map_or(0, |(place, _)| place);
            told.push((place, fault.key));
            self.fault(&format!("issuers[{place}].{}", fault.key), fault.problem);
        }
    }

    fn tokens(&mut self, raw: &RawConfig) {
        let lifetime = raw.tokens.lifetime;
        if lifetime < Span::from_seconds(1) || lifetime > LIFETIME_MAX {
            self.fault("tokens.lifetime", format!("between 1s and {LIFETIME_MAX}"));
        }
        if raw.tokens.key_generation == 0 {
            self.fault("tokens.key_generation", "counted from 1");
        }
        match raw.tokens.certificates {
            CertificateBinding::WheneverShown if !asks_for_certificates(raw) => {
                let message = "nobody is asked for a certificate: set tls.client_certificates";
                self.fault("tokens.certificates", message);
            }
            CertificateBinding::WheneverShown | CertificateBinding::AsTheActors => {}
        }
        let own = raw.public_url.trim_end_matches('/');
        for (place, issuer) in raw.issuers.iter().enumerate() {
            if issuer.url.trim_end_matches('/') == own {
                let message = "this is public_url: the gateway issues its own tokens under it";
                self.fault(&format!("issuers[{place}].url"), message);
            }
        }
    }

    fn transmitters(&mut self, raw: &RawConfig) {
        let issuers: Vec<&str> = raw.issuers.iter().map(|it| it.name.as_str()).collect();
        let transmitters = &raw.event_transmitters;
        for fault in check_transmitters(transmitters, &issuers).err().unwrap_or_default() {
            // Of two with one name it is the second that is at fault.
            let place = transmitters.iter().rposition(|it| it.name == fault.issuer);
            let key = format!("event_transmitters[{}].{}", place.unwrap_or(0), fault.key);
            self.fault(&key, fault.problem);
        }
    }

    fn roles(&mut self, raw: &RawConfig) {
        if raw.roles.administrators.is_empty() {
            self.fault(
                "roles.administrators",
                "name at least one group: nobody could apply a catalog or make grants",
            );
        }
        let RawRoles { administrators, auditors, reviewers } = &raw.roles;
        for (key, groups) in
            [("administrators", administrators), ("auditors", auditors), ("reviewers", reviewers)]
        {
            for (place, group) in groups.iter().enumerate() {
                let key = format!("roles.{key}[{place}]");
                if group.trim().is_empty() {
                    self.fault(&key, "is empty");
                } else if key.starts_with("roles.auditors") && administrators.contains(group) {
                    self.fault(&key, "is a group of administrators, and auditors change nothing");
                }
            }
        }
    }

    fn reviews(&mut self, raw: &RawConfig) {
        let grace = raw.reviews.owner_grace;
        if !(Span::default()..=OWNER_GRACE_MAX).contains(&grace) {
            self.fault("reviews.owner_grace", format!("at most {OWNER_GRACE_MAX}"));
        }
    }

    fn api_keys(&mut self, raw: &RawConfig) {
        let Some(keys) = raw.api_keys else { return };
        if keys.lifetime_max <= Span::default() || keys.lifetime_max > KEY_LIFETIME_MAX {
            self.fault(
                "api_keys.lifetime_max",
                format!("above zero and at most {KEY_LIFETIME_MAX}"),
            );
        }
    }

    fn limits(&mut self, raw: &RawConfig) {
        let limits = &raw.limits;
        let mut within = |key: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                self.fault(key, format!("between {least} and {most}"));
            }
        };
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        within("limits.connections_max", number(limits.connections_max), 1, 1_000_000);
        within("limits.calls_max", number(limits.calls_max), 1, 1_000_000);
        within("limits.head_bytes_max", number(limits.head_bytes_max), 8_192, 1_048_576);
        within("limits.streams_max", u64::from(limits.streams_max), 1, 10_000);
        let each = u64::from(limits.forged_per_address_second_max);
        within("limits.forged_per_address_second_max", each, 1, 1_000_000);
        let all = u64::from(limits.forged_per_second_max);
        within("limits.forged_per_second_max", all, 1, 1_000_000);
        for (key, span) in [
            ("limits.head_within", limits.head_within),
            ("limits.body_within", limits.body_within),
            ("limits.answer_taken_within", limits.answer_taken_within),
            ("drain_within", raw.drain_within),
        ] {
            if span <= Span::default() || span > WITHIN_MAX {
                self.fault(key, format!("above zero and at most {WITHIN_MAX}"));
            }
        }
    }
}

/// What API keys may be, where they are on.
fn key_rules(raw: RawApiKeys) -> Option<ApiKeyRules> {
    raw.enabled.then_some(ApiKeyRules { lifetime_max: raw.lifetime_max })
}

fn asks_for_certificates(raw: &RawConfig) -> bool {
    raw.tls.as_ref().is_some_and(|it| it.client_certificates.is_some())
}

fn transmitters_under(directory: &Path, raw: Vec<TransmitterConfig>) -> Vec<TransmitterConfig> {
    let under = |it: TransmitterConfig| TransmitterConfig {
        authorization: it.authorization.map(|secret| secret_under(directory, secret)),
        ..it
    };
    raw.into_iter().map(under).collect()
}

fn tls_under(directory: &Path, raw: RawTls) -> Tls {
    Tls {
        certificate: directory.join(raw.certificate),
        key: directory.join(raw.key),
        clients: raw.client_certificates.map(|it| match it {
            RawClientCertificates::Authorities(file) => {
                ClientCertificates::Of(directory.join(file))
            }
            RawClientCertificates::Any => ClientCertificates::Any,
        }),
    }
}

fn secret_under(directory: &Path, secret: Secret) -> Secret {
    match secret {
        Secret::File(path) => Secret::File(directory.join(path)),
        Secret::Env(name) => Secret::Env(name),
    }
}

fn issuer_under(directory: &Path, mut issuer: IssuerConfig) -> IssuerConfig {
    if let Some(asked) = &mut issuer.introspection {
        asked.client_secret = secret_under(directory, asked.client_secret.clone());
    }
    if let Some(sign_in) = &mut issuer.sign_in {
        sign_in.client_secret =
            sign_in.client_secret.take().map(|secret| secret_under(directory, secret));
    }
    if let Some(directory_config) = &mut issuer.directory {
        if let Some(graph) = &mut directory_config.microsoft_graph {
            graph.client_secret = secret_under(directory, graph.client_secret.clone());
        }
        if let Some(google) = &mut directory_config.google_workspace {
            google.key = secret_under(directory, google.key.clone());
        }
    }
    for file in issuer.ca_file.iter_mut().chain(&mut issuer.keys_token_file) {
        *file = directory.join(&*file);
    }
    issuer
}

/// Whether a URL's host is this machine.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `sqlite:PATH` with the path under the configuration's directory.
fn sqlite_under(directory: &Path, url: String) -> String {
    let Some(rest) = url.strip_prefix("sqlite:") else { return url };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, options) = rest.split_once('?').map_or((rest, ""), |(path, it)| (path, it));
    if path == ":memory:" {
        return url;
    }
    let path: PathBuf = directory.join(path);
    let mark = if options.is_empty() { "" } else { "?" };
    format!("sqlite:{}{mark}{options}", path.display())
}

/// No API key may be good for longer.
const KEY_LIFETIME_MAX: Span = Span::from_days(366);
const OWNER_GRACE_MAX: Span = Span::from_days(366);
const NAME_BYTES_MAX: usize = 64;
/// The longest that a head or a drain may take.
const WITHIN_MAX: Span = Span::from_seconds(3600);
