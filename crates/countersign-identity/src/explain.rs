//! How a token was judged, step by step. [`crate::Verifier::explain`] walks what `identify` walks, with
//! a notebook: there is no second judge. What is written down is what was read and which rule read
//! it, shortened; never the token, its signature, or a claim that nothing read.

use crate::{
    Fault, Refused,
    claims::Times,
    config::{IssuerConfig, UntypedTokens},
    jws::Unproved,
    refused::shown,
};
use countersign_model::{Caller, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

/// What became of a token, and why, for the people who have to make it work.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was looked at, in the order of the judgement. Of a refused token, the last but those
    /// that are not proved is what refused it.
    pub steps: Vec<Step>,
    /// Claims that nothing read. Their values are not shown: nobody asked for them.
    pub unread: Vec<String>,
    /// The caller, or the one reason why not.
    pub outcome: Result<Arc<Caller>, Refused>,
}

/// One look at a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was looked at, in a word: `audience`.
    pub check: Cow<'static, str>,
    /// The claims, or members of the header, that were read.
    pub claims: Vec<String>,
    /// What stood there, shortened and escaped.
    pub found: String,
    /// The rule that read it, with the configuration's key where there is one.
    pub rule: String,
    /// What the rule said.
    pub verdict: Verdict,
}

/// What a rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule holds, or mapped what it found.
    Accepted,
    /// The rule refused the token.
    Refused,
    /// What would follow if the signature held, which could not be looked at.
    Unproved,
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (steps, unread) = (&self.steps, &self.unread);
        let document = match &self.outcome {
            Ok(caller) => {
                json!({"outcome": "accepted", "caller": caller, "steps": steps, "unread": unread})
            }
            Err(refused) => json!({
                "outcome": "refused",
                "code": refused.code(),
                "sentence": refused.sentence(),
                "detail": refused.detail(),
                "steps": steps,
                "unread": unread,
            }),
        };
        document.serialize(serializer)
    }
}

/// The notebook of one judgement. Off, as on the way of every call, it costs a comparison a step.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<Notes>);

#[derive(Debug, Default)]
struct Notes {
    steps: Vec<Step>,
    /// Every claim of the token.
    claims: Vec<String>,
}

impl Trace {
    pub(crate) fn off() -> Self {
        Self(None)
    }

    pub(crate) fn on() -> Self {
        Self(Some(Notes::default()))
    }

    /// Writes down a rule that held: what was looked at, the claims that were read, what stood
    /// there, and the rule.
    pub(crate) fn note(
        &mut self,
        check: &'static str,
        claims: &[&str],
        say: impl FnOnce() -> (String, String),
    ) {
        if let Some(notes) = &mut self.0 {
            let (found, rule) = say();
            let claims = claims.iter().map(|it| shown_name(it)).collect();
            let check = Cow::Borrowed(check);
            notes.steps.push(Step { check, claims, found, rule, verdict: Verdict::Accepted });
        }
    }

    pub(crate) fn form(&mut self, token: &Unproved<'_>) {
        self.note("form", &[], || {
            let claims = token.claims.len();
            (format!("a signed JWT of {claims} claims"), "RFC 7515, strictly".into())
        });
        if let Some(notes) = &mut self.0 {
            notes.claims = token.claims.keys().cloned().collect();
        }
    }

    pub(crate) fn issuer(&mut self, issuer: &IssuerConfig) {
        self.note("issuer", &["iss"], || (shown(&issuer.url), key(issuer, "url")));
    }

    pub(crate) fn algorithm(&mut self, token: &Unproved<'_>, issuer: &IssuerConfig) {
        self.note("algorithm", &["header.alg"], || {
            let listed: Vec<String> = issuer.algorithms.iter().map(ToString::to_string).collect();
            let rule = format!("{}: {}", key(issuer, "algorithms"), listed.join(", "));
            (token.algorithm.to_string(), rule)
        });
    }

    pub(crate) fn token_type(&mut self, token: &Unproved<'_>, issuer: &IssuerConfig) {
        self.note("type", &["header.typ"], || {
            let found = token.token_type.as_deref().map_or_else(|| "none".into(), shown);
            let untyped = match issuer.untyped_tokens {
                UntypedTokens::Refuse => "",
                UntypedTokens::Accept => "; with untyped_tokens also JWT and none",
            };
            let types = issuer.token_types.join(", ");
            (found, format!("{}: {types}{untyped}", key(issuer, "token_types")))
        });
    }

    pub(crate) fn audience(&mut self, token: &Unproved<'_>, issuer: &IssuerConfig) {
        self.note("audience", &["aud"], || {
            let rule = format!("{}: {}", key(issuer, "audiences"), issuer.audiences.join(", "));
            (value(token.claims.get("aud")), rule)
        });
    }

