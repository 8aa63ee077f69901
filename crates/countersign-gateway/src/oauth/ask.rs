//! What a form asks the token endpoint for. Nothing in it is believed yet; what could be read in
//! two ways is refused, what is unknown is ignored (RFC 6749 §3.2).

use super::answer::TokenRefused;
use crate::{
    resolve::{Content, form_within},
    respond::Stop,
};
use countersign_identity::{Hidden, ShownAs, Wishes};
use std::{collections::BTreeMap, sync::Arc};

/// A form, read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) ask: Ask,
    pub(super) wishes: Wishes,
}

/// By which grant type a token is asked for, and with which tokens.
#[derive(Debug)]
pub(super) enum Ask {
    /// RFC 8693 §2.1.
    Exchange { subject: Hidden, subject_as: SubjectAs, actor: ActorShown },
    /// RFC 7523 §2.1, with an identity assertion.
    Assertion { assertion: Hidden, client: ActorShown, by: AssertedBy },
}

/// Who may show an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AssertedBy {
    /// Its client, and, where it is bound, the holder of what it is bound to (RFC 7523 §2.1).
    Whoever,
    /// The holder of the key that it has to be bound to (draft-parecki-oauth-jwt-dpop-grant).
    Holder,
}

/// How whoever asks says who it is.
#[derive(Debug)]
pub(super) enum ActorShown {
    /// By its own token, as `actor_token`.
    Token(Hidden),
    /// By a `client_assertion`: one that it made itself (RFC 7523 §2.2), or a token of its issuer.
    Assertion(Hidden),
}

/// What the subject's token is shown as.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubjectAs {
    /// A token of an issuer.
    Token(ShownAs<'static>),
    /// A SAML 2.0 assertion in base64url (RFC 8693 §3).
    Saml,
}

/// Reads a body as a form, and the form as a request for a token for `resource`.
pub(super) fn read(content: Result<Content, Stop>, resource: &str) -> Result<Wanted, TokenRefused> {
    let bytes = match content {
        Ok(Content::Form(bytes)) => bytes,
        Ok(Content::None) => return Err(TokenRefused::malformed("The request has no form.")),
        Ok(Content::Json(_) | Content::Stream(..)) => {
            return Err(TokenRefused::malformed("The request is no form."));
        }
        Err(stop) => return Err(TokenRefused::malformed(&stop.told.sentence)),
    };
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| TokenRefused::malformed("The form is not plain ASCII."))?;
    form(text, resource)
}

/// Reads a form.
pub(super) fn form(text: &str, resource: &str) -> Result<Wanted, TokenRefused> {
    let pairs = form_within(text, text.len()).map_err(|refused| {
        TokenRefused::malformed(&format!("The form can't be read: {refused}."))
    })?;
    let mut fields = Fields::default();
    for (name, value) in pairs {
        fields.add(name, value, resource)?;
    }
    if fields.take("client_secret").is_some() {
        return Err(TokenRefused::client_secret());
    }
    let grant = fields.required("grant_type")?;
    let scopes = fields
        .take("scope")
        .map(|text| text.split(' ').filter(|it| !it.is_empty()).map(Arc::from).collect());
    let wishes = Wishes { scopes, client: fields.take("client_id") };
    let ask = match grant.as_str() {
        TOKEN_EXCHANGE => fields.exchange()?,
        JWT_BEARER => fields.assertion(AssertedBy::Whoever)?,
        JWT_DPOP => fields.assertion(AssertedBy::Holder)?,
        _ => return Err(TokenRefused::grant_type()),
    };
    Ok(Wanted { ask, wishes })
}

/// Whether a resource indicator (RFC 8707) is this gateway's own identifier. Clients that write it as
/// a URL add the slash of an empty path.
pub(super) fn is_ours(named: &str, resource: &str) -> bool {
    named.strip_suffix('/').unwrap_or(named) == resource
}

/// Fields by name, each at most once.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn add(&mut self, name: String, value: String, resource: &str) -> Result<(), TokenRefused> {
        // A parameter without a value counts as left out (RFC 6749 §3.2).
        if value.is_empty() {
            return Ok(());
        }
        // Only these may stand more than once (RFC 8693 §2.1).
        if name == "resource" || name == "audience" {
            return match is_ours(&value, resource) {
                true => Ok(()),
                false => Err(TokenRefused::other_resource()),
            };
        }
        match self.0.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(TokenRefused::malformed("A parameter is given twice.")),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn required(&mut self, name: &'static str) -> Result<String, TokenRefused> {
        self.take(name).ok_or_else(|| TokenRefused::missing(name))
    }

    fn secret(&mut self, name: &'static str) -> Result<Hidden, TokenRefused> {
        self.required(name).map(Hidden::new)
    }

    fn exchange(&mut self) -> Result<Ask, TokenRefused> {
        let subject = self.secret("subject_token")?;
        let subject_as = match self.required("subject_token_type")?.as_str() {
            ACCESS_TOKEN | JWT => SubjectAs::Token(ShownAs::AccessToken),
            ID_TOKEN => SubjectAs::Token(ShownAs::IdToken),
            SAML2 => SubjectAs::Saml,
            _ => return Err(TokenRefused::token_type("subject_token_type")),
        };
        // Without an actor the token would hide who uses it.
        let actor = match self.client()? {
            None => ActorShown::Token(self.secret("actor_token")?),
            Some(_) if self.0.contains_key("actor_token") => {
                let twice = "The actor_token says who asks: leave client_assertion out.";
                return Err(TokenRefused::malformed(twice));
            }
            Some(client) => client,
        };
        match self.take("actor_token_type").as_deref() {
            Some(ACCESS_TOKEN | JWT) => {}
            None if matches!(actor, ActorShown::Assertion(_)) => {}
            None => return Err(TokenRefused::missing("actor_token_type")),
            Some(_) => return Err(TokenRefused::token_type("actor_token_type")),
        }
        match self.take("requested_token_type").as_deref() {
            None | Some(ACCESS_TOKEN | JWT) => {}
            Some(_) => return Err(TokenRefused::token_type("requested_token_type")),
        }
        Ok(Ask::Exchange { subject, subject_as, actor })
    }

    fn assertion(&mut self, by: AssertedBy) -> Result<Ask, TokenRefused> {
        let assertion = self.secret("assertion")?;
        let client = self.client()?.ok_or_else(TokenRefused::client_missing)?;
        Ok(Ask::Assertion { assertion, client, by })
    }

    /// RFC 7521 §4.2.
    fn client(&mut self) -> Result<Option<ActorShown>, TokenRefused> {
        let Some(client) = self.take("client_assertion").map(Hidden::new) else { return Ok(None) };
        match self.take("client_assertion_type").as_deref() {
            Some(CLIENT_ASSERTION) => Ok(Some(ActorShown::Assertion(client))),
            Some(_) => Err(TokenRefused::token_type("client_assertion_type")),
            None => Err(TokenRefused::missing("client_assertion_type")),
        }
    }
}

pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const JWT_DPOP: &str = "urn:ietf:params:oauth:grant-type:jwt-dpop";
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[cfg(test)]
mod tests;
