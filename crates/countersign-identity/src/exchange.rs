//! Who may act for whom: the rules by which two proved tokens, a user's and an agent's, become one
//! short-lived token of this installation (RFC 8693), and by which an identity provider's assertion
//! about a user becomes one for the client that shows it (ID-JAG).
//!
//! The result never says more than either token: names as they were proved, scopes and lifetime the
//! lesser of both, the chain of actors longer by one. Functions of values: no I/O, no clock.

mod config;
mod fault;
mod party;
mod possession;
mod saml;

pub use config::{ExchangeConfig, IdJag, IdTokensConfig};
pub use fault::ExchangeFault;
pub(crate) use party::{ASSERTION_TYPE, Origin};
pub use party::{Party, ShownAs};
pub use possession::{Actor, Asserted, Confirmation, Possession};

use countersign_model::{Caller, CallerKind, Issued, Snapshot, Span, Subject, Timestamp};
use std::{collections::BTreeSet, sync::Arc};

/// What the one who asks wants beside a token.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Only these scopes; without it, all that both tokens have.
    pub scopes: Option<BTreeSet<Arc<str>>>,
    /// The client that asks, as it says itself (RFC 6749 §2.3).
    pub client: Option<String>,
}

/// Under which policy, when, and for how long at most a token is made.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who is registered as an agent, who is suspended.
    pub snapshot: &'a Snapshot,
    /// The moment, by the clock that tokens are judged by.
    pub now: Timestamp,
    /// How long a token lives at most.
    pub lifetime: Span,
}

/// What an own token is to say. Made by [`exchange`] and [`assert_identity`], and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    caller: Caller,
    may_act: Option<Subject>,
}

impl Exchanged {
    /// The subject with its chain of actors, as the gateway will see it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// From when the token is refused.
    pub fn expires_at(&self) -> Timestamp {
        self.caller.expires_at
    }

    /// As if it had been judged.
    #[cfg(test)]
    pub(crate) fn made_up(caller: Caller) -> Self {
        Self { caller, may_act: None }
    }

    pub(crate) fn may_act(&self) -> Option<&Subject> {
        self.may_act.as_ref()
    }
}

/// Whether the bearer of `actor` may act for the bearer of `subject`, and with which rights
/// (RFC 8693 §2).
///
/// # Errors
/// The first rule that is broken.
pub fn exchange(
    subject: &Party,
    actor: &Actor,
    wishes: &Wishes,
    terms: Terms<'_>,
) -> Result<Exchanged, ExchangeFault> {
    judge_actor(actor, wishes, terms)?;
    subject.refuse_bound()?;
    judge_subject(subject, terms)?;
    if let Some(named) = &subject.may_act
        && named.subject != actor.caller.subject
    {
        return Err(ExchangeFault::NotAllowedToAct);
    }
    let mut actors = subject.caller.actors.clone();
    if subject.caller.chain().any(|it| *it == actor.caller.subject) {
        return Err(ExchangeFault::ActorChainCycle);
    }
    actors.insert(0, actor.caller.subject.clone());
    finish(subject, actor, actors, wishes, terms)
}

/// Whether `client` gets a token for the user whom the identity provider's `assertion` names
/// (draft-ietf-oauth-identity-assertion-authz-grant §4.4). The assertion's own rules, and that it is
/// used once, are judged elsewhere.
///
/// # Errors
/// The first rule that is broken.
pub fn assert_identity(
    assertion: &Asserted,
    client: &Actor,
    wishes: &Wishes,
    terms: Terms<'_>,
) -> Result<Exchanged, ExchangeFault> {
    judge_actor(client, wishes, terms)?;
    judge_subject(assertion, terms)?;
    // Client identifiers are an issuer's own: the same text of two issuers means two clients. Whoever
    // is registered here is called as it is here.
    let same_register = match client.origin {
        Origin::Registered => true,
        Origin::Configured | Origin::Own => assertion.caller.issuer == client.caller.issuer,
    };
    let (named, proved) = (&assertion.caller.client, &client.caller.client);
    if named.is_none() || named != proved || !same_register {
        return Err(ExchangeFault::ClientMismatch);
    }
    let mut actors = assertion.caller.actors.clone();
    let own = &client.caller.subject;
    // The provider may have named the client itself as the one who acts.
    if actors.first() != Some(own) {
        if assertion.caller.chain().any(|it| it == own) {
            return Err(ExchangeFault::ActorChainCycle);
        }
        actors.insert(0, own.clone());
    }
    finish(assertion, client, actors, wishes, terms)
}

