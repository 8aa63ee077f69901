//! Signs a person in at the console: OpenID Connect, code flow with PKCE (S256), state, nonce and
//! the issuer's name in the answer (RFC 9207).
//!
//! It never keeps a session or a cookie: what is to be kept goes out as [`Pending`] and comes back,
//! and what was proved goes out as [`SignedIn`].

use crate::{
    Callback, CallbackFault, Fault, Hidden, Http, Pending, Refused, SecretFault, SignInConfig,
    TokenRefused, TokenSet, Verifier,
    claims::{self, Times, at_path},
    discovery::{Discovery, DiscoveryFailed},
    explain::Trace,
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
use countersign_model::{Caller, CallerKind, Clock, Entropy, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
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
    /// The ID token, as a hint for [`SignIn::end_session_url`].
    pub id_token: Hidden,
    /// When the ID token ends. The console's session may outlive it.
    pub expires_at: Timestamp,
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
        let discovery = self.issuer.discovery().await?;
        let pending =
            Pending::new(&self.issuer.config.name, redirect_uri, self.clock.now(), entropy);
        let endpoint = discovery.authorization_endpoint()?;
        let url = pending
            .authorize_url(endpoint, &self.config.client_id, &self.config.scopes, None)
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
        let (mut claims, expires_at) = self.verify_id_token(&id_token, &tokens, &pending).await?;
        self.complete(&mut claims, &discovery, &tokens).await?;
        let trace = &mut Trace::off();
        let made = self.issuer.caller(&claims, expires_at, TokenUse::SignIn, trace).await?;
        let (caller, _) = made;
        match caller.kind {
            CallerKind::Person => {}
            CallerKind::Agent | CallerKind::Service => return Err(SigninRefused::NotAPerson),
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(SignedIn {
            caller,
            issuer_subject: text("sub").unwrap_or_default(),
            issuer_session: text("sid"),
            id_token,
            expires_at,
        })
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
    ) -> Result<Option<String>, SigninRefused> {
        let discovery = self.issuer.discovery().await?;
        let Some(endpoint) = discovery.end_session_endpoint.as_deref() else { return Ok(None) };
        let Ok(mut url) = url::Url::parse(endpoint) else { return Ok(None) };
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token.reveal())
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        Ok(Some(url.into()))
    }

    /// The rules of OpenID Connect Core §3.1.3.7, and that the type is not another token's.
    async fn verify_id_token(
        &self,
        id_token: &Hidden,
        tokens: &TokenSet,
        pending: &Pending,
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
        self.issuer.prove(&token).await?;
        let nonce = token.claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if !pending.has_nonce(nonce) {
            return Err(SigninRefused::NonceMismatch);
        }
        if let Some(expected) = token.claims.get("at_hash") {
            let found = access_token_hash(token.algorithm.digest(), &tokens.access_token);
            let expected = expected.as_str().unwrap_or_default().as_bytes();
            constant_time::verify_slices_are_equal(expected, found.as_bytes())
                .map_err(|_| SigninRefused::AccessTokenMismatch)?;
        }
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

    /// Fetches the user info if groups or the address are not in the ID token, and takes from it
    /// what the ID token does not say.
    async fn complete(
        &self,
        claims: &mut Map<String, Value>,
        discovery: &Discovery,
        tokens: &TokenSet,
    ) -> Result<(), SigninRefused> {
        let mapped = &self.issuer.config.claims;
        let wanted = [&mapped.groups, &mapped.email];
        let missing = wanted.iter().any(|it| at_path(claims, it).is_none());
        let Some(url) = discovery.userinfo_endpoint.as_deref().filter(|_| missing) else {
            return Ok(());
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
        for (name, value) in told {
            if !PROTOCOL_CLAIMS.contains(&name.as_str()) && !claims.contains_key(&name) {
                claims.insert(name, value);
            }
        }
        Ok(())
    }

    fn client(&self) -> Client<'_> {
        Client {
            id: &self.config.client_id,
            secret: self.secret.as_ref(),
            http: &self.http,
            clock: &self.clock,
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
const USERINFO_LIMITS: Limits =
    Limits { bytes_max: 256 * 1024, time: std::time::Duration::from_secs(10) };
