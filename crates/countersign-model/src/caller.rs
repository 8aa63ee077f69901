//! Who is calling.

use crate::{Issued, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}
pub(crate) use name;

name!(
    /// The stable name of a person, an agent or a service, as its issuer's mapping makes it, such
    /// as `riley@acme.example` or `agent:dunning`. Compared byte for byte.
    Subject
);
name!(
    /// The name of a group of subjects, as the identity provider says it.
    Group
);

/// What kind of identity a subject is. Only a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// A human who signed in.
    Person,
    /// A program that acts on its own judgement, with a sponsor.
    Agent,
    /// A program that does what it was written to do.
    Service,
}

/// The proved identity of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// For whom the call is made (the token's subject, mapped).
    pub subject: Subject,
    /// What the subject is, as far as its token tells; the snapshot knows registered agents.
    pub kind: CallerKind,
    /// Who acts for the subject, the nearest to the gateway first (RFC 8693 §4.1 `act`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<Subject>,
    /// The OAuth client that the token was issued to (`client_id` or `azp`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Arc<str>>,
    /// The configured name of the issuer that vouches for this.
    pub issuer: Arc<str>,
    /// Groups of the subject.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Group>,
    /// Scopes of the token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<Arc<str>>,
    /// A name to show to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// An address to show to people; never an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Arc<str>>,
    /// When the credential ends.
    pub expires_at: Timestamp,
    /// Where the credential comes from, for cut-offs.
    #[serde(skip)]
    pub issued: Issued,
}

/// Who vouches for an agent that proves itself with a key of its own, as records name it. No issuer
/// may be called so.
pub const AGENT_KEYS_ISSUER: &str = "agent-keys";

/// Who vouches for a caller with an API key, as records name it. No issuer may be called so.
pub const API_KEY_ISSUER: &str = "api-keys";

impl Caller {
    /// Every identity of the call: the subject, then the actors, nearest first.
    pub fn chain(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(&self.actors)
    }
}