/// An actor proves itself with its own token, straight from its issuer, and is a registered agent
/// whose sponsor is in good standing, or a service.
fn judge_actor(actor: &Actor, wishes: &Wishes, terms: Terms<'_>) -> Result<(), ExchangeFault> {
    match actor.origin {
        Origin::Own => return Err(ExchangeFault::ActorTokenIsExchanged),
        Origin::Configured | Origin::Registered => {}
    }
    let caller = &actor.caller;
    if !caller.actors.is_empty() {
        return Err(ExchangeFault::ActorTokenIsExchanged);
    }
    let registered = terms.snapshot.agents().contains_key(&caller.subject);
    match (registered, caller.kind) {
        (true, _) | (false, CallerKind::Service) => {}
        (false, CallerKind::Agent) => return Err(ExchangeFault::ActorNotRegistered),
        (false, CallerKind::Person) => return Err(ExchangeFault::ActorIsAPerson),
    }
    refuse_suspended(&caller.subject, terms.snapshot, ExchangeFault::ActorSuspended)?;
    match &wishes.client {
        Some(named) if Some(named.as_str()) != caller.client.as_deref() => {
            Err(ExchangeFault::ClientMismatch)
        }
        Some(_) | None => Ok(()),
    }
}

/// The one for whom is a person, with nobody suspended on the way to them.
fn judge_subject(subject: &Party, terms: Terms<'_>) -> Result<(), ExchangeFault> {
    let caller = &subject.caller;
    let registered = terms.snapshot.agents().contains_key(&caller.subject);
    match (registered, caller.kind) {
        (false, CallerKind::Person) => {}
        (true, _) | (false, CallerKind::Agent | CallerKind::Service) => {
            return Err(ExchangeFault::SubjectIsNoPerson);
        }
    }
    refuse_suspended(&caller.subject, terms.snapshot, ExchangeFault::SubjectSuspended)?;
    for earlier in &caller.actors {
        refuse_suspended(earlier, terms.snapshot, ExchangeFault::ActorSuspended)?;
    }
    Ok(())
}

fn refuse_suspended(
    subject: &Subject,
    snapshot: &Snapshot,
    fault: ExchangeFault,
) -> Result<(), ExchangeFault> {
    if snapshot.suspension(subject).is_some() {
        return Err(fault);
    }
    match snapshot.sponsor_suspension(subject) {
        Some(_) => Err(ExchangeFault::SponsorSuspended),
        None => Ok(()),
    }
}

/// Nothing of the result is more than either token gives.
fn finish(
    subject: &Party,
    actor: &Actor,
    actors: Vec<Subject>,
    wishes: &Wishes,
    terms: Terms<'_>,
) -> Result<Exchanged, ExchangeFault> {
    if actors.len() > ACTORS_MAX {
        return Err(ExchangeFault::ActorChainTooLong);
    }
    let both: BTreeSet<Arc<str>> =
        subject.caller.scopes.intersection(&actor.caller.scopes).cloned().collect();
    let scopes = match &wishes.scopes {
        None => both,
        Some(wanted) if wanted.is_subset(&both) => wanted.clone(),
        Some(_) => return Err(ExchangeFault::ScopeExceeded),
    };
    let expires_at =
        terms.now.plus(terms.lifetime).min(subject.caller.expires_at).min(actor.caller.expires_at);
    // What is accepted a little after its end, for clocks that differ, gives nothing new.
    if expires_at.seconds() <= terms.now.seconds() {
        return Err(ExchangeFault::EndsNow);
    }
    let client = actor.caller.client.clone().or_else(|| Some(actor.caller.subject.as_str().into()));
    Ok(Exchanged {
        caller: Caller {
            actors,
            client,
            issuer: crate::own::OWN_ISSUER.into(),
            scopes,
            expires_at,
            issued: source(&subject.caller, &actor.caller),
            ..(*subject.caller).clone()
        },
        may_act: subject.may_act.as_ref().map(|it| it.subject.clone()),
    })
}

/// Where the subject was proved first. It is as old as the older of both tokens, so that a cut-off
/// of either ends what came of it.
fn source(subject: &Caller, actor: &Caller) -> Issued {
    let issuer = subject.issued.issuer.as_ref().unwrap_or(&subject.issuer);
    Issued {
        issuer: Some(Arc::clone(issuer)),
        at: subject.issued.at.zip(actor.issued.at).map(|(one, other)| one.min(other)),
        // What an agent does with it is nobody's signature.
        authenticated_at: None,
        ..subject.issued.clone()
    }
}

/// As many as a token's chain may have when it is read.
const ACTORS_MAX: usize = 5;

#[cfg(test)]
mod tests;
