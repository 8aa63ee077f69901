//! Signs a person in at a terminal: with a device code (RFC 8628), or with a browser on the same
//! machine (RFC 8252, loopback redirect, code flow with PKCE). Tokens are opaque here: the gateway
//! is the one that verifies them.

mod device;

pub use device::DeviceCode;

use crate::{
    Callback, CallbackFault, Http, HttpFailed, Pending, Prover, Revoked, TokenRefused, TokenSet,
    discovery::{Discovery, DiscoveryFailed},
    pkce::NamesIssuer,
    token_endpoint::Client,
};
use countersign_model::{Clock, Entropy};
use device::{INTERVAL_SECONDS_MAX, is_web};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the command line knows about where to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CliSettings {
    /// The issuer's URL.
    pub issuer: String,
    /// The command line's client identifier: a public client.
    pub client_id: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The gateway's resource identifier (RFC 8707), if the issuer wants to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// The command line as a client of one issuer.
#[derive(Clone, Debug)]
pub struct CliLogin {
    settings: CliSettings,
    discovery: Discovery,
    http: Http,
    clock: Clock,
    prover: Option<Prover>,
}

/// What a poll found.
#[derive(Clone, Debug)]
pub enum DevicePoll {
    /// The person has not answered; poll again after so long.
    Waiting {
        /// Seconds to wait.
        seconds: u32,
    },
    /// The person agreed.
    Done(TokenSet),
}

/// A login that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginFailed {
    /// The issuer's doors are not known.
    #[error("the identity provider's configuration could not be read")]
    Discovery(#[from] DiscoveryFailed),
    /// The browser's answer is not acceptable.
    #[error(transparent)]
    Callback(#[from] CallbackFault),
    /// The issuer gave no tokens.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// The person said no.
    #[error("the sign-in was refused at the identity provider")]
    Denied,
    /// The code ended before anybody used it.
    #[error("the code expired before the sign-in was finished; start again")]
    Expired,
    /// There is nothing to refresh with, or it has ended.
    #[error("the login has ended; sign in again")]
    Ended,
}

impl CliLogin {
    /// Reads the issuer's discovery document.
    ///
    /// # Errors
    /// [`LoginFailed::Discovery`] if it cannot be had.
    pub async fn discover(
        settings: CliSettings,
        http: Http,
        clock: Clock,
    ) -> Result<Self, LoginFailed> {
        let discovery = Discovery::read(&http, &settings.issuer, None).await?;
        Ok(Self { settings, discovery, http, clock, prover: None })
    }

    /// The same, with a key that tokens are to be bound to (RFC 9449 §5). Whether the issuer binds them, the
    /// tokens' scheme says.
    #[must_use]
    pub fn proving(self, prover: Option<Prover>) -> Self {
        Self { prover, ..self }
    }

    /// Whether the issuer offers device codes at all.
    pub fn offers_device_codes(&self) -> bool {
        self.discovery.device_authorization_endpoint.is_some()
    }

    /// Begins a device authorization (RFC 8628 §3.1).
    ///
    /// # Errors
    /// [`LoginFailed`] if the issuer has no such endpoint or refuses.
    pub async fn device_start(&self) -> Result<DeviceCode, LoginFailed> {
        let url = self.discovery.device_authorization_endpoint()?;
        let scope = self.settings.scopes.join(" ");
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(self.resource());
        let now = self.clock.now();
        let document = self.client().post(url, &self.discovery, &fields).await?;
        let code = DeviceCode::read(&document, now);
        Ok(code.ok_or(TokenRefused::Malformed(http::StatusCode::OK))?)
    }

    /// Asks once whether the person has answered (RFC 8628 §3.4).
    ///
    /// # Errors
    /// [`LoginFailed::Denied`], [`LoginFailed::Expired`], or what else the issuer says.
    pub async fn device_poll(&self, code: &mut DeviceCode) -> Result<DevicePoll, LoginFailed> {
        if self.clock.now() >= code.expires_at {
            return Err(LoginFailed::Expired);
        }
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", code.secret()),
        ];
        fields.extend(self.resource());
        let slower = match self.client().ask_for_tokens(&self.discovery, &fields).await {
            Ok(tokens) => return Ok(DevicePoll::Done(tokens)),
            Err(TokenRefused::Refused { error, description }) => match error.as_str() {
                "authorization_pending" => 0,
                "slow_down" => 5,
                "access_denied" => return Err(LoginFailed::Denied),
                "expired_token" => return Err(LoginFailed::Expired),
                _ => return Err(TokenRefused::Refused { error, description }.into()),
            },
            // RFC 8628 §3.5: a poll that got no answer is tried again, more slowly.
            Err(TokenRefused::Http(HttpFailed::TimedOut { .. } | HttpFailed::Broken { .. })) => {
                code.interval_seconds
            }
            Err(other) => return Err(other.into()),
        };
        let seconds = code.interval_seconds.saturating_add(slower).min(INTERVAL_SECONDS_MAX);
        code.interval_seconds = seconds;
        Ok(DevicePoll::Waiting { seconds })
    }

    /// Polls until the person has answered or the code has ended.
    ///
    /// # Errors
    /// As [`Self::device_poll`].
    pub async fn device_wait(&self, mut code: DeviceCode) -> Result<TokenSet, LoginFailed> {
        let mut seconds = code.interval_seconds;
        loop {
            tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
            match self.device_poll(&mut code).await? {
                DevicePoll::Waiting { seconds: next } => seconds = next,
                DevicePoll::Done(tokens) => return Ok(tokens),
            }
        }
    }

    /// The URL to open in the browser, and what has to be kept until it comes back to
    /// `redirect_uri` (see [`crate::Loopback`]).
    ///
    /// # Errors
    /// [`LoginFailed::Discovery`] if the issuer has no authorization endpoint.
    pub fn authorize(
        &self,
        redirect_uri: &str,
        entropy: &Entropy,
    ) -> Result<(String, Pending), LoginFailed> {
        let settings = &self.settings;
        let pending = Pending::new(&settings.issuer, redirect_uri, self.clock.now(), entropy);
        let endpoint = self.discovery.authorization_endpoint()?;
        // RFC 9449 §10: the code is bound to the key too.
        let key = self.prover.as_ref().map(|it| it.key().thumbprint());
        let key = key.as_deref().map(|it| ("dpop_jkt", it));
        let more: Vec<_> = self.resource().into_iter().chain(key).collect();
        let url = pending
            .authorize_url(endpoint, &settings.client_id, &settings.scopes, &more)
            .ok()
            .filter(|it| is_web(it))
            .ok_or(DiscoveryFailed::NotNamed("usable authorization_endpoint"))?;
        Ok((url, pending))
    }

    /// Exchanges the code that the browser brought back.
    ///
    /// # Errors
    /// [`LoginFailed::Callback`] if the answer is not acceptable, [`LoginFailed::Token`] if the issuer refuses.
    pub async fn exchange(
        &self,
        pending: Pending,
        callback: &Callback,
    ) -> Result<TokenSet, LoginFailed> {
        let supported = self.discovery.authorization_response_iss_parameter_supported;
        let names_issuer = NamesIssuer::from_metadata(supported);
        let now = self.clock.now();
        let code = pending.accept(callback, &self.settings.issuer, names_issuer, now)?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", pending.redirect_uri()),
            ("code_verifier", pending.verifier()),
        ];
        fields.extend(self.resource());
        Ok(self.client().ask_for_tokens(&self.discovery, &fields).await?)
    }

    /// The next access token. The refresh token may be a new one; if the issuer sends none, the
    /// old one stays.
    ///
    /// # Errors
    /// [`LoginFailed::Ended`] if the person has to sign in again.
    pub async fn refresh(&self, tokens: &TokenSet) -> Result<TokenSet, LoginFailed> {
        let refresh_token = tokens.refresh_token.as_ref().ok_or(LoginFailed::Ended)?;
        let mut fields =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())];
        fields.extend(self.resource());
        match self.client().ask_for_tokens(&self.discovery, &fields).await {
            Ok(mut next) => {
                next.refresh_token.get_or_insert_with(|| refresh_token.clone());
                Ok(next)
            }
            Err(TokenRefused::Refused { error, .. }) if error == "invalid_grant" => {
                Err(LoginFailed::Ended)
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Tells the issuer that these tokens are not wanted any more (RFC 7009). Without a refresh
    /// token it is the access token that is revoked.
    ///
    /// # Errors
    /// [`LoginFailed`]; then they end by themselves.
    pub async fn revoke(&self, tokens: &TokenSet) -> Result<Revoked, LoginFailed> {
        let (token, hint) = match &tokens.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&tokens.access_token, "access_token"),
        };
        Ok(self.client().revoke(&self.discovery, token, hint).await?)
    }

    fn resource(&self) -> Option<(&str, &str)> {
        self.settings.resource.as_deref().map(|resource| ("resource", resource))
    }

    fn client(&self) -> Client<'_> {
        Client {
            id: &self.settings.client_id,
            secret: None,
            http: &self.http,
            clock: &self.clock,
            prover: self.prover.as_ref(),
        }
    }
}
