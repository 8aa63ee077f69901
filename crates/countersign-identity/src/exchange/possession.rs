//! What whoever asks for a token has shown to hold: a key, by a DPoP proof made for this request
//! (RFC 9449 §5), and a client certificate, by the connection (RFC 8705 §3). An actor whose token is
//! bound has to show that it is its own; what was shown is what the new token is bound to.
//!
//! In this order: the actor's token is proved, the proof judged, one held against the other, and only
//! then the proof is used up. So nobody has proofs looked at or fills their register without an actor's
//! token, and none of an actor's without its key.

use super::Party;
use crate::{
    Asked, Binding, CertificateBinding, Fault, Peer, Refused, Thumbprint, Verifier,
    bound::Bound,
    presented::proof_in,
    proof::{For, Proof, ProofToken},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::{Map, Value};
use std::{fmt, ops::Deref};

/// What a request for a token shows to hold. Made by [`Verifier::possession`], and by nothing else.
pub struct Possession {
    proof: Option<Proof>,
    certificate: Option<Thumbprint>,
}

/// Who asks for a token, proved, and the holder of what its own token is bound to. Made by
/// [`Possession::of`], and by nothing else.
#[derive(Clone, Debug)]
pub struct Actor(Party);

/// What a new token is bound to; nothing, where nothing was shown and nothing has to be. Made by
/// [`Verifier::confirm`], and by nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation {
    pub(super) key: Option<[u8; 32]>,
    pub(super) certificate: Option<Thumbprint>,
    /// The connection's, whether a token is bound to it or not.
    pub(super) shown: Option<Thumbprint>,
}

/// An identity assertion whose holder asks: anybody, or whoever has shown what it is bound to. Made by
/// [`Confirmation::of_assertion`], and by nothing else.
#[derive(Clone, Debug)]
pub struct Asserted(Party);

impl Verifier {
    /// Judges what a request for a token shows to hold: by its headers, and by the connection, with its
    /// certificate and the address it comes from. A proof is not used up yet.
    ///
    /// # Errors
    /// [`Refused`] if there is a proof and it is not good, or not one.
    pub fn possession(
        &self,
        headers: &HeaderMap,
        asked: Asked<'_>,
        (certificate, peer): (Option<Thumbprint>, Option<Peer>),
    ) -> Result<Possession, Refused> {
        let wanted = For { asked, token: ProofToken::Wanted, now: self.now().seconds() };
        let judge = |it| self.judge_proof(it, &wanted, peer);
        let proof = proof_in(headers)?.map(judge).transpose()?;
        Ok(Possession { proof, certificate })
    }

    /// Uses the proof up, and says what the new token is bound to: to the key of the proof, and to the
    /// certificate if the actor's own token is, or if the settings say so.
    ///
    /// # Errors
    /// [`Fault::ProofReplayed`], [`Fault::ProofsNotRemembered`], and [`Fault::BindingMissing`] where
    /// own tokens have to be bound.
    pub async fn confirm(
        &self,
        possession: Possession,
        actor: &Actor,
    ) -> Result<Confirmation, Refused> {
        let settings = self.own().ok_or(Fault::BindingMissing)?.settings();
        let Possession { proof, certificate: shown } = possession;
        let is_bound_to_one = actor.bound.as_ref().is_some_and(|it| it.certificate.is_some());
        let certificate = shown.filter(|_| match settings.certificates {
            CertificateBinding::AsTheActors => is_bound_to_one,
            CertificateBinding::WheneverShown => true,
        });
        match settings.binding {
            Binding::Required if proof.is_none() && certificate.is_none() => {
                return Err(Fault::BindingMissing.into());
            }
            Binding::Required | Binding::Offered => {}
        }
        if let Some(proof) = &proof {
            self.proofs().take_once(proof, self.now().seconds()).await?;
        }
        Ok(Confirmation { key: proof.map(|it| it.thumbprint), certificate, shown })
    }
}