    pub(crate) fn times(&mut self, times: Times, issuer: &IssuerConfig) {
        self.note("times", &["exp", "nbf", "iat"], || {
            let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
            let found = format!("until {}", moment(times.expires));
            let found = match times.begins {
                0 => found,
                begins => format!("from {} {found}", moment(begins)),
            };
            (found, format!("{}: {}", key(issuer, "clock_skew"), issuer.clock_skew))
        });
    }

    pub(crate) fn signature(&mut self, token: &Unproved<'_>, issuer: &IssuerConfig) {
        self.note("signature", &["header.kid"], || {
            let kid = token.kid.as_deref().map_or_else(|| "no kid".into(), shown);
            (kid, format!("a key that issuer {} publishes", issuer.name))
        });
    }

    /// The explanation, with what refused as the last of what was looked at. `unproved` is what would
    /// follow if the signature held.
    pub(crate) fn end(self, outcome: Result<Arc<Caller>, Refused>, unproved: Self) -> Explanation {
        let Notes { mut steps, claims } = self.0.unwrap_or_default();
        if let Err(refused) = &outcome {
            let (check, read) = about(refused.fault());
            steps.push(Step {
                check: Cow::Borrowed(check),
                claims: read.iter().map(|it| (*it).to_owned()).collect(),
                found: refused.detail().to_owned(),
                rule: refused.sentence().to_owned(),
                verdict: Verdict::Refused,
            });
        }
        let after = unproved.0.unwrap_or_default().steps.into_iter();
        steps.extend(after.map(|step| Step { verdict: Verdict::Unproved, ..step }));
        let unread = unread(&steps, &claims);
        Explanation { steps, unread, outcome }
    }

    /// Every claim that is known by now: the token's, and what was asked for beside it.
    pub(crate) fn claims(&mut self, claims: &Map<String, Value>) {
        if let Some(notes) = &mut self.0 {
            notes.claims = claims.keys().cloned().collect();
        }
    }

    /// What was looked at, and the claims that nothing read.
    pub(crate) fn into_steps(self) -> (Vec<Step>, Vec<String>) {
        let Notes { steps, claims } = self.0.unwrap_or_default();
        let unread = unread(&steps, &claims);
        (steps, unread)
    }
}

fn unread(steps: &[Step], claims: &[String]) -> Vec<String> {
    let read: BTreeSet<&str> = steps.iter().flat_map(|it| &it.claims).map(String::as_str).collect();
    // A path reads its first name, and what is refused is not read to the end.
    let first = |path: &str| match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').next().map(str::to_owned),
        None => path.split('.').next().map(str::to_owned),
    };
    let is_read =
        |claim: &str| read.iter().any(|it| *it == claim || first(it).as_deref() == Some(claim));
    let unread = claims.iter().filter(|it| !is_read(it)).take(UNREAD_MAX);
    unread.map(|it| shown_name(it)).collect()
}

/// The rules of an issuer that mapped what a caller has.
pub(crate) fn mapped_by(issuer: &IssuerConfig, caller: &Caller) -> Vec<Step> {
    let claims = &issuer.claims;
    let groups: Vec<Value> = caller.groups.iter().map(|it| it.as_str().into()).collect();
    let shown = |text: Option<&str>| value(text.map(Value::from).as_ref());
    let groups = if groups.is_empty() { "none".into() } else { value(Some(&Value::Array(groups))) };
    let rows = [
        ("subject", &claims.subject, shown(Some(caller.subject.as_str()))),
        ("groups", &claims.groups, groups),
        ("name", &claims.name, shown(caller.name.as_deref())),
        ("email", &claims.email, shown(caller.email.as_deref())),
    ];
    let step = |(check, claim, found): (&'static str, &String, String)| Step {
        check: Cow::Borrowed(check),
        claims: vec![shown_name(claim)],
        found,
        rule: format!("{}: {}", key(issuer, &format!("claims.{check}")), shown_name(claim)),
        verdict: Verdict::Accepted,
    };
    rows.into_iter().map(step).collect()
}

/// A key of an issuer in the configuration.
pub(crate) fn key(issuer: &IssuerConfig, key: &str) -> String {
    format!("issuers[{}].{key}", issuer.name)
}

