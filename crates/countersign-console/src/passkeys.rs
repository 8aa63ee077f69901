//! What a person does with their passkeys in a browser: registering one, and signing one exact thing.
//!
//! Both are begun by the page's script and ended by a form. In between the browser holds what was asked,
//! sealed for its session and for what is signed; it is good once, for five minutes. Whoever wants
//! something signed calls [`finish_signing`] with the digest that they worked out themselves, never one
//! that the browser sent.

use crate::{
    asker::{Asker, Credential},
    console::Console,
    problem::Problem,
    sealed::{self, What},
    web_session,
};
use countersign_governance::{NewPasskeyFacts, PasskeyRow};
use countersign_identity::{
    NewPasskey, PasskeyAlgorithm, PasskeyAnswer, PasskeyFault, RelyingParty, Use, verify_passkey,
};
use countersign_model::{
    CallerKind, Digest, Span, Timestamp,
    json::{self, Limits},
    passkey::{PasskeyBytes, SignedKind, SignedWithPasskey, signing_challenge},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// One exact thing that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedThing {
    /// Of which kind it is.
    pub(crate) kind: SignedKind,
    /// Its digest.
    pub(crate) digest: Digest,
}

/// What a passkey was asked, as the browser brings it back.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    kind: SignedKind,
    digest: Digest,
    /// 32 random bytes; a digest of nothing.
    nonce: Digest,
    at: Timestamp,
}

/// What the script leaves in the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Brought<T> {
    state: String,
    answer: T,
}

/// Begins a registration: what to give to `navigator.credentials.create`.
pub(crate) async fn begin_registration(
    console: &Console,
    asker: &Asker,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let party = RelyingParty::of(&console.parts.public_url)?;
    let session = lately_signed_in(console, asker, headers)?;
    let governance = console.governance();
    let user = governance.passkey_user(&asker.actor).await?;
    let known = governance.passkeys(&asker.actor).await?;
    let thing = SignedThing { kind: SignedKind::Registration, digest: user };
    let (state, challenge) = begin(console, &session, thing)?;
    let algorithms = PasskeyAlgorithm::ALL.map(|it| json!({"type": KIND, "alg": it.number()}));
    Ok(json!({
        "state": state,
        "public_key": {
            "rp": {"id": party.id(), "name": "Countersign"},
            "user": {
                "id": PasskeyBytes(user.0.to_vec()),
                "name": asker.actor.subject(),
                "displayName": asker.actor.name,
            },
            "challenge": challenge,
            "pubKeyCredParams": algorithms,
            "timeout": LIFE.millis(),
            "excludeCredentials": credentials(&known),
            // Who it is, is known: a place on the authenticator is not needed.
            "authenticatorSelection": {
                "residentKey": "discouraged", "userVerification": "required",
            },
            "attestation": "none",
        },
    }))
}

/// Ends a registration with what the script left in the form.
pub(crate) async fn finish_registration(
    console: &Console,
    asker: &Asker,
    headers: &HeaderMap,
    name: &str,
    brought: &str,
) -> Result<PasskeyRow, Problem> {
    let party = RelyingParty::of(&console.parts.public_url)?;
    let session = lately_signed_in(console, asker, headers)?;
    let governance = console.governance();
    let user = governance.passkey_user(&asker.actor).await?;
    let Brought { state, answer } = read::<NewPasskey>(brought)?;
    let thing = SignedThing { kind: SignedKind::Registration, digest: user };
    let nonce = finish(console, &session, thing, &state).await?;
    let challenge = signing_challenge(thing.kind, &thing.digest, &nonce.0);
    let new = answer.register(&party, &challenge)?;
    let facts = NewPasskeyFacts {
        credential: new.id.text(),
        name: name.to_owned(),
        public_key: new.public_key.text(),
        public_key_digest: Digest::of(&new.public_key.0),
        algorithm: new.algorithm.to_owned(),
        party: party.id().to_owned(),
        counter: new.counter,
        can_back_up: new.can_back_up,
        transports: new.transports,
    };
    Ok(governance.add_passkey(&asker.actor, facts).await?)
}

/// Begins a signature: what to give to `navigator.credentials.get`.
pub(crate) async fn begin_signing(
    console: &Console,
    asker: &Asker,
    headers: &HeaderMap,
    thing: SignedThing,
) -> Result<Value, Problem> {
    let party = RelyingParty::of(&console.parts.public_url)?;
    let session = session(console, asker, headers)?;
    let known = console.governance().passkeys_in_force(&asker.actor).await?;
    if known.is_empty() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "passkey_missing",
            "You have no passkey here.",
            "Add one at /console/me/passkeys, or sign in anew instead.",
        ));
    }
    let (state, challenge) = begin(console, &session, thing)?;
    Ok(json!({
        "state": state,
        "public_key": {
            "challenge": challenge,
            "rpId": party.id(),
            "timeout": LIFE.millis(),
            "allowCredentials": credentials(&known),
            "userVerification": "required",
        },
    }))
}

