//! What an operator writes about a SAML identity provider, and the rules that the writing must keep.

use crate::{ConfigFault, IssuerConfig, OWN_ISSUER, Secret, config::Namespace, mapping::Reserved};
use countersign_model::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// One SAML 2.0 identity provider with which people sign in at the console.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlConfig {
    /// A short name of lower case letters, digits and dashes, for the sign-in page and for the
    /// addresses of this provider: `/console/saml/NAME/metadata` is what it wants to know of us.
    pub name: String,
    /// The provider's `entityID`, exactly as its metadata has it.
    pub entity_id: String,
    /// Where the provider's metadata are.
    pub metadata: MetadataPlace,
    /// SHA-256 fingerprints, in hexadecimal with or without colons, of the certificates that may sign
    /// responses. Others in the metadata count no more then. Name the next one beside the present one
    /// before the provider changes it.
    #[serde(default)]
    pub signing_certificates: Vec<String>,
    /// A PEM file with the certificate that signs the metadata. Metadata that are not signed by it, or
    /// say no `validUntil`, are not used.
    #[serde(default)]
    pub metadata_certificate: Option<PathBuf>,
    /// Where our private key is: RSA of at least 2048 bits, as a PEM text of PKCS #8. It signs requests
    /// and opens encrypted assertions.
    pub key: Secret,
    /// A PEM file with the certificate of that key; our metadata show it to the provider.
    pub certificate: PathBuf,
    /// How far the provider's clock may be off; at most 300s.
    #[serde(default = "default_clock_skew")]
    #[schemars(with = "String")]
    pub clock_skew: Span,
    /// How often the metadata are read again.
    #[serde(default = "default_metadata_refresh")]
    #[schemars(with = "String")]
    pub metadata_refresh: Span,
    /// How requests go to the provider; without it, by redirect if its metadata offer that, else by a
    /// form.
    #[serde(default)]
    pub request_binding: Option<RequestBinding>,
    /// Whether a response that nobody asked for is taken: people then come from the provider's own
    /// page, and somebody else's response can be slipped to them.
    #[serde(default)]
    pub idp_initiated: IdpInitiated,
    /// Whether assertions that are encrypted with AES-CBC are opened. Who changes such a text learns
    /// from the answers what it says, so it is opened only where the provider has signed the whole
    /// response. AES-GCM needs no leave.
    #[serde(default)]
    pub aes_cbc: AesCbc,
    /// The format of name that requests ask for, such as
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:persistent`. Responses must then have it.
    #[serde(default)]
    pub name_id_format: Option<String>,
    /// Which attribute means what.
    #[serde(default)]
    pub attributes: SamlAttributes,
    /// Assertions as proof of a user at `/oauth/token`; without it none is taken.
    #[serde(default)]
    pub exchange: Option<SamlExchangeConfig>,
    /// Whether this provider's names are its own, or shared with issuers or other providers.
    #[serde(default)]
    pub namespace: Namespace,
}

/// Where metadata are: `{file: PATH}` or `{url: URL}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MetadataPlace {
    /// In a file that the operator fetched.
    File(PathBuf),
    /// At the provider. Needs `signing_certificates` or `metadata_certificate`.
    Url(String),
}

/// How requests go to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestBinding {
    /// In an address (HTTP-Redirect).
    Redirect,
    /// In a form that a page of the console posts (HTTP-POST).
    Post,
}

/// What to do with a response that nobody asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdpInitiated {
    /// Refuse it.
    #[default]
    Refuse,
    /// Sign in whom it names.
    Accept,
}

/// Which assertions are taken at `/oauth/token` as proof of a user, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SamlExchangeConfig {
    /// For whom they may be made (`Audience`), beside us: `/console/saml/NAME/metadata`. The entity ID
    /// of an application that hands its users' assertions to nobody but the agents that act for them.
    pub audiences: Vec<String>,
    /// Where they may be meant to be shown (`Recipient`), beside `/oauth/token`: the consumer address
    /// of such an application. Never where the console's own sign-ins end.
    pub recipients: Vec<String>,
    /// The scopes that such an assertion stands for: it has none itself.
    pub scopes: Vec<String>,
}

/// What to do with an assertion that is encrypted with AES-CBC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AesCbc {
    /// Refuse it.
    #[default]
    Refuse,
    /// Open it if the provider's signature of the response around it was verified.
    InSignedResponses,
}

/// Which attribute means what, by the attribute's `Name`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SamlAttributes {
    /// The attribute that names the subject. Without it the `NameID` does, which then must not be
    /// transient.
    pub subject: Option<String>,
    /// What stands before the subject.
    pub subject_prefix: String,
    /// The attribute with a name to show.
    pub name: String,
    /// The attribute with an e-mail address to show.
    pub email: String,
    /// The attribute with the subject's groups.
    pub groups: String,
    /// What stands before each group; without it, what stands before the subject.
    pub group_prefix: Option<String>,
}

impl SamlAttributes {
    /// What stands before each group.
    pub fn group_prefix(&self) -> &str {
        self.group_prefix.as_deref().unwrap_or(&self.subject_prefix)
    }
}

impl Default for SamlAttributes {
    fn default() -> Self {
        Self {
            subject: None,
            subject_prefix: String::new(),
            name: "displayName".into(),
            email: "mail".into(),
            groups: "groups".into(),
            group_prefix: None,
        }
    }
}