/// What a fault is about: the check, and what it read.
fn about(fault: Fault) -> (&'static str, &'static [&'static str]) {
    match fault {
        Fault::TokenMissing
        | Fault::TokenTooLarge
        | Fault::TokenMalformed
        | Fault::TokenEncrypted
        | Fault::HeaderNotAllowed => ("form", &[]),
        Fault::AlgorithmNotAllowed => ("algorithm", &["header.alg"]),
        Fault::TokenTypeNotAccepted => ("type", &["header.typ"]),
        Fault::IssuerUnknown => ("issuer", &["iss"]),
        Fault::AudienceMismatch => ("audience", &["aud"]),
        Fault::ExpiryMissing | Fault::TokenExpired => ("times", &["exp"]),
        Fault::TokenNotYetValid => ("times", &["nbf", "iat"]),
        Fault::ClaimInvalid => ("claims", &[]),
        Fault::SubjectMissing | Fault::SubjectNotAccepted => ("subject", &[]),
        Fault::ActorChainInvalid => ("actors", &["act"]),
        Fault::KeyUnknown
        | Fault::KeyAmbiguous
        | Fault::KeyAlgorithmMismatch
        | Fault::IssuerUnreachable
        | Fault::SignatureInvalid
        | Fault::TooManyForged => ("signature", &["header.kid"]),
        Fault::SessionEnded => ("session", &["iat", "sub", "sid"]),
        Fault::TokenInactive => ("introspection", &["active"]),
        Fault::ApiKeyMalformed
        | Fault::ApiKeyUnknown
        | Fault::ApiKeyRevoked
        | Fault::ApiKeysOff
        | Fault::ApiKeysUnavailable => ("api key", &[]),
        Fault::ConfirmationNotAccepted
        | Fault::ProofMissing
        | Fault::TokenNotBound
        | Fault::CertificateMissing
        | Fault::CertificateMismatch
        | Fault::ProofKeyMismatch => ("holder", &["cnf"]),
        Fault::ProofMalformed
        | Fault::ProofTypeNotAccepted
        | Fault::ProofAlgorithmNotAllowed
        | Fault::ProofKeyNotAccepted
        | Fault::ProofMethodMismatch
        | Fault::ProofUrlMismatch
        | Fault::ProofTokenMismatch
        | Fault::ProofTimeNotAccepted
        | Fault::ProofNonceNeeded
        | Fault::ProofSignatureInvalid
        | Fault::ProofReplayed
        | Fault::ClientUnknown
        | Fault::ClientAssertionNotSelfMade
        | Fault::ClientAssertionTooLong
        | Fault::ClientAssertionWithoutId
        | Fault::ClientAssertionUsed
        | Fault::UsesNotRemembered
        | Fault::BindingMissing
        | Fault::ProofsNotRemembered => ("proof", &[]),
        Fault::ClaimRuleNotMet => ("rule", &[]),
        Fault::LifetimeTooLong => ("lifetime", &["exp", "iat"]),
        Fault::GroupsUnknown => ("groups", &["_claim_names"]),
    }
}

/// A claim's value as far as it is shown.
pub(crate) fn value(claim: Option<&Value>) -> String {
    match claim {
        None => "not there".into(),
        Some(Value::String(text)) => shown(text),
        Some(Value::Array(items)) if items.len() > ITEMS_MAX => {
            let first: Vec<String> =
                items.iter().take(ITEMS_MAX).map(|it| value(Some(it))).collect();
            format!("{} and {} more", first.join(", "), items.len() - ITEMS_MAX)
        }
        Some(Value::Array(items)) => {
            items.iter().map(|it| value(Some(it))).collect::<Vec<_>>().join(", ")
        }
        Some(other @ (Value::Null | Value::Bool(_) | Value::Number(_))) => other.to_string(),
        Some(Value::Object(members)) => {
            let names: Vec<String> =
                members.keys().take(ITEMS_MAX).map(|it| shown_name(it)).collect();
            format!("an object with {}", names.join(", "))
        }
    }
}

/// What a rule adds in front of a name; nothing where there is no prefix.
pub(crate) fn prefix(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!(" with the prefix {prefix:?}") }
}

/// The value of a claim by its name as it stands, else by a dotted path.
pub(crate) fn at(claims: &Map<String, Value>, path: &str) -> String {
    value(crate::claims::at_path(claims, path))
}

/// A claim's name: as it stands if it is such as people choose.
pub(crate) fn shown_name(name: &str) -> String {
    let plain = |it: char| it.is_ascii_graphic() && it != '"';
    if name.len() <= NAME_BYTES_MAX && name.chars().all(plain) {
        name.to_owned()
    } else {
        shown(name)
    }
}

const ITEMS_MAX: usize = 20;
const NAME_BYTES_MAX: usize = 80;
/// Claims that nothing read are named so far.
const UNREAD_MAX: usize = 50;
