//! The cookies: the session's, and those that a sign-in or a sign-out in progress is kept in. All are `HttpOnly`, for
//! the whole host and this host only (RFC 6265bis §4.1.3.2), and `SameSite=Lax` but for one: a SAML
//! provider's page posts its response here, and only a cookie with `SameSite=None` comes along.

use crate::console::Scheme;
use http::{HeaderMap, HeaderValue, header};

/// A cookie of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The id of a signed-in browser.
    Session,
    /// The sealed memory of a sign-in in progress.
    SignIn,
    /// The sealed memory of a sign-in by SAML in progress. Whatever another site has it sent with is
    /// held against the request that it names, and it opens nothing else.
    Saml,
    /// What a sign-out at the identity provider brings back.
    SignOut,
}

impl Cookie {
    fn name(self, scheme: Scheme) -> &'static str {
        match (self, scheme) {
            (Self::Session, Scheme::Https) => "__Host-countersign",
            (Self::Session, Scheme::Http) => "countersign",
            (Self::SignIn, Scheme::Https) => "__Host-countersign-sign-in",
            (Self::SignIn, Scheme::Http) => "countersign-sign-in",
            (Self::Saml, Scheme::Https) => "__Host-countersign-saml",
            (Self::Saml, Scheme::Http) => "countersign-saml",
            (Self::SignOut, Scheme::Https) => "__Host-countersign-sign-out",
            (Self::SignOut, Scheme::Http) => "countersign-sign-out",
        }
    }

    /// Its value in a request; `None` if it is there twice, since somebody else set one of them.
    pub(crate) fn read(self, headers: &HeaderMap, scheme: Scheme) -> Option<String> {
        let wanted = self.name(scheme);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(';'))
            .filter_map(|it| it.trim().split_once('='))
            .filter(|(name, _)| *name == wanted)
            .map(|(_, value)| value.to_owned());
        let value = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Sets it for so many seconds; the value must be of base64url characters.
    pub(crate) fn set(self, value: &str, seconds: i64, scheme: Scheme) -> Option<HeaderValue> {
        let site = match (self, scheme) {
            (Self::Session | Self::SignIn | Self::SignOut, Scheme::Https) => "Lax; Secure",
            (Self::Session | Self::SignIn | Self::SignOut, Scheme::Http) => "Lax",
            // There is no `None` without `Secure`, which browsers take from a loopback address too.
            (Self::Saml, Scheme::Https | Scheme::Http) => "None; Secure",
        };
        let name = self.name(scheme);
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={site}");
        HeaderValue::from_str(&text).ok()
    }

    /// Takes it away.
    pub(crate) fn clear(self, scheme: Scheme) -> Option<HeaderValue> {
        self.set("", 0, scheme)
    }
}

#[cfg(test)]
mod tests;
