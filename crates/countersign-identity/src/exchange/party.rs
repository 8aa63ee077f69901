//! Tokens as they are shown at the token endpoint: proved as strictly as those of a call, each for
//! what it is shown as and for nothing else. An access token is judged by the very way that
//! calls take.

use super::{ExchangeFault, IdJag, IdTokensConfig};
use crate::{
    Fault, Peer, Presented, Refused, Verifier,
    bound::Bound,
    claims::{self, Times, texts},
    explain::Trace,
    forged::Sender,
    issuer::Issuer,
    jws::{self, Unproved},
    refused::shown,
    rules::TokenUse,
};
use countersign_model::{Caller, Digest, Subject, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a token is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownAs<'a> {
    /// An access token for this gateway.
    AccessToken,
    /// An OpenID Connect ID token of a client that the issuer's configuration names.
    IdToken,
    /// An identity assertion for this authorization server (ID-JAG).
    IdentityAssertion {
        /// The authorization server's own identifier: the assertion's one audience.
        issuer: &'a str,
    },
}

/// Whom a token names, proved. Made by [`Verifier::prove_party`], [`Verifier::prove_client`] and
/// [`Verifier::prove_saml`], and by nothing else.
#[derive(Clone, Debug)]
pub struct Party {
    pub(crate) caller: Arc<Caller>,
    pub(crate) origin: Origin,
    pub(crate) may_act: Option<MayAct>,
    pub(crate) bound: Option<Arc<Bound>>,
    pub(crate) id: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) digest: Digest,
    pub(crate) refused_from: Timestamp,
}

/// Who made a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This installation.
    Own,
    /// A configured issuer.
    Configured,
    /// The party itself, with a key that the catalog registers for it.
    Registered,
}

/// The one party that may act for the subject (RFC 8693 §4.4), mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MayAct {
    pub(super) subject: Subject,
}

impl Party {
    /// Whom the token names, as it says it.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// SHA-256 of the token's text, as the ledger names it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its `jti`, which an identity assertion has; the name by which a SAML assertion is good for once.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The resources that an identity assertion names (RFC 8707).
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// From when its own times refuse it, the clock skew included.
    pub fn refused_from(&self) -> Timestamp {
        self.refused_from
    }

    /// A token as if it had been proved.
    #[cfg(test)]
    pub(super) fn made_up(caller: Caller, origin: Origin) -> Self {
        Self {
            refused_from: caller.expires_at,
            caller: Arc::new(caller),
            origin,
            may_act: None,
            bound: None,
            id: None,
            resources: Vec::new(),
            digest: Digest::default(),
        }
    }

    /// Only its holder could show that a bound token is its own, and the holder does not ask here:
    /// taking it all the same would make the binding worthless.
    pub(super) fn refuse_bound(&self) -> Result<(), ExchangeFault> {
        match &self.bound {
            None => Ok(()),
            Some(_) => Err(ExchangeFault::SubjectTokenIsBound),
        }
    }
}

impl Verifier {
    /// Proves a token that is shown at the token endpoint. What it is bound to is not looked at here:
    /// an actor's by [`Possession::of`](super::Possession::of), and a subject's must not be.
    ///
    /// # Errors
    /// [`Refused`], with the one reason.
    pub async fn prove_party(
        &self,
        token: impl Into<Presented<'_>>,
        by: ShownAs<'_>,
    ) -> Result<Party, Refused> {
        let Presented { token, peer, .. } = token.into();
        let parts = jws::parse(token)?;
        let (_, issuer) = self.issuer_of(&parts)?;
        let members = &parts.claims;
        let bound = || Ok::<_, Refused>(Bound::read(members)?.map(Arc::new));
        let (caller, bound) = match by {
            ShownAs::AccessToken => self.read(token, peer).await?,
            ShownAs::IdToken => (Arc::new(self.id_token(&parts, issuer, peer).await?), bound()?),
            ShownAs::IdentityAssertion { issuer: own } => {
                (Arc::new(self.assertion(&parts, issuer, (own, peer)).await?), bound()?)
            }
        };
        let skew = countersign_model::Span::from_seconds(issuer.skew_seconds());
        Ok(Party {
            refused_from: caller.expires_at.plus(skew),
            caller,
            origin: match issuer.is_own() {
                true => Origin::Own,
                false => Origin::Configured,
            },
            may_act: self.may_act(members, issuer)?,
            bound,
            id: members.get("jti").and_then(Value::as_str).map(str::to_owned),
            resources: resources(members)?,
            digest: Digest::of(token.as_bytes()),
        })
    }

