//! Asks a token endpoint (RFC 6749 §3.2): code, refresh token or device code in, tokens out.

mod answer;

use crate::{
    Again, ClientKeyFault, Hidden, Prover, Scheme,
    discovery::{Discovery, DiscoveryFailed},
    http::{Answer, Http, HttpFailed, Limits},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_model::{Clock, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// Tokens from an issuer. Serialised only to store a login where its owner alone can read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenSet {
    /// What goes into the `Authorization` header.
    pub access_token: Hidden,
    /// What the next access token is had with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Hidden>,
    /// Who signed in; not verified here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Hidden>,
    /// The scopes that were granted, as the issuer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// With which scheme it is sent: with a proof if it is bound to a key (RFC 9449 §5).
    #[serde(default)]
    pub scheme: Scheme,
    /// When the access token ends; 5 minutes from now if the issuer does not say.
    pub expires_at: Timestamp,
}

/// What became of a token that nobody wants any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is worth nothing any more.
    Yes,
    /// The issuer revokes no tokens: it ends by itself.
    NotOffered,
}

/// A token endpoint that gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// The issuer's doors are not known.
    #[error("the identity provider's configuration could not be read")]
    Discovery(#[from] DiscoveryFailed),
    /// No proof of the key could be made.
    #[error("no proof of the key could be made")]
    Key(#[source] ClientKeyFault),
    /// There was no answer.
    #[error("the identity provider did not answer")]
    Http(#[from] HttpFailed),
    /// The issuer said no (RFC 6749 §5.2).
    #[error("the identity provider refused: {error}")]
    Refused {
        /// Its error code, such as `invalid_grant`; at most 80 characters, escaped if need be.
        error: String,
        /// Its description, escaped; for people.
        description: String,
    },
    /// The answer is neither tokens nor an error.
    #[error("the identity provider's answer is malformed (status {0})")]
    Malformed(StatusCode),
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Client<'c> {
    pub(crate) id: &'c str,
    pub(crate) secret: Option<&'c Hidden>,
    pub(crate) http: &'c Http,
    pub(crate) clock: &'c Clock,
    /// The key that tokens are to be bound to.
    pub(crate) prover: Option<&'c Prover>,
}

impl Client<'_> {
    /// Asks the token endpoint with these fields.
    pub(crate) async fn ask_for_tokens(
        self,
        discovery: &Discovery,
        fields: &[(&str, &str)],
    ) -> Result<TokenSet, TokenRefused> {
        let now = self.clock.now();
        let url = discovery.token_endpoint()?;
        let document = self.post(url, discovery, fields).await?;
        let tokens = answer::tokens(&document, now);
        // A token that is bound to a key that nobody here holds is of no use.
        let usable = tokens.filter(|it| it.scheme == Scheme::Bearer || self.prover.is_some());
        usable.ok_or(TokenRefused::Malformed(StatusCode::OK))
    }

    /// Revokes a token (RFC 7009 §2.1); [`Revoked::NotOffered`] if the issuer has no place for it.
    pub(crate) async fn revoke(
        self,
        discovery: &Discovery,
        token: &Hidden,
        hint: &str,
    ) -> Result<Revoked, TokenRefused> {
        let Some(url) = discovery.revocation_endpoint.as_deref() else {
            return Ok(Revoked::NotOffered);
        };
        let fields = [("token", token.reveal()), ("token_type_hint", hint)];
        self.post(url, discovery, &fields).await?;
        Ok(Revoked::Yes)
    }

    /// Posts a form as this client; the body of a 200.
    pub(crate) async fn post(
        self,
        url: &str,
        discovery: &Discovery,
        fields: &[(&str, &str)],
    ) -> Result<bytes::Bytes, TokenRefused> {
        let mut headers = HeaderMap::new();
        let mut fields = fields.to_vec();
        match self.secret {
            Some(secret) if discovery.wants_secret_in_form() => {
                fields.extend([("client_id", self.id), ("client_secret", secret.reveal())]);
            }
            Some(secret) => {
                headers.insert(header::AUTHORIZATION, basic(self.id, secret)?);
            }
            None => fields.push(("client_id", self.id)),
        }
        let answer = self.send(url, headers, &fields).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer.body);
        }
        let (error, description) =
            answer::refusal(&answer.body).ok_or(TokenRefused::Malformed(answer.status))?;
        Err(TokenRefused::Refused { error, description })
    }
}

impl Client<'_> {
    /// Sends a form, with a proof where there is a key: again if the answer asks for a nonce (RFC 9449
    /// §8).
    async fn send(
        self,
        url: &str,
        headers: HeaderMap,
        fields: &[(&str, &str)],
    ) -> Result<Answer, TokenRefused> {
        let Some(prover) = self.prover else {
            return Ok(self.http.post_form(url, headers, fields, LIMITS).await?);
        };
        let prove = |mut headers: HeaderMap| {
            let proved = prover.prove(&mut headers, "POST", url, None);
            proved.map(|()| headers).map_err(TokenRefused::Key)
        };
        let answer = self.http.post_form(url, prove(headers.clone())?, fields, LIMITS).await?;
        match prover.wants_again(url, answer.status, &answer.headers) {
            Again::No => Ok(answer),
            Again::Yes => Ok(self.http.post_form(url, prove(headers)?, fields, LIMITS).await?),
        }
    }
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
pub(crate) fn basic(id: &str, secret: &Hidden) -> Result<HeaderValue, HttpFailed> {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let (id, secret): (String, String) = (encoded(id), encoded(secret.reveal()));
    let text = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let mut value = HeaderValue::from_str(&text).map_err(|_| HttpFailed::BadRequest)?;
    value.set_sensitive(true);
    Ok(value)
}

const LIMITS: Limits = Limits { bytes_max: 256 * 1024, time: std::time::Duration::from_secs(10) };
