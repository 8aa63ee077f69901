//! Who is calling: turns credentials into a proved [`countersign_model::Caller`].
//!
//! Five doors, in the order in which they are met: [`Verifier`] judges bearer tokens on the way of
//! every call, [`SignIn`] and [`SamlSignIn`] sign a person in at the console, [`CliLogin`] signs a person in at a
//! terminal, and [`Http`] is the small client that all of them (and the command line) use.
//!
//! This crate never reads a clock, the environment or a random generator by itself, never keeps a
//! session, never sends a caller's token anywhere, and never writes a token into an error, a log
//! line or a `Debug` output.

mod algorithm;
mod api_key;
mod bound;
mod cache;
mod challenge;
mod claims;
mod cli_login;
mod client_assertion;
mod client_key;
mod config;
mod directory;
mod discovery;
mod ends;
mod events;
mod exchange;
mod explain;
mod fault;
mod forged;
mod hidden;
mod home;
mod http;
mod introspection;
mod issuer;
mod jws;
mod key_place;
mod keys;
mod loopback;
mod mapping;
mod notes;
mod own;
mod passkeys;
mod pkce;
mod presented;
pub mod preset;
mod proof;
mod proofs;
mod prover;
mod questions;
mod refused;
mod rules;
mod saml;
mod secret;
mod shown;
mod signin;
mod strict_json;
mod subject;
mod token_endpoint;
mod use_once;
mod verifier;

pub use algorithm::Algorithm;
pub use api_key::{API_KEY_PREFIX, ApiKeyBook, ApiKeyBookFailed, KeyHolder, KeyState, new_api_key};
pub use challenge::{bearer_token, challenge, resource_metadata, scope_challenge};
pub use cli_login::{CliLogin, CliSettings, DeviceCode, DevicePoll, LoginFailed};
pub use client_assertion::ClientTerms;
pub use client_key::{ClientKey, ClientKeyFault, ProofFor};
pub use config::{
    ClaimsConfig, ConfigFault, IssuerConfig, KindRule, Namespace, SignInConfig, UntypedTokens,
    check_issuers,
};
pub use directory::{
    Ask, DirectoryConfig, DirectoryFault, GoogleGroups, GoogleWorkspace, MicrosoftGraph,
};
pub use discovery::DiscoveryFailed;
pub use events::{
    Act, EmailSubjects, EventRefused, Received, Receiver, ReceiverFault, TransmitterConfig,
    check_transmitters,
};
pub use exchange::{
    Actor, Asserted, Confirmation, ExchangeConfig, ExchangeFault, Exchanged, IdJag, IdTokensConfig,
    Party, Possession, ShownAs, Terms, Wishes, assert_identity, exchange,
};
pub use explain::{Explanation, Step, Verdict};
pub use fault::Fault;
pub use forged::{ForgedCounts, ForgedLimits, Peer};
pub use hidden::Hidden;
pub use home::Home;
pub use http::{Answer, Http, HttpFailed, Limits, PlainHttp};
pub use introspection::{IntrospectionConfig, WithoutSubject};
pub use issuer::IssuerStatus;
pub use loopback::{Loopback, LoopbackFailed};
pub use mapping::Reserved;
pub use notes::SignInNotes;
pub use own::{
    Binding, CertificateBinding, IssuedToken, LIFETIME_MAX, OWN_ISSUER, OwnFault, OwnIssuer,
    OwnSettings, TooLarge,
};
pub use passkeys::{
    NewPasskey, NoHostName, PasskeyAlgorithm, PasskeyAnswer, PasskeyFault, PasskeyRefused,
    PasskeySignature, RegisteredPasskey, RelyingParty, registration_challenge, verify_passkey,
    verify_signed,
};
pub use pkce::{Callback, CallbackFault, Pending, Round};
pub use presented::{Asked, Presented, Thumbprint};
pub use preset::{Preset, expand_preset};
pub use proofs::{NonceKey, ProofRules};
pub use prover::{Again, Prover};
pub use refused::{Blame, Refused, Scheme};
pub use rules::{ClaimRule, OtherAudiences, Presence, Tokens};
pub use saml::{
    AesCbc, Begun, IdpInitiated, MetadataPlace, RequestBinding, SamlAnswer, SamlAttributes,
    SamlConfig, SamlExchangeConfig, SamlFault, SamlPending, SamlRefused, SamlRequest,
    SamlRequestForm, SamlSetupFailed, SamlSignIn, SamlSignedIn, SamlSurroundings, check_saml,
};
pub use secret::{Secret, SecretFault};
pub use signin::{
    Kept, Logout, LogoutRefused, RenewalFailed, Renewed, SignIn, SignedIn, SigninRefused,
};
pub use token_endpoint::{Revoked, TokenRefused, TokenSet};
pub use use_once::{Use, UseOnce, UseOnceFailed};
pub use verifier::{Proved, Verifier, VerifierOptions};

/// Makes aws-lc-rs the process's provider of cryptography for rustls. The binary and tests call it
/// first; calling it again, or after another crate did, changes nothing.
pub fn install_crypto() {
    // The error only says that a provider is there already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
