//! What every token of an issuer has to say beside being genuine: conditions on claims, how long a
//! token may live, and for whom else it may be. Looked at after the signature, so that nobody finds
//! the rules out with tokens that are forged.
//!
//! Numbers and booleans compare as the text that JSON writes for them; a fraction compares with
//! nothing, because two readers write it differently.

use crate::{
    Fault, Refused,
    claims::at_path,
    config::IssuerConfig,
    explain::{self, Trace},
    refused::shown,
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt};

/// A condition on one claim. Beside `claim`, `tokens` and `because` it has exactly one of the
/// others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// The claim's name, a dotted path, or a JSON pointer (`/kubernetes.io/namespace`).
    pub claim: String,
    /// The claim, or one item of it, is one of these. `123` and `"123"` are the same.
    #[serde(default, deserialize_with = "canonical")]
    #[schemars(with = "Vec<RawText>")]
    pub values: Vec<String>,
    /// Neither the claim nor an item of it is one of these.
    #[serde(default, deserialize_with = "canonical")]
    #[schemars(with = "Vec<RawText>")]
    pub not_values: Vec<String>,
    /// The claim, or one item of it, begins with one of these. Each ends with `/`, `:` or `@`, so
    /// that `acme/` is not met by `acme-evil`.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Whether the claim is there at all.
    #[serde(default)]
    pub is: Option<Presence>,
    /// The claim is a well-formed SPIFFE ID of this trust domain, with a path.
    #[serde(default)]
    pub spiffe_trust_domain: Option<String>,
    /// The tokens that it is for.
    #[serde(default)]
    pub tokens: Tokens,
    /// What the caller is told when it does not hold.
    #[serde(default)]
    pub because: Option<String>,
}

/// Whether a claim is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is there, and not empty.
    Present,
    /// It is not there, null, or empty.
    Absent,
}

/// The tokens that a rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// Tokens that call, and those of a sign-in.
    #[default]
    All,
    /// Tokens that call.
    Access,
    /// ID tokens of a sign-in.
    Id,
}

/// Whether a token may be for others too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherAudiences {
    /// It may: each of them could use it here.
    #[default]
    Accept,
    /// It may not: every audience is one of the issuer's `audiences`.
    Refuse,
}

/// What a token is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenUse {
    /// A call.
    Call,
    /// A sign-in: it is an ID token.
    SignIn,
}

/// Whether a proved token meets all rules of its issuer.
pub(crate) fn check(
    issuer: &IssuerConfig,
    claims: &Map<String, Value>,
    token_use: TokenUse,
    trace: &mut Trace,
) -> Result<(), Refused> {
    for (place, rule) in issuer.require.iter().enumerate() {
        if !rule.is_for(token_use) {
            continue;
        }
        if !rule.holds(claims)? {
            return Err(rule.refusal(issuer, place, claims));
        }
        trace.note("rule", &[&rule.claim], || {
            let key = explain::key(issuer, &format!("require[{place}]"));
            (explain::at(claims, &rule.claim), format!("{key}: {rule}"))
        });
    }
    match token_use {
        TokenUse::Call => {
            check_audiences(issuer, claims)?;
            check_lifetime(issuer, claims)
        }
        TokenUse::SignIn => Ok(()),
    }
}

fn check_audiences(issuer: &IssuerConfig, claims: &Map<String, Value>) -> Result<(), Refused> {
    match issuer.other_audiences {
        OtherAudiences::Accept => return Ok(()),
        OtherAudiences::Refuse => {}
    }
    let ours = |it: &Value| issuer.audiences.iter().any(|audience| it == audience.as_str());
    let only = match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().all(ours),
        Some(one) => ours(one),
        None => false,
    };
    if only {
        return Ok(());
    }
    let sentence = format!(
        "The token is for others too, who could use it here; issuer {} must make it for this \
         gateway alone.",
        issuer.name
    );
    Err(Refused::told(Fault::AudienceMismatch, "aud names others too", sentence))
}

fn check_lifetime(issuer: &IssuerConfig, claims: &Map<String, Value>) -> Result<(), Refused> {
    let Some(most) = issuer.lifetime_max else { return Ok(()) };
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let lives = match (seconds("exp"), seconds("iat")) {
        (Some(ends), Some(begins)) => ends.saturating_sub(begins),
        _ => return Err(Refused::new(Fault::LifetimeTooLong, "no iat, which lifetime_max needs")),
    };
    if lives.saturating_mul(1000) <= most.millis() {
        return Ok(());
    }
    let sentence =
        format!("The token lives {lives} s; tokens of issuer {} may live {most}.", issuer.name);
    Err(Refused::told(Fault::LifetimeTooLong, format!("exp - iat is {lives} s"), sentence))
}

impl ClaimRule {
    /// Whether the rule is for tokens of this use.
    pub(crate) fn is_for(&self, token_use: TokenUse) -> bool {
        match (self.tokens, token_use) {
            (Tokens::All, _)
            | (Tokens::Access, TokenUse::Call)
            | (Tokens::Id, TokenUse::SignIn) => true,
            (Tokens::Access, TokenUse::SignIn) | (Tokens::Id, TokenUse::Call) => false,
        }
    }

