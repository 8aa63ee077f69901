//! Signs a person in at the console: OpenID Connect, code flow with PKCE (S256), state, nonce and
//! the issuer's name in the answer (RFC 9207).
//!
//! It never keeps a session or a cookie: what is to be kept goes out as [`Pending`] and comes back,
//! and what was proved goes out as [`SignedIn`].

mod logout;
mod notes;
mod renew;

pub use logout::{Logout, LogoutRefused};
pub use renew::{Kept, RenewalFailed, Renewed};

use crate::{
    Callback, CallbackFault, Fault, Hidden, Http, Pending, Refused, Round, SecretFault,
    SignInConfig, SignInNotes, TokenRefused, TokenSet, Verifier,
    claims::{self, Times, at_path},
    discovery::{Discovery, DiscoveryFailed},
    explain::Trace,
    forged::Sender,
    http::{HttpFailed, Limits},
    issuer::Issuer,
    jws,
    pkce::NamesIssuer,
    rules::TokenUse,
    strict_json,
    token_endpoint::Client,
};
use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::{Caller, CallerKind, Clock, Entropy, Span, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use notes::note_user_info;
use serde_json::{Map, Value};
use std::{fmt, sync::Arc};

/// The console as a relying party of one issuer.
#[derive(Clone)]
pub struct SignIn {
    issuer: Arc<Issuer>,
    config: SignInConfig,
    secret: Option<Hidden>,
    http: Http,
    clock: Clock,
}

/// A person who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person. [`CallerKind::Person`], always.
    pub caller: Caller,
    /// The issuer's own `sub`, before any mapping.
    pub issuer_subject: String,
    /// The session at the issuer (`sid`), for its logout messages.
    pub issuer_session: Option<String>,
    /// What renews the session, and ends it at the issuer.
    pub kept: Kept,
    /// What was read of the ID token and the user info, and by which rules.
    pub notes: SignInNotes,
    /// When the ID token ends. The console's session may outlive it.
    pub expires_at: Timestamp,
    /// When they proved themself at the issuer (`auth_time`); of a round in which it was to ask anew and
    /// said no time, now.
    pub proved_at: Option<Timestamp>,
}

