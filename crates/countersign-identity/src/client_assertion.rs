//! `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §2.2 and §3): a registered agent proves itself to
//! the token endpoint by what it signs with a key of its own. The key stands in the catalog, beside
//! the agent's sponsor; nobody else vouches for it.
//!
//! An assertion is for here alone, short, and used once. It identifies nobody on a call.

use crate::{
    Algorithm, Fault, OwnIssuer, Party, Presented, Refused, Use, UseOnce, Verifier,
    claims::{self, Times},
    exchange::Origin,
    forged::Sender,
    jws::{self, Unproved},
    keys::KeySet,
    own::LIFETIME_MAX,
    refused::shown,
};
use aws_lc_rs::signature::ParsedPublicKey;
use countersign_model::{
    AGENT_KEYS_ISSUER, Caller, CallerKind, Digest, Issued, Subject, Timestamp, catalog::Agent,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// What an assertion has to be judged by, beside its own claims.
#[derive(Clone, Copy, Debug)]
pub struct ClientTerms<'t> {
    /// The agent that the assertion names, if it is registered.
    pub agent: Option<&'t Agent>,
    /// This installation, to whom the assertion is made.
    pub own: &'t OwnIssuer,
    /// The register of what was used.
    pub once: &'t UseOnce,
}

impl Verifier {
    /// Which client of ours a client assertion says that it is of; `None` if it is a token of an issuer.
    /// Nothing about it is proved.
    ///
    /// # Errors
    /// [`Refused`] if it is no signed JWT that says who made it.
    pub fn client_named(&self, assertion: &str) -> Result<Option<Subject>, Refused> {
        let parts = jws::parse(assertion)?;
        let name = claims::issuer(&parts.claims)?;
        Ok(self.issuer_at(name).is_none().then(|| Subject::from(name)))
    }

    /// Proves a registered agent by what it signed for this token endpoint.
    ///
    /// # Errors
    /// [`Refused`], with the one reason.
    pub async fn prove_client(
        &self,
        assertion: Presented<'_>,
        terms: ClientTerms<'_>,
    ) -> Result<Party, Refused> {
        let parts = jws::parse(assertion.token)?;
        let now = self.now();
        let name = claims::issuer(&parts.claims)?;
        let agent = terms.agent.filter(|it| it.subject.as_str() == name && !it.keys.is_empty());
        let unknown = || Refused::new(Fault::ClientUnknown, format!("iss {}", shown(name)));
        let agent = agent.ok_or_else(unknown)?;
        let (id, times) = check(&parts, name, terms.own, now)?;
        self.check_client_signature(&parts, agent, Sender::Stranger(assertion.peer), now)?;

        let refused_from = seconds(times.expires.saturating_add(SKEW_SECONDS));
        let once = format!("{name}\n{id}");
        match terms.once.take("client-assertion", &once, refused_from).await {
            Ok(Use::First) => {}
            Ok(Use::Again) => return Err(Fault::ClientAssertionUsed.into()),
            Err(failed) => {
                return Err(Refused::new(Fault::UsesNotRemembered, failed.to_string()));
            }
        }
        let caller = caller(agent, now);
        self.session_holds(&caller)?;
        Ok(Party {
            caller: Arc::new(caller),
            origin: Origin::Registered,
            may_act: None,
            bound: None,
            id: Some(id.to_owned()),
            resources: Vec::new(),
            digest: Digest::of(assertion.token.as_bytes()),
            refused_from,
        })
    }

    fn check_client_signature(
        &self,
        parts: &Unproved<'_>,
        agent: &Agent,
        sender: Sender,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let forged = self.forgeries();
        forged.may_check(sender, now)?;
        let document = json!({ "keys": agent.keys });
        let keys = KeySet::parse(document.to_string().as_bytes(), &Algorithm::PROOFS)
            .map_err(|bad| Refused::new(Fault::KeyUnknown, bad.to_string()))?;
        let key: &ParsedPublicKey = keys.find(parts.kid.as_deref(), parts.algorithm)?;
        key.verify_sig(parts.signed, &parts.signature).map_err(|_| {
            forged.failed(sender, now);
            Refused::from(Fault::SignatureInvalid)
        })
    }
}

/// RFC 7523 §3, and OpenID Connect Core §9: what is not about the signature.
fn check<'c>(
    parts: &'c Unproved<'_>,
    name: &str,
    own: &OwnIssuer,
    now: Timestamp,
) -> Result<(&'c str, Times), Refused> {
    if !Algorithm::PROOFS.contains(&parts.algorithm) {
        let detail = format!("{} is not on the list", parts.algorithm);
        return Err(Refused::new(Fault::AlgorithmNotAllowed, detail));
    }
    match parts.token_type.as_deref() {
        None | Some("jwt" | TYPE) => {}
        Some(other) => return Err(Refused::new(Fault::TokenTypeNotAccepted, shown(other))),
    }
    let claims = &parts.claims;
    if claims.get("sub").and_then(Value::as_str) != Some(name) {
        return Err(Fault::ClientAssertionNotSelfMade.into());
    }
    // One audience: an assertion for several servers could be replayed at each.
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(many)) => match many.as_slice() {
            [Value::String(one)] => Some(one.as_str()),
            _ => None,
        },
        Some(_) | None => None,
    };
    let here = |it: &str| it == own.url() || it.strip_prefix(own.url()) == Some("/oauth/token");
    if !audience.is_some_and(here) {
        let detail = format!("aud {}", shown(audience.unwrap_or("missing, or not one text")));
        return Err(Refused::new(Fault::AudienceMismatch, detail));
    }
    let times = Times::read(claims)?;
    times.check(now.seconds(), SKEW_SECONDS)?;
    if times.expires > now.seconds().saturating_add(LIFETIME_SECONDS_MAX + SKEW_SECONDS) {
        return Err(Fault::ClientAssertionTooLong.into());
    }
    match claims.get("jti") {
        Some(Value::String(id)) if (1..=ID_BYTES_MAX).contains(&id.len()) => Ok((id, times)),
        Some(_) | None => Err(Fault::ClientAssertionWithoutId.into()),
    }
}

/// The agent itself. It has proved itself just now, so how long its assertion was good says nothing
/// about how long a token may be.
fn caller(agent: &Agent, now: Timestamp) -> Caller {
    let scopes: BTreeSet<Arc<str>> = agent.scopes.iter().map(|it| it.as_str().into()).collect();
    Caller {
        subject: agent.subject.clone(),
        kind: CallerKind::Agent,
        actors: Vec::new(),
        client: Some(agent.subject.as_str().into()),
        issuer: AGENT_KEYS_ISSUER.into(),
        groups: BTreeSet::new(),
        scopes,
        name: None,
        email: None,
        expires_at: now.plus(LIFETIME_MAX),
        issued: Issued { at: Some(now), ..Issued::default() },
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

/// The media type that a client assertion may have (draft-ietf-oauth-rfc7523bis §4).
pub(crate) const TYPE: &str = "client-authentication+jwt";
/// An assertion is made for one request.
const LIFETIME_SECONDS_MAX: i64 = 300;
const SKEW_SECONDS: i64 = 30;
const ID_BYTES_MAX: usize = 255;