impl Possession {
    /// The actor, if its token is anybody's who bears it, or the request shows what it is bound to.
    ///
    /// # Errors
    /// [`Fault::ProofMissing`], [`Fault::ProofKeyMismatch`], [`Fault::CertificateMissing`] and
    /// [`Fault::CertificateMismatch`].
    pub fn of(&self, party: Party) -> Result<Actor, Refused> {
        if let Some(bound) = &party.bound {
            self.check(bound)?;
        }
        Ok(Actor(party))
    }

    fn check(&self, bound: &Bound) -> Result<(), Refused> {
        check_key(bound, self.proof.as_ref().map(|it| &it.thumbprint))?;
        bound.check_certificate(self.certificate).map_err(Refused::from)
    }
}

/// Whether the key of the request's proof is the one that a token is bound to.
fn check_key(bound: &Bound, shown: Option<&[u8; 32]>) -> Result<(), Refused> {
    match (&bound.key, shown) {
        (None, _) => Ok(()),
        (Some(key), Some(shown)) if key.thumbprint == *shown => Ok(()),
        (Some(_), Some(_)) => Err(Fault::ProofKeyMismatch.into()),
        (Some(_), None) => {
            let sentence = "It is bound to a key, and the request shows no proof of that key.";
            Err(Refused::told(Fault::ProofMissing, "", sentence.to_owned()))
        }
    }
}

impl Asserted {
    /// As if its holder had asked.
    #[cfg(test)]
    pub(crate) fn made_up(party: Party) -> Self {
        Self(party)
    }

    /// Whether it is worth nothing to whoever does not hold a key or certificate.
    pub fn is_bound(&self) -> bool {
        self.0.bound.is_some()
    }
}

impl Deref for Asserted {
    type Target = Party;

    fn deref(&self) -> &Party {
        &self.0
    }
}

impl Actor {
    /// As if it had shown what its token is bound to.
    #[cfg(test)]
    pub(crate) fn made_up(party: Party) -> Self {
        Self(party)
    }
}

impl Deref for Actor {
    type Target = Party;

    fn deref(&self) -> &Party {
        &self.0
    }
}

impl Confirmation {
    /// An assertion with what was shown for it, and what a token that comes of it is bound to: to whatever
    /// the assertion is, whatever the settings say (draft-ietf-oauth-identity-assertion-authz-grant, on
    /// proof of possession).
    ///
    /// # Errors
    /// As [`Possession::of`].
    pub fn of_assertion(self, party: Party) -> Result<(Asserted, Self), Refused> {
        let mut confirmation = self;
        if let Some(bound) = &party.bound {
            check_key(bound, self.key.as_ref())?;
            bound.check_certificate(self.shown)?;
            confirmation.certificate = self.certificate.or(bound.certificate);
        }
        Ok((Asserted(party), confirmation))
    }

    /// The SHA-256 thumbprint of the key (RFC 7638) that the token's proofs have to be made with.
    pub fn key(&self) -> Option<String> {
        self.key.map(|it| URL_SAFE_NO_PAD.encode(it))
    }

    /// The SHA-256 of the certificate (RFC 8705 §3.1) whose connections the token is good over.
    pub fn certificate(&self) -> Option<String> {
        self.certificate.map(|it| URL_SAFE_NO_PAD.encode(it.0))
    }

    /// The claim `cnf` (RFC 7800 §3.1), as calls read it.
    pub(crate) fn claim(&self) -> Option<Value> {
        let members = [("jkt", self.key()), ("x5t#S256", self.certificate())];
        let members =
            members.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?.into())));
        let members: Map<String, Value> = members.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// As if nothing had been shown.
    #[cfg(test)]
    pub(crate) fn nothing() -> Self {
        Self { key: None, certificate: None, shown: None }
    }
}

impl fmt::Debug for Possession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Possession")
            .field("proof", &self.proof.is_some())
            .field("certificate", &self.certificate)
            .finish()
    }
}