    async fn id_token(
        &self,
        parts: &Unproved<'_>,
        issuer: &Arc<Issuer>,
        peer: Option<Peer>,
    ) -> Result<Caller, Refused> {
        let Some(allowed) = &issuer.config.exchange.id_tokens else {
            let detail = "ID tokens of this issuer are not taken";
            return Err(Refused::new(Fault::TokenTypeNotAccepted, detail));
        };
        check_id_token(parts, allowed)?;
        let mut caller = self.prove_as(parts, issuer, (TokenUse::SignIn, peer)).await?;
        caller.scopes = allowed.scopes.iter().map(|it| it.as_str().into()).collect();
        Ok(caller)
    }

    async fn assertion(
        &self,
        parts: &Unproved<'_>,
        issuer: &Arc<Issuer>,
        (own, peer): (&str, Option<Peer>),
    ) -> Result<Caller, Refused> {
        match issuer.config.exchange.id_jag {
            IdJag::Accept => {}
            IdJag::Refuse => {
                let detail = "identity assertions of this issuer are not taken";
                return Err(Refused::new(Fault::TokenTypeNotAccepted, detail));
            }
        }
        let latest = self.clock().now().seconds().saturating_add(ASSERTION_SECONDS_MAX);
        check_assertion(parts, own, latest)?;
        self.prove_as(parts, issuer, (TokenUse::Call, peer)).await
    }

    /// What every token has to keep besides its type and audience.
    async fn prove_as(
        &self,
        parts: &Unproved<'_>,
        issuer: &Arc<Issuer>,
        (token_use, peer): (TokenUse, Option<Peer>),
    ) -> Result<Caller, Refused> {
        issuer.allows(parts.algorithm)?;
        let times = Times::read(&parts.claims)?;
        times.check(self.clock().now().seconds(), issuer.skew_seconds())?;
        self.refuse_forged_before(parts.text)?;
        // The key epoch is for those who remember the proof; nobody does.
        issuer.prove(parts, Sender::Stranger(peer)).await?;
        let expires_at = Timestamp::from_millis(times.expires.saturating_mul(1000));
        let trace = &mut Trace::off();
        let (caller, _) = issuer.caller(&parts.claims, expires_at, token_use, trace).await?;
        self.session_holds(&caller)?;
        Ok(caller)
    }

    /// Reads `may_act`. What it says and is not understood can't be kept, so it is refused.
    fn may_act(
        &self,
        members: &Map<String, Value>,
        issuer: &Issuer,
    ) -> Result<Option<MayAct>, Refused> {
        let Some(value) = members.get("may_act") else { return Ok(None) };
        let invalid = |detail: &str| Refused::new(Fault::ClaimInvalid, format!("may_act {detail}"));
        let named = value.as_object().ok_or_else(|| invalid("is no object"))?;
        if named.keys().any(|it| it != "sub" && it != "iss") {
            return Err(invalid("names its party by more than sub and iss"));
        }
        let of = match named.get("iss") {
            None => issuer,
            Some(Value::String(url)) => {
                self.issuer_at(url).ok_or_else(|| invalid("names an unknown issuer"))?
            }
            Some(_) => return Err(invalid("has an iss that is no text")),
        };
        let subject = of.mapping.party(named).map_err(|_| invalid("names nobody"))?;
        Ok(Some(MayAct { subject }))
    }
}