/// Ends a signature of this thing with what the script left in the form. Whoever calls it hands it to
/// governance with what it signed, which judges it again and lets each counter go up once.
pub(crate) async fn finish_signing(
    console: &Console,
    asker: &Asker,
    headers: &HeaderMap,
    thing: SignedThing,
    brought: &str,
) -> Result<SignedWithPasskey, Problem> {
    let party = RelyingParty::of(&console.parts.public_url)?;
    let session = session(console, asker, headers)?;
    let governance = console.governance();
    let Brought { state, answer } = read::<PasskeyAnswer>(brought)?;
    let nonce = finish(console, &session, thing, &state).await?;
    let known = governance.passkeys_in_force(&asker.actor).await?;
    let credential = answer.id.text();
    let passkey = known.into_iter().find(|it| it.credential == credential);
    let passkey = passkey.ok_or(PasskeyFault::Unknown).map_err(refused)?;
    if let Some(user) = &answer.user_handle
        && user.0 != governance.passkey_user(&asker.actor).await?.0
    {
        return Err(refused(PasskeyFault::UserMismatch));
    }
    let key = PasskeyBytes::read(&passkey.public_key).ok_or_else(Problem::internal)?;
    let proof = answer.into_proof(key, nonce.0);
    verify_passkey(&proof, party.id(), party.origin(), thing.kind, &thing.digest)?;
    Ok(SignedWithPasskey { passkey: passkey.id, origin: party.origin().to_owned(), proof })
}

/// Whether the asker has a passkey that signs here, in this browser.
pub(crate) async fn can_sign(console: &Console, asker: &Asker) -> Result<bool, Problem> {
    let Ok(party) = RelyingParty::of(&console.parts.public_url) else { return Ok(false) };
    if asker.actor.person.kind != CallerKind::Person || asker.actor.is_auditor() {
        return Ok(false);
    }
    let known = console.governance().passkeys_in_force(&asker.actor).await?;
    Ok(known.iter().any(|it| it.party == party.id()))
}

/// Whether the asker signed in so lately that a passkey may be added.
pub(crate) fn is_fresh(console: &Console, asker: &Asker) -> bool {
    let now = console.now();
    asker.signed_in_at.is_some_and(|at| now.since(at).millis() <= SIGNED_IN_WITHIN.millis())
}

/// The session, if whose it is signed in so lately that a passkey may be added.
fn lately_signed_in(
    console: &Console,
    asker: &Asker,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let session = session(console, asker, headers)?;
    if is_fresh(console, asker) {
        return Ok(session);
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "sign_in_too_old",
        "A passkey is added within five minutes of signing in, and your sign-in is older.",
        "Sign in again, and come back here.",
    ))
}

/// The stored name of the browser's session, by which the asker proved who they are: passkeys are for
/// browsers, and a cookie beside a token is nobody's.
fn session(console: &Console, asker: &Asker, headers: &HeaderMap) -> Result<String, Problem> {
    let named = match asker.credential {
        Credential::Cookie { .. } => web_session::named(headers, console.scheme),
        Credential::Bearer => None,
    };
    named.ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "passkey_needs_browser",
            "A passkey is used by a signed-in browser, and by no program.",
            "Open the console, and do it there.",
        )
    })
}

fn begin(
    console: &Console,
    session: &str,
    thing: SignedThing,
) -> Result<(String, PasskeyBytes), Problem> {
    let nonce = Digest(console.governance().entropy().bytes::<32>());
    let SignedThing { kind, digest } = thing;
    let begun = Begun { kind, digest, nonce, at: console.now() };
    let state = sealed::seal(console, What::Passkey, session, &begun);
    let challenge = signing_challenge(kind, &digest, &nonce.0);
    Ok((state.ok_or_else(Problem::internal)?, PasskeyBytes(challenge.to_vec())))
}

/// The nonce of what was begun in this session for this thing, which is used up by that.
async fn finish(
    console: &Console,
    session: &str,
    thing: SignedThing,
    state: &str,
) -> Result<Digest, Problem> {
    let begun = sealed::open::<Begun>(console, What::Passkey, session, state);
    let begun = begun.ok_or(PasskeyFault::NotBegun).map_err(refused)?;
    if (begun.kind, begun.digest) != (thing.kind, thing.digest) {
        return Err(refused(PasskeyFault::NotBegun));
    }
    let ends = begun.at.plus(LIFE);
    if console.now() >= ends || console.now() < begun.at {
        return Err(refused(PasskeyFault::Expired));
    }
    let taken = console.parts.once.take("passkey-challenge", &begun.nonce.to_string(), ends).await;
    match taken {
        Ok(Use::First) => Ok(begun.nonce),
        Ok(Use::Again) => Err(refused(PasskeyFault::Replayed)),
        // Nobody knows, so it counts as used.
        Err(error) => {
            tracing::warn!(%error, "a passkey's challenge can't be used up");
            Err(Problem::unavailable("The store of facts can't be reached."))
        }
    }
}

/// What the script left in the form.
fn read<T: DeserializeOwned>(brought: &str) -> Result<Brought<T>, Problem> {
    if brought.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "passkey_needs_scripts",
            "A passkey needs scripts, which your browser does not run here.",
            "Allow scripts for this console, or use another browser.",
        ));
    }
    let value = json::parse(brought.as_bytes(), LIMITS).ok();
    let read = value.and_then(|it| serde_json::from_value(it).ok());
    read.ok_or_else(|| refused(PasskeyFault::AnswerMalformed))
}

fn refused(fault: PasskeyFault) -> Problem {
    countersign_identity::PasskeyRefused::from(fault).into()
}

fn credentials(known: &[PasskeyRow]) -> Vec<Value> {
    let one =
        |it: &PasskeyRow| json!({"type": KIND, "id": it.credential, "transports": it.transports});
    known.iter().map(one).collect()
}

const KIND: &str = "public-key";
/// From the question to its answer.
const LIFE: Span = Span::from_seconds(300);
/// From signing in to adding a passkey.
const SIGNED_IN_WITHIN: Span = Span::from_seconds(300);
const LIMITS: Limits = Limits { depth_max: 4, members_max: 64 };
