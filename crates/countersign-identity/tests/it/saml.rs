//! Sign-in by SAML, against an identity provider of the test: what is believed, and every known way to
//! have something else believed, each refused with its own code.

mod accepted;
mod attacks;
mod cbc;
mod idp;
mod metadata;
mod nested;
mod requests;
mod shown;
mod wrapping;

use crate::signin::entropy;
use countersign_identity::{
    Http, Round, SamlAnswer, SamlConfig, SamlPending, SamlRefused, SamlRequest, SamlSignIn,
    SamlSignedIn, SamlSurroundings, Use, UseOnce,
};
use countersign_model::{Clock, Digest, Timestamp};
use idp::{Draft, Idp, Keys};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};
use tempfile::TempDir;

/// 2026-11-22T10:00:00Z
const NOW: i64 = 1_795_341_600;
const ENTITY: &str = "https://idp.example/metadata";
const ORIGIN: &str = "https://gateway.example";
const AUDIENCE: &str = "https://gateway.example/console/saml/corp/metadata";
const RECIPIENT: &str = "https://gateway.example/console/saml/corp/response";

/// A provider, and a console that knows it.
struct Stage {
    idp: Idp,
    sign_in: SamlSignIn,
    once: UseOnce,
    seconds: Arc<AtomicI64>,
    directory: TempDir,
}

/// A sign-in that waits for its response.
struct Waiting {
    url: url::Url,
    pending: SamlPending,
    request: String,
}

impl Stage {
    fn new() -> Self {
        Self::with(json!({}))
    }

    fn with(changes: Value) -> Self {
        countersign_identity::install_crypto();
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::shared();
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("saml.key", &keys.own.pem);
        write("saml.crt", &keys.own.certificate_pem);
        let idp = Idp::new(&keys.provider);
        write("idp.xml", &idp.metadata(""));
        let mut config = json!({
            "name": "corp", "entity_id": ENTITY,
            "metadata": {"file": directory.path().join("idp.xml")},
            "key": {"file": directory.path().join("saml.key")},
            "certificate": directory.path().join("saml.crt"),
            "attributes": {"subject_prefix": "corp:"},
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config: SamlConfig = serde_json::from_value(config).unwrap();
        let seconds = Arc::new(AtomicI64::new(NOW));
        let told = Arc::clone(&seconds);
        let clock = Clock::new(move || Timestamp::from_millis(told.load(Ordering::SeqCst) * 1000));
        let providers = std::slice::from_ref(&config);
        let surroundings = SamlSurroundings { providers, issuers: &[], public_url: ORIGIN };
        let sign_in =
            SamlSignIn::new(config.clone(), surroundings, Http::new(), clock, |_| None).unwrap();
        Self { idp, sign_in, once: register(), seconds, directory }
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Another second, so that a table of many sign-ins is no flood; never more than one away.
    fn next_second(&self) {
        self.seconds.fetch_xor(1, Ordering::SeqCst);
    }

    async fn begin(&self) -> Waiting {
        self.begin_round(Round::Ordinary).await
    }

    async fn begin_round(&self, round: Round) -> Waiting {
        let (request, pending) = self.sign_in.begin_round(round, &entropy()).await.unwrap();
        let url = address(request);
        let request = idp::request_of(&url);
        let (_, id) = request.split_once(" ID=\"").unwrap();
        let id = id.split('"').next().unwrap().to_owned();
        Waiting { url, pending, request: id }
    }

    async fn finish(&self, waiting: &Waiting, xml: &str) -> Result<SamlSignedIn, SamlRefused> {
        self.finish_bytes(Some(waiting), xml.as_bytes()).await
    }

    async fn finish_bytes(
        &self,
        waiting: Option<&Waiting>,
        xml: &[u8],
    ) -> Result<SamlSignedIn, SamlRefused> {
        let answer = SamlAnswer::from_form(idp::form(xml).as_bytes())?;
        self.sign_in.finish(waiting.map(|it| &it.pending), &answer, &self.once).await
    }
}

impl Waiting {
    /// A response that is right in everything, to be changed and signed.
    fn draft(&self) -> Draft {
        Draft::new(&self.request)
    }
}

/// Where a request goes that is no form.
fn address(request: SamlRequest) -> url::Url {
    match request {
        SamlRequest::Address(url) => url::Url::parse(&url).unwrap(),
        SamlRequest::Form(form) => panic!("a form: {form:?}"),
    }
}

/// What a response came to: the subject, or the code of the refusal.
fn outcome(result: &Result<SamlSignedIn, SamlRefused>) -> String {
    match result {
        Ok(signed_in) => signed_in.caller.subject.as_str().to_owned(),
        Err(refused) => refused.code().to_owned(),
    }
}

fn register() -> UseOnce {
    let used: Arc<Mutex<HashSet<Digest>>> = Arc::default();
    UseOnce::new(move |digest, _| {
        let first = used.lock().unwrap().insert(digest);
        async move { Ok(if first { Use::First } else { Use::Again }) }
    })
}