    /// Whether the claims meet the rule.
    pub(crate) fn holds(&self, claims: &Map<String, Value>) -> Result<bool, Refused> {
        let found = match at_path(claims, &self.claim) {
            Some(value) => plain_texts(value).ok_or_else(|| self.unusable())?,
            None => Vec::new(),
        };
        let any = |holds: &dyn Fn(&str) -> bool| found.iter().any(|it| holds(it));
        if !self.values.is_empty() {
            return Ok(any(&|it| self.values.iter().any(|value| value == it)));
        }
        if !self.not_values.is_empty() {
            return Ok(!any(&|it| self.not_values.iter().any(|value| value == it)));
        }
        if !self.prefixes.is_empty() {
            let begins =
                |it: &str, prefix: &String| it.starts_with(prefix) && it.len() > prefix.len();
            return Ok(any(&|it| self.prefixes.iter().any(|prefix| begins(it, prefix))));
        }
        if let Some(domain) = &self.spiffe_trust_domain {
            let one = found.len() == 1;
            return Ok(one && any(&|it| is_spiffe_id(it, domain)));
        }
        let present = any(&|it| !it.is_empty());
        Ok(match self.is {
            Some(Presence::Present) => present,
            Some(Presence::Absent) => !present,
            // No configuration that was checked has such a rule.
            None => false,
        })
    }

    /// What is wrong with the rule as it is written.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let kinds = [
            !self.values.is_empty(),
            !self.not_values.is_empty(),
            !self.prefixes.is_empty(),
            self.is.is_some(),
            self.spiffe_trust_domain.is_some(),
        ];
        if self.claim.is_empty() {
            return Some("a rule needs a claim");
        }
        if kinds.iter().filter(|it| **it).count() != 1 {
            return Some("write exactly one of values, not_values, prefixes, is");
        }
        if self.values.iter().chain(&self.not_values).any(|it| it.contains('*')) {
            return Some("values are compared as they stand: a * is no wildcard");
        }
        let safe = |it: &String| it.len() > 1 && it.ends_with(['/', ':', '@']) && !it.contains('*');
        if !self.prefixes.iter().all(safe) {
            return Some("a prefix ends with `/`, `:` or `@`, and has no *");
        }
        None
    }

    fn unusable(&self) -> Refused {
        let detail = format!("{} is neither texts nor whole numbers", shown(&self.claim));
        Refused::new(Fault::ClaimInvalid, detail)
    }

    fn refusal(&self, issuer: &IssuerConfig, place: usize, claims: &Map<String, Value>) -> Refused {
        let found = explain::at(claims, &self.claim);
        let detail = format!("require[{place}] of {}: {} is {found}", issuer.name, self.claim);
        let (claim, name) = (&self.claim, &issuer.name);
        let sentence = match &self.because {
            Some(because) => {
                format!("The token's claim {claim} is not what issuer {name} requires: {because}.")
            }
            None => format!(
                "The token's claim {claim} does not meet rule {} of issuer {name}.",
                place + 1
            ),
        };
        Refused::told(Fault::ClaimRuleNotMet, detail, sentence)
    }
}

/// The rule, for whoever has to make a token work.
impl fmt::Display for ClaimRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.claim)?;
        if !self.values.is_empty() {
            write!(f, " is one of {}", self.values.join(", "))?;
        }
        if !self.not_values.is_empty() {
            write!(f, " is none of {}", self.not_values.join(", "))?;
        }
        if !self.prefixes.is_empty() {
            write!(f, " begins with one of {}", self.prefixes.join(", "))?;
        }
        if let Some(domain) = &self.spiffe_trust_domain {
            write!(f, " is a SPIFFE ID of {domain}")?;
        }
        match self.is {
            Some(Presence::Present) => write!(f, " is there"),
            Some(Presence::Absent) => write!(f, " is not there"),
            None => Ok(()),
        }
    }
}

/// A text, a whole number or a boolean, as the text that JSON writes for it.
pub(crate) fn plain_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(Cow::Owned(number.to_string()))
        }
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn plain_texts(value: &Value) -> Option<Vec<Cow<'_, str>>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(plain_text).collect(),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Object(_) => {
            Some(vec![plain_text(value)?])
        }
    }
}

/// SPIFFE-ID §2: scheme, trust domain, and a path of segments that are neither empty nor dots. No
/// port, no query, no percent-encoding.
pub(crate) fn is_spiffe_id(text: &str, trust_domain: &str) -> bool {
    let rest = text.strip_prefix("spiffe://").and_then(|it| it.strip_prefix(trust_domain));
    let Some(path) = rest.and_then(|it| it.strip_prefix('/')) else { return false };
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
    let segment = |it: &str| !matches!(it, "" | "." | "..") && it.bytes().all(allowed);
    text.len() <= SPIFFE_ID_BYTES_MAX && path.split('/').all(segment)
}

/// A text, a whole number, true or false, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimText")]
#[expect(dead_code, reason = "only its schema is used")]
enum RawText {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// Reads a list of texts, whole numbers and booleans as texts.
fn canonical<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(item) = items.next_element::<Value>()? {
                let text = plain_text(&item).ok_or_else(|| {
                    A::Error::custom("expected texts, whole numbers, true or false")
                })?;
                texts.push(text.into_owned());
            }
            Ok(texts)
        }
    }

    from.deserialize_seq(Texts)
}

/// SPIFFE-ID §2.3.
const SPIFFE_ID_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests;
