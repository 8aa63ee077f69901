//! Signs a person in at the console with a SAML 2.0 identity provider: the Web Browser SSO Profile, with
//! signed requests by HTTP-Redirect or HTTP-POST and responses by HTTP-POST.
//!
//! A strict profile of our own: one reader of XML, one shape of signature, keys from pinned metadata
//! only, and an assertion that is read from the element that was verified. There is no single logout,
//! no artifact binding and no identity provider here. It never keeps a session or a cookie: what is to
//! be kept goes out as [`SamlPending`] and comes back, and who was proved goes out as [`SamlSignedIn`].

mod answer;
mod assertion;
mod canonical;
mod certificate;
mod config;
mod encryption;
mod metadata;
mod names;
mod own_key;
mod person;
mod provider;
mod refused;
mod request;
mod response;
mod signature;
mod signing;
mod xml;

pub use answer::SamlAnswer;
pub use config::{
    AesCbc, IdpInitiated, MetadataPlace, RequestBinding, SamlAttributes, SamlConfig,
    SamlExchangeConfig, check_saml,
};
pub use provider::{Begun, SamlSetupFailed, SamlSignIn, SamlSignedIn, SamlSurroundings};
pub use refused::{SamlFault, SamlRefused};
pub use request::{SamlPending, SamlRequest, SamlRequestForm};
