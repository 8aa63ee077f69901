//! The relying party (WebAuthn §4): this console, as browsers know it. Its id is the host of the public
//! URL, and its origin is compared byte for byte.

use url::{Host, Url};

/// The site that passkeys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

/// Why there can be no passkeys under a public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHostName {
    /// An IP address names no relying party (WebAuthn §5.1.2).
    #[error(
        "passkeys need a host name, and this console is reached by an IP address; an administrator \
         can set public_url to a name"
    )]
    Address,
    /// Browsers offer passkeys over TLS, and on `localhost`.
    #[error(
        "passkeys need https, or localhost; an administrator can set public_url to an address that \
         begins with https://"
    )]
    ClearText,
}

impl RelyingParty {
    /// The party under this public URL.
    ///
    /// # Errors
    /// [`NoHostName`] if browsers would offer no passkeys there.
    pub fn of(public_url: &str) -> Result<Self, NoHostName> {
        let url = Url::parse(public_url).map_err(|_| NoHostName::Address)?;
        let id = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() && !name.ends_with('.') => name.to_owned(),
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                return Err(NoHostName::Address);
            }
        };
        let is_local = id == "localhost" || id.ends_with(".localhost");
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err(NoHostName::ClearText);
        }
        // Without the scheme's own port, as a browser says it.
        Ok(Self { id, origin: url.origin().ascii_serialization() })
    }

    /// The host name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Scheme, host and port, as a browser says them.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