/// A sign-in that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SigninRefused {
    /// The issuer is not configured for signing in.
    #[error("issuer {0} is not configured for signing in")]
    NotConfigured(String),
    /// The client secret cannot be had.
    #[error("the client secret cannot be read")]
    Secret(#[from] SecretFault),
    /// The issuer's doors are not known.
    #[error("the identity provider's configuration could not be read")]
    Discovery(#[from] DiscoveryFailed),
    /// What the browser brought back is not acceptable.
    #[error(transparent)]
    Callback(#[from] CallbackFault),
    /// The code was not exchanged.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// There is no ID token.
    #[error("the identity provider sent no ID token")]
    NoIdToken,
    /// The ID token is not acceptable.
    #[error("the ID token was refused: {0}")]
    IdToken(#[from] Refused),
    /// The ID token is of another sign-in.
    #[error("the ID token belongs to another sign-in")]
    NonceMismatch,
    /// The access token is not the one that the ID token came with.
    #[error("the access token does not belong to the ID token")]
    AccessTokenMismatch,
    /// The user info could not be read.
    #[error("the user info could not be read")]
    Userinfo(#[source] HttpFailed),
    /// The user info is of someone else, or malformed.
    #[error("the user info does not belong to the ID token")]
    UserinfoMismatch,
    /// The issuer was asked when the person proved themself, and did not say.
    #[error("the identity provider did not say when you proved who you are")]
    AuthTimeMissing,
    /// The person proved themself too long ago.
    #[error("it is too long ago that you proved who you are")]
    AuthTooOld,
    /// The person proved themself in another way than those that suffice.
    #[error("the identity provider did not ask for a proof that suffices here")]
    AcrNotAccepted,
    /// The identity is an agent's or a service's.
    #[error("only a person can sign in")]
    NotAPerson,
}

impl SigninRefused {
    /// A stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => "sign_in_not_configured",
            Self::Secret(_) => "client_secret_unavailable",
            Self::Discovery(DiscoveryFailed::NoPkce) => "pkce_not_offered",
            Self::Discovery(_) => "issuer_unreachable",
            Self::Callback(CallbackFault::Malformed) => "callback_malformed",
            Self::Callback(CallbackFault::TooLate) => "sign_in_expired",
            Self::Callback(CallbackFault::StateMismatch) => "state_mismatch",
            Self::Callback(CallbackFault::IssuerMismatch) => "issuer_mismatch",
            Self::Callback(CallbackFault::Denied { .. }) => "denied_by_issuer",
            Self::Callback(CallbackFault::NoCode) => "code_missing",
            Self::Token(_) => "code_not_exchanged",
            Self::NoIdToken => "id_token_missing",
            Self::IdToken(refused) => refused.code(),
            Self::NonceMismatch => "nonce_mismatch",
            Self::AccessTokenMismatch => "access_token_mismatch",
            Self::Userinfo(_) => "userinfo_unreachable",
            Self::UserinfoMismatch => "userinfo_mismatch",
            Self::AuthTimeMissing => "auth_time_missing",
            Self::AuthTooOld => "auth_too_old",
            Self::AcrNotAccepted => "acr_not_accepted",
            Self::NotAPerson => "not_a_person",
        }
    }
}

impl SignIn {
    /// The relying party for one of the verifier's issuers; `environment` answers the value of a
    /// variable, for the client secret.
    ///
    /// # Errors
    /// [`SigninRefused::NotConfigured`] without a `sign_in` section, [`SigninRefused::Secret`] if the
    /// client secret cannot be read.
    pub fn new(
        verifier: &Verifier,
        issuer: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SigninRefused> {
        let not_configured = || SigninRefused::NotConfigured(issuer.to_owned());
        let known = verifier.issuer(issuer).ok_or_else(not_configured)?;
        let config = known.config.sign_in.clone().ok_or_else(not_configured)?;
        let secret = config.client_secret.as_ref().map(|it| it.resolve(environment)).transpose()?;
        Ok(Self {
            issuer: Arc::clone(known),
            config,
            secret,
            http: verifier.http().clone(),
            clock: verifier.clock().clone(),
        })
    }

    /// The URL to send the browser to, and what has to be kept until it comes back.
    ///
    /// # Errors
    /// [`SigninRefused::Discovery`] if the issuer cannot be reached.
    pub async fn begin(
        &self,
        redirect_uri: &str,
        entropy: &Entropy,
    ) -> Result<(String, Pending), SigninRefused> {
        self.begin_round(redirect_uri, Round::Ordinary, entropy).await
    }

    /// [`Self::begin`] for a kind of round. In [`Round::Anew`] the issuer is asked to ask the person, by
    /// `prompt` and `max_age` (OpenID Connect Core §3.1.2.1), and what it proved before does not do.
    ///
    /// # Errors
    /// [`SigninRefused::Discovery`] if the issuer cannot be reached.
    pub async fn begin_round(
        &self,
        redirect_uri: &str,
        round: Round,
        entropy: &Entropy,
    ) -> Result<(String, Pending), SigninRefused> {
        let discovery = self.issuer.discovery().await?;
        let pending =
            Pending::new(&self.issuer.config.name, redirect_uri, self.clock.now(), entropy)
                .of(round);
        let endpoint = discovery.authorization_endpoint()?;
        let max_age = match round {
            Round::Ordinary => self.config.max_age.map(|it| (it.millis() / 1000).to_string()),
            Round::Anew => Some("0".to_owned()),
        };
        let acr = self.config.acr_values.join(" ");
        let mut more: Vec<(&str, &str)> = Vec::new();
        more.extend(max_age.iter().map(|it| ("max_age", it.as_str())));
        more.extend(Some(("acr_values", acr.as_str())).filter(|(_, it)| !it.is_empty()));
        let url = pending
            .authorize_url(endpoint, &self.config.client_id, &self.config.scopes, &more)
            .map_err(|_| DiscoveryFailed::NotNamed("usable authorization_endpoint"))?;
        Ok((url, pending))
    }

    /// Ends the sign-in that `pending` began, with what the browser brought back.
    ///
    /// # Errors
    /// [`SigninRefused`], with the one reason; nothing of the sign-in may be used then.
    pub async fn finish(
        &self,
        pending: Pending,
        callback: &Callback,
    ) -> Result<SignedIn, SigninRefused> {
        if pending.issuer() != self.issuer.config.name {
            return Err(CallbackFault::IssuerMismatch.into());
        }
        let discovery = self.issuer.discovery().await?;
        let supported = discovery.authorization_response_iss_parameter_supported;
        let names_issuer = NamesIssuer::from_metadata(supported);
        let now = self.clock.now();
        let code = pending.accept(callback, &self.issuer.config.url, names_issuer, now)?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", pending.redirect_uri()),
            ("code_verifier", pending.verifier()),
        ];
        let tokens = self.client().ask_for_tokens(&discovery, &fields).await?;
        let id_token = tokens.id_token.clone().ok_or(SigninRefused::NoIdToken)?;
        let mut trace = Trace::on();
        let verified = self.verify_id_token(&id_token, &tokens, &pending, &mut trace).await;
        let (mut claims, expires_at) = verified?;
        let authenticated_at =
            auth_time(&claims).map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
        let skew = Span::from_seconds(self.issuer.skew_seconds());
        let proved_at = pending.proved_at(authenticated_at, now, skew);
        let proved_at = proved_at.map_err(|_| SigninRefused::AuthTooOld)?;
        self.complete(&mut claims, &discovery, &tokens, Ask::IfMissing, &mut trace).await?;
        let caller = self.person(&claims, expires_at, &mut trace).await?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let issuer_subject = text("sub").unwrap_or_default();
        let kept = Kept {
            id_token,
            refresh_token: tokens.refresh_token,
            nonce: pending.nonce(),
            subject: issuer_subject.clone(),
            auth_time: auth_time(&claims),
        };
        let issuer_session = text("sid");
        let notes = SignInNotes::of(trace);
        Ok(SignedIn { caller, issuer_subject, issuer_session, kept, notes, expires_at, proved_at })
    }

    /// The person that proved claims speak of, if they satisfy the issuer's rules.
    async fn person(
        &self,
        claims: &Map<String, Value>,
        expires_at: Timestamp,
        trace: &mut Trace,
    ) -> Result<Caller, SigninRefused> {
        let made = self.issuer.caller(claims, expires_at, TokenUse::SignIn, trace).await?;
        let (caller, _) = made;
        match caller.kind {
            CallerKind::Person => Ok(caller),
            CallerKind::Agent | CallerKind::Service => Err(SigninRefused::NotAPerson),
        }
    }

    /// How often what the issuer said of a person is renewed.
    pub fn refresh_every(&self) -> Span {
        self.config.refresh_every
    }

    /// How long what the issuer said of a person may be used without being renewed.
    pub fn identity_max_age(&self) -> Span {
        self.config.identity_max_age
    }

    /// Where to send the browser to sign out at the issuer too (OpenID Connect RP-Initiated
    /// Logout §2); `None` if the issuer has no such place.
    ///
    /// # Errors
    /// [`SigninRefused::Discovery`] if the issuer cannot be reached.
    pub async fn end_session_url(
        &self,
        id_token: &Hidden,
        return_to: &str,
        state: &str,
    ) -> Result<Option<String>, SigninRefused> {
        let discovery = self.issuer.discovery().await?;
        let Some(endpoint) = discovery.end_session_endpoint.as_deref() else { return Ok(None) };
        let Ok(mut url) = url::Url::parse(endpoint) else { return Ok(None) };
        if !matches!(url.scheme(), "https" | "http") {
            return Ok(None);
        }
        let mut query = url.query_pairs_mut();
        // Servers take no longer addresses: then the issuer asks the person whom it should sign out.
        if id_token.reveal().len() <= HINT_BYTES_MAX {
            query.append_pair("id_token_hint", id_token.reveal());
        }
        query
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", return_to)
            .append_pair("state", state);
        drop(query);
        Ok(Some(url.into()))
    }

    /// The rules of OpenID Connect Core §3.1.3.7 for an ID token that ends this sign-in.
    async fn verify_id_token(
        &self,
        id_token: &Hidden,
        tokens: &TokenSet,
        pending: &Pending,
        trace: &mut Trace,
    ) -> Result<(Map<String, Value>, Timestamp), SigninRefused> {
        let (claims, expires_at) = self.prove_id_token(id_token, tokens, trace).await?;
        let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if !pending.has_nonce(nonce) {
            return Err(SigninRefused::NonceMismatch);
        }
        self.check_authentication(&claims)?;
        self.note_authentication(trace, &claims);
        Ok((claims, expires_at))
    }

    /// Whether the person proved themself lately enough and well enough, where that is asked for.
    fn check_authentication(&self, claims: &Map<String, Value>) -> Result<(), SigninRefused> {
        if let Some(max_age) = self.config.max_age {
            let at = auth_time(claims).ok_or(SigninRefused::AuthTimeMissing)?;
            let age = self.clock.now().seconds().saturating_sub(at);
            let skew = self.issuer.skew_seconds();
            if !(-skew..=(max_age.millis() / 1000).saturating_add(skew)).contains(&age) {
                return Err(SigninRefused::AuthTooOld);
            }
        }
        let acr = claims.get("acr").and_then(Value::as_str);
        let wanted = &self.config.acr_values;
        if wanted.is_empty() || acr.is_some_and(|acr| wanted.iter().any(|it| it == acr)) {
            Ok(())
        } else {
            Err(SigninRefused::AcrNotAccepted)
        }
    }

    /// What holds for every ID token of this client, first or renewed, and that the type is not
    /// another token's.
    async fn prove_id_token(
        &self,
        id_token: &Hidden,
        tokens: &TokenSet,
        trace: &mut Trace,
    ) -> Result<(Map<String, Value>, Timestamp), SigninRefused> {
        let token = jws::parse(id_token.reveal())?;
        if claims::issuer(&token.claims)? != self.issuer.config.url {
            return Err(Refused::from(Fault::IssuerUnknown).into());
        }
        self.issuer.allows(token.algorithm)?;
        if !matches!(token.token_type.as_deref(), None | Some("jwt")) {
            return Err(Refused::from(Fault::TokenTypeNotAccepted).into());
        }
        self.check_client(&token.claims)?;
        let times = Times::read(&token.claims)?;
        if !token.claims.contains_key("iat") {
            return Err(Refused::new(Fault::ClaimInvalid, "no iat").into());
        }
        times
            .check(self.clock.now().seconds(), self.issuer.skew_seconds())
            .map_err(Refused::from)?;
        self.issuer.prove(&token, Sender::Issuer).await?;
        if let Some(expected) = token.claims.get("at_hash") {
            let found = access_token_hash(token.algorithm.digest(), &tokens.access_token);
            let expected = expected.as_str().unwrap_or_default().as_bytes();
            constant_time::verify_slices_are_equal(expected, found.as_bytes())
                .map_err(|_| SigninRefused::AccessTokenMismatch)?;
        }
        self.note_proof(trace, &token, times);
        let expires_at = Timestamp::from_millis(times.expires.saturating_mul(1000));
        Ok((token.claims, expires_at))
    }

    fn check_client(&self, claims: &Map<String, Value>) -> Result<(), Refused> {
        let client_id = &self.config.client_id;
        claims::check_audience(claims, std::slice::from_ref(client_id))?;
        let several = claims.get("aud").and_then(Value::as_array).is_some_and(|it| it.len() > 1);
        match claims.get("azp") {
            Some(party) if party == client_id.as_str() => Ok(()),
            None if !several => Ok(()),
            _ => Err(Refused::new(Fault::AudienceMismatch, "azp is not this client")),
        }
    }

    /// Fetches the user info, and takes from it what the ID token does not say.
    async fn complete(
        &self,
        claims: &mut Map<String, Value>,
        discovery: &Discovery,
        tokens: &TokenSet,
        ask: Ask,
        trace: &mut Trace,
    ) -> Result<(), SigninRefused> {
        let mapped = &self.issuer.config.claims;
        let wanted = [&mapped.groups, &mapped.email];
        let missing = wanted.iter().any(|it| at_path(claims, it).is_none());
        let url = match (ask, discovery.userinfo_endpoint.as_deref()) {
            (Ask::IfMissing, _) if !missing => return Ok(()),
            (Ask::IfMissing, None) => return Ok(()),
            (Ask::Always, None) => return Err(SigninRefused::NoIdToken),
            (Ask::IfMissing | Ask::Always, Some(url)) => url,
        };
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", tokens.access_token.reveal());
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| SigninRefused::Userinfo(HttpFailed::BadRequest))?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        let answer = self.http.get(url, headers, USERINFO_LIMITS).await;
        let answer = answer.map_err(SigninRefused::Userinfo)?;
        if answer.status != StatusCode::OK {
            return Err(SigninRefused::Userinfo(HttpFailed::NotJson));
        }
        let told = strict_json::object(&answer.body)
            .map_err(|_| SigninRefused::Userinfo(HttpFailed::NotJson))?;
        // OpenID Connect Core §5.3.2: anything else could be somebody else's.
        if told.get("sub").is_none() || told.get("sub") != claims.get("sub") {
            return Err(SigninRefused::UserinfoMismatch);
        }
        let mut taken = Vec::new();
        for (name, value) in told {
            if !PROTOCOL_CLAIMS.contains(&name.as_str()) && !claims.contains_key(&name) {
                taken.push(name.clone());
                claims.insert(name, value);
            }
        }
        trace.claims(claims);
        note_user_info(trace, &taken);
        Ok(())
    }

    fn client(&self) -> Client<'_> {
        Client {
            id: &self.config.client_id,
            secret: self.secret.as_ref(),
            http: &self.http,
            clock: &self.clock,
            prover: None,
        }
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("issuer", &self.issuer.config.name)
            .field("client_id", &self.config.client_id)
            .finish_non_exhaustive()
    }
}

/// When the user info is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// If groups or the address are not known yet.
    IfMissing,
    /// There is nothing else that says who it is.
    Always,
}

/// When the person proved themself, in seconds, if the issuer says it as it should.
fn auth_time(claims: &Map<String, Value>) -> Option<i64> {
    claims.get("auth_time").and_then(Value::as_i64)
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash.
fn access_token_hash(algorithm: &'static digest::Algorithm, access_token: &Hidden) -> String {
    let hash = digest::digest(algorithm, access_token.reveal().as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// What only a signed token can say.
const PROTOCOL_CLAIMS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "azp",
    "client_id",
    "act",
    "scope",
    "sid",
];
/// Longer ID tokens do not go into an address.
const HINT_BYTES_MAX: usize = 4 * 1024;
const USERINFO_LIMITS: Limits =
    Limits { bytes_max: 256 * 1024, time: std::time::Duration::from_secs(10) };