/// OpenID Connect Core §2 and §3.1.3.7, as far as they tell an ID token of a known client from any
/// other token of the issuer.
fn check_id_token(parts: &Unproved<'_>, allowed: &IdTokensConfig) -> Result<(), Refused> {
    let not_one = |detail: &str| Refused::new(Fault::TokenTypeNotAccepted, detail);
    if !matches!(parts.token_type.as_deref(), None | Some("jwt")) {
        return Err(not_one("typ is not an ID token's"));
    }
    // What access tokens, logout tokens and assertions have.
    let others = ["scope", "scp", "client_id", "events", "act"];
    if let Some(mark) = others.iter().find(|it| parts.claims.contains_key(**it)) {
        return Err(not_one(&format!("an ID token has no {mark}")));
    }
    if !parts.claims.contains_key("iat") {
        return Err(not_one("an ID token has an iat"));
    }
    claims::check_audience(&parts.claims, &allowed.clients)?;
    let party = match parts.claims.get("azp") {
        None => None,
        Some(Value::String(party)) => Some(party),
        Some(_) => return Err(Refused::new(Fault::ClaimInvalid, "azp is no text")),
    };
    let alone = match parts.claims.get("aud") {
        Some(Value::Array(many)) => many.len() == 1,
        Some(_) | None => true,
    };
    match party {
        Some(party) if allowed.clients.contains(party) => Ok(()),
        None if alone => Ok(()),
        Some(_) | None => Err(Refused::new(Fault::AudienceMismatch, "azp is none of the clients")),
    }
}

/// draft-ietf-oauth-identity-assertion-authz-grant §3.1 and §4.4.1; RFC 8725 §3.11 for the type.
fn check_assertion(parts: &Unproved<'_>, own: &str, latest: i64) -> Result<(), Refused> {
    if parts.token_type.as_deref() != Some(ASSERTION_TYPE) {
        let name = parts.token_type.as_deref().map_or_else(|| "no typ".into(), shown);
        return Err(Refused::new(Fault::TokenTypeNotAccepted, name));
    }
    let audience = match parts.claims.get("aud") {
        Some(Value::String(one)) => Some(one.as_str()),
        // One audience: an assertion for several servers could be replayed at each.
        Some(Value::Array(many)) => match many.as_slice() {
            [Value::String(one)] => Some(one.as_str()),
            _ => None,
        },
        Some(_) | None => None,
    };
    if audience != Some(own) {
        let detail = format!("aud {}", shown(audience.unwrap_or("missing, or not one text")));
        return Err(Refused::new(Fault::AudienceMismatch, detail));
    }
    let required = |name: &str| match parts.claims.get(name) {
        Some(Value::String(text)) if (1..=ID_BYTES_MAX).contains(&text.len()) => Ok(()),
        _ => Err(Refused::new(Fault::ClaimInvalid, format!("{name} is no usable text"))),
    };
    required("client_id")?;
    required("jti")?;
    if !parts.claims.contains_key("iat") {
        return Err(Refused::new(Fault::ClaimInvalid, "no iat"));
    }
    match Times::read(&parts.claims)?.expires > latest {
        true => Err(Refused::new(Fault::ClaimInvalid, "exp is more than an hour ahead")),
        false => Ok(()),
    }
}

fn resources(members: &Map<String, Value>) -> Result<Vec<String>, Refused> {
    let Some(value) = members.get("resource") else { return Ok(Vec::new()) };
    Ok(texts(value, "resource")?.into_iter().map(str::to_owned).collect())
}

/// The media type of an identity assertion.
pub(crate) const ASSERTION_TYPE: &str = "oauth-id-jag+jwt";
/// An assertion is remembered for as long as it could be used: so long, and no longer.
const ASSERTION_SECONDS_MAX: i64 = 3600;
const ID_BYTES_MAX: usize = 255;