/// Every fault of the SAML providers, each alone, and together with each other and the issuers. The
/// fault's issuer is the provider's name.
///
/// # Errors
/// The list of faults, if there is one.
pub fn check_saml(
    providers: &[SamlConfig],
    issuers: &[IssuerConfig],
) -> Result<(), Vec<ConfigFault>> {
    let mut faults: Vec<ConfigFault> = providers.iter().flat_map(SamlConfig::faults).collect();
    for (place, provider) in providers.iter().enumerate() {
        let others = providers.iter().take(place).map(Claim::of_provider);
        for other in issuers.iter().map(Claim::of_issuer).chain(others) {
            faults.extend(provider.clash(&other));
        }
        if providers.iter().take(place).any(|it| it.entity_id == provider.entity_id) {
            faults.push(provider.fault("entity_id", "another provider has this entity_id"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

impl SamlConfig {
    /// The names that no other source of identities may use; `None` if they are shared.
    pub fn reserved(&self) -> Option<Reserved> {
        (self.namespace == Namespace::Own).then(|| Reserved {
            subject_prefix: self.attributes.subject_prefix.clone(),
            group_prefix: self.attributes.group_prefix().to_owned(),
        })
    }

    /// The pinned fingerprints as [`super::certificate::Certificate::fingerprint`] writes them.
    pub(crate) fn pinned(&self) -> Vec<String> {
        let plain = |it: &String| it.replace(':', "").to_ascii_lowercase();
        self.signing_certificates.iter().map(plain).collect()
    }

    fn fault(&self, key: &'static str, problem: impl Into<String>) -> ConfigFault {
        ConfigFault { issuer: self.name.clone(), key, problem: problem.into() }
    }

    fn faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, key, problem: &str| {
            if !holds {
                faults.push(self.fault(key, problem));
            }
        };
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let named = (1..=NAME_BYTES_MAX).contains(&self.name.len()) && self.name.bytes().all(plain);
        require(named, "name", "lower case letters, digits and dashes, 32 at most");
        require(self.name != OWN_ISSUER, "name", "this is the name of our own tokens' issuer");
        require(!self.entity_id.is_empty(), "entity_id", "write the provider's entityID");
        if let MetadataPlace::Url(url) = &self.metadata {
            let usable = Url::parse(url)
                .is_ok_and(|it| matches!(it.scheme(), "https" | "http") && it.host().is_some());
            require(usable, "metadata.url", "write an absolute https URL");
            let trusted =
                !self.signing_certificates.is_empty() || self.metadata_certificate.is_some();
            require(
                trusted,
                "metadata.url",
                "whoever answers there could sign people in: name signing_certificates or a \
                 metadata_certificate, or keep the metadata in a file",
            );
        }
        let hex = |it: &String| it.len() == 64 && it.bytes().all(|it| it.is_ascii_hexdigit());
        let pins = self.pinned().iter().all(hex);
        require(pins, "signing_certificates", "SHA-256 fingerprints: 64 hexadecimal digits each");
        let skew = (0..=300_000).contains(&self.clock_skew.millis());
        require(skew, "clock_skew", "write a time from 0s to 300s");
        let refresh = (60_000..=86_400_000).contains(&self.metadata_refresh.millis());
        require(refresh, "metadata_refresh", "write a time from 60s to 24h");
        let filled = |it: &Option<String>| it.as_ref().is_none_or(|it| !it.is_empty());
        require(filled(&self.name_id_format), "name_id_format", "is empty");
        require(filled(&self.attributes.subject), "attributes.subject", "name an attribute");
        let exchange = self.exchange.clone().unwrap_or_default();
        let named = exchange.audiences.iter().chain(&exchange.scopes).all(|it| !it.is_empty());
        require(named, "exchange", "an audience or a scope is empty");
        let apart = |it: &String| Url::parse(it).is_ok_and(|it| !it.path().contains(OURS));
        require(
            exchange.recipients.iter().all(apart),
            "exchange.recipients",
            "write absolute URLs of applications: what signs people in at the console is for the \
             console alone",
        );
        faults
    }

    fn clash(&self, other: &Claim<'_>) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        if self.name == other.name {
            faults.push(self.fault("name", "an issuer or another provider has this name"));
        }
        let shared = self.namespace == Namespace::Shared && other.namespace == Namespace::Shared;
        if self.attributes.subject_prefix == other.subject_prefix && !shared {
            let problem = format!(
                "{} has the same prefix, so each could name the other's subjects; give this one a \
                 prefix, or write `namespace: shared` at both",
                other.name
            );
            faults.push(self.fault("attributes.subject_prefix", problem));
        } else if self.attributes.group_prefix() == other.group_prefix && !shared {
            let problem = format!(
                "{} has the same prefix for its groups, so each could make its people members of the \
                 other's; leave one `group_prefix` out, or write `namespace: shared` at both",
                other.name
            );
            faults.push(self.fault("attributes.group_prefix", problem));
        }
        faults
    }
}

/// Which names another source of identities uses.
struct Claim<'c> {
    name: &'c str,
    subject_prefix: &'c str,
    group_prefix: &'c str,
    namespace: Namespace,
}

impl<'c> Claim<'c> {
    fn of_issuer(issuer: &'c IssuerConfig) -> Self {
        Self {
            name: &issuer.name,
            subject_prefix: &issuer.claims.subject_prefix,
            group_prefix: issuer.claims.group_prefix(),
            namespace: issuer.namespace,
        }
    }

    fn of_provider(provider: &'c SamlConfig) -> Self {
        Self {
            name: &provider.name,
            subject_prefix: &provider.attributes.subject_prefix,
            group_prefix: provider.attributes.group_prefix(),
            namespace: provider.namespace,
        }
    }
}

fn default_clock_skew() -> Span {
    Span::from_seconds(60)
}

fn default_metadata_refresh() -> Span {
    Span::from_seconds(3600)
}

const NAME_BYTES_MAX: usize = 32;
/// Where the console's sign-ins by SAML are.
const OURS: &str = "/console/saml/";

#[cfg(test)]
mod tests;
