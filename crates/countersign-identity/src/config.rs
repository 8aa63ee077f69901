//! What an operator writes about an identity provider, and the rules that the writing must keep.
//! Nothing here does I/O; a fault names the issuer and the key that it stands under.

use crate::{
    Algorithm, ClaimRule, DirectoryConfig, ExchangeConfig, IntrospectionConfig, OWN_ISSUER,
    OtherAudiences, Preset, Secret,
    preset::Shared,
    subject::{self, Template},
};
use countersign_model::{AGENT_KEYS_ISSUER, API_KEY_ISSUER, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

/// One trusted issuer of tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["name", "audiences"]))]
pub struct IssuerConfig {
    /// A short name for logs, records and the sign-in page.
    pub name: String,
    /// A provider whose settings are known: it fills in what is not written here. A key that is
    /// written stands; rules of `require` are added to the preset's.
    #[serde(default)]
    pub preset: Option<Preset>,
    /// The issuer's URL, exactly as it stands in the tokens' `iss` (a trailing slash matters). Most
    /// presets know it.
    pub url: String,
    /// The resource identifiers accepted in a token's `aud`. Compared byte for byte.
    pub audiences: Vec<String>,
    /// The signature algorithms accepted.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// The token types accepted in the header's `typ` (RFC 9068 §2.1).
    #[serde(default = "default_token_types")]
    pub token_types: Vec<String>,
    /// Whether access tokens of type `JWT`, or without a type, are accepted too. Many providers
    /// make such; then what tells an ID token from an access token is the audience.
    #[serde(default)]
    pub untyped_tokens: UntypedTokens,
    /// How far the issuer's clock may be off; at most 300s.
    #[serde(default = "default_clock_skew")]
    #[schemars(with = "String")]
    pub clock_skew: Span,
    /// Where the discovery document is, if not at the issuer's well-known place.
    #[serde(default)]
    pub discovery_url: Option<String>,
    /// Where the keys are, for an issuer without a discovery document.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// How often the keys are read again.
    #[serde(default = "default_keys_refresh")]
    #[schemars(with = "String")]
    pub keys_refresh: Span,
    /// How long known keys go on being used when the issuer cannot be reached; at most 7d.
    #[serde(default = "default_keys_usable")]
    #[schemars(with = "String")]
    pub keys_usable: Span,
    /// A PEM file with the certificate authorities that vouch for the place of the keys, instead
    /// of those that this machine trusts. It is read again whenever the keys are. Not with
    /// `sign_in`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A file with a bearer token to read the keys with, as a cluster's API server wants. It is sent
    /// to `jwks_url`, and nowhere else.
    #[serde(default)]
    pub keys_token_file: Option<PathBuf>,
    /// What every token of this issuer has to say.
    #[serde(default)]
    pub require: Vec<ClaimRule>,
    /// The longest time from a token's `iat` to its `exp`; without `iat` a token is refused then.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub lifetime_max: Option<Span>,
    /// Whether a token may be for others too.
    #[serde(default)]
    pub other_audiences: OtherAudiences,
    /// Which claim means what.
    #[serde(default)]
    pub claims: ClaimsConfig,
    /// Whether this issuer's names are its own, or shared with others.
    #[serde(default)]
    pub namespace: Namespace,
    /// Where to ask for groups that tokens leave out.
    #[serde(default)]
    pub directory: Option<DirectoryConfig>,
    /// What its tokens may be used for at `/oauth/token`, beside its access tokens.
    #[serde(default)]
    pub exchange: ExchangeConfig,
    /// How the issuer is asked about its opaque tokens; without it only its signed ones are taken.
    #[serde(default)]
    pub introspection: Option<IntrospectionConfig>,
    /// How people sign in with this issuer; without it the issuer only vouches for tokens.
    #[serde(default)]
    pub sign_in: Option<SignInConfig>,
}

/// What to do with a token whose header has the type `JWT` or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UntypedTokens {
    /// Refuse it.
    #[default]
    Refuse,
    /// Accept it, unless its claims show it to be an ID token or a logout token.
    Accept,
}

/// Whose names an issuer may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// Its own: no other issuer may have the same prefix.
    #[default]
    Own,
    /// The same as other issuers with the same prefix, all of which the operator trusts for it.
    Shared,
}

/// Which claim means what. A name is first looked for as it stands, then as a dotted path; one
/// that begins with `/` is a JSON pointer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimsConfig {
    /// The claim that names the subject, or a template over claims that can't be mistaken for
    /// another: `project:{project_id}:environment:{environment}`.
    pub subject: String,
    /// What names the subject in ID tokens, if it is something else there.
    pub id_token_subject: Option<String>,
    /// What names the subject of a service, if it is something else there.
    pub service_subject: Option<String>,
    /// What kind of caller the tokens are for.
    pub kind: KindRule,
    /// The claim with the client; `client_id`, else `azp`, if nothing is written.
    pub client: Option<String>,
    /// What stands before the subject, and before each actor.
    pub subject_prefix: String,
    /// The claim with a name to show.
    pub name: String,
    /// The claim with an e-mail address to show.
    pub email: String,
    /// The claim with the subject's groups: a text or a list of texts.
    pub groups: String,
    /// What stands before each group; without it, what stands before the subject.
    pub group_prefix: Option<String>,
    /// Tokens that match are a service's. A token whose subject is its client always is.
    pub service: Option<ClaimRule>,
    /// Tokens that match are an agent's.
    pub agent: Option<ClaimRule>,
}

impl ClaimsConfig {
    /// What stands before each group.
    pub fn group_prefix(&self) -> &str {
        self.group_prefix.as_deref().unwrap_or(&self.subject_prefix)
    }
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        Self {
            subject: "sub".into(),
            id_token_subject: None,
            service_subject: None,
            kind: KindRule::ByClaims,
            client: None,
            subject_prefix: String::new(),
            name: "name".into(),
            email: "email".into(),
            groups: "groups".into(),
            group_prefix: None,
            service: None,
            agent: None,
        }
    }
}

/// What kind of caller an issuer's tokens are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindRule {
    /// `agent` and `service` tell; the others are people.
    #[default]
    ByClaims,
    /// Services, all of them.
    Service,
    /// Agents, all of them.
    Agent,
}

/// How people sign in with an issuer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    /// The console's client identifier at the issuer.
    pub client_id: String,
    /// The console's client secret; without it the console is a public client (PKCE alone).
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The scopes asked for; `openid` must be among them. With `offline_access` most providers give
    /// a refresh token, which keeps the groups and names of the console's sessions up to date.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// How long ago a person may have proved themself to the provider when they sign in. Then the
    /// provider is asked for it, and must say when it was (`auth_time`).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub max_age: Option<Span>,
    /// The ways of proving that suffice, best first, as the provider names them (`acr`). Then it is
    /// asked for one of them, and must say which it was. Without any, every way does.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How often the provider is asked again about somebody who is signed in at the console, where
    /// it gave a refresh token.
    #[serde(default = "default_refresh_every")]
    #[schemars(with = "String")]
    pub refresh_every: Span,
    /// How long the console goes on with what the provider once said of somebody. A session that
    /// was not renewed for so long ends: the provider was away, or gave no refresh token.
    #[serde(default = "default_identity_max_age")]
    #[schemars(with = "String")]
    pub identity_max_age: Span,
    /// The command line's client identifier: a public client with the device flow, or with
    /// loopback redirects, or both.
    #[serde(default)]
    pub cli_client_id: Option<String>,
    /// The scopes that the command line asks for.
    #[serde(default = "default_cli_scopes")]
    pub cli_scopes: Vec<String>,
    /// The resource indicator that the command line sends (RFC 8707), so that its token is for
    /// this gateway.
    #[serde(default)]
    pub resource: Option<String>,
}

/// A fault in the configuration of issuers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("issuer {issuer}: {key}: {problem}")]
pub struct ConfigFault {
    /// The issuer's configured name.
    pub issuer: String,
    /// The key, such as `clock_skew` or `sign_in.scopes`.
    pub key: &'static str,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// Every fault of the issuers, each alone and all together.
///
/// # Errors
/// The list of faults, if there is one.
pub fn check_issuers(issuers: &[IssuerConfig]) -> Result<(), Vec<ConfigFault>> {
    let mut faults: Vec<ConfigFault> = issuers.iter().flat_map(IssuerConfig::faults).collect();
    for (place, issuer) in issuers.iter().enumerate() {
        for earlier in issuers.iter().take(place) {
            faults.extend(issuer.clash(earlier));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

impl IssuerConfig {
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
        require(!self.name.is_empty(), "name", "give the issuer a short name");
        let reserved = [API_KEY_ISSUER, AGENT_KEYS_ISSUER].contains(&self.name.as_str());
        require(!reserved, "name", "this name is that of API keys; give the issuer another");
        require(is_url(&self.url), "url", "write an absolute https URL without ? and #");
        for url in self.discovery_url.iter().chain(&self.jwks_url) {
            let key =
                if Some(url) == self.jwks_url.as_ref() { "jwks_url" } else { "discovery_url" };
            require(is_url_with_query(url), key, "write an absolute https URL");
        }
        require(!self.audiences.is_empty(), "audiences", "name at least one resource identifier");
        let filled = self.audiences.iter().all(|it| !it.is_empty());
        require(filled, "audiences", "an audience is empty");
        require(!self.algorithms.is_empty(), "algorithms", "allow at least one algorithm");
        let typed = !self.token_types.is_empty() || self.untyped_tokens == UntypedTokens::Accept;
        require(typed, "token_types", "accept at least one type");
        let skew = (0..=CLOCK_SKEW_SECONDS_MAX * 1000).contains(&self.clock_skew.millis());
        require(skew, "clock_skew", "write a time from 0s to 300s");
        let refresh = (10_000..=86_400_000).contains(&self.keys_refresh.millis());
        require(refresh, "keys_refresh", "write a time from 10s to 24h");
        let usable = self.keys_usable.millis();
        let usable = usable >= self.keys_refresh.millis() && usable <= 7 * 86_400_000;
        require(usable, "keys_usable", "write a time from keys_refresh to 7d");
        faults.extend(self.sign_in_faults());
        faults.extend(self.token_faults());
        faults.extend(self.subject_faults());
        faults.extend(self.introspection_faults());
        let preset = self.preset.iter().flat_map(Preset::faults);
        let shared = Shared::faults(&self.url, &self.require);
        let directory = self.directory.iter().flat_map(DirectoryConfig::faults);
        let more = preset.chain(shared).chain(directory).chain(self.exchange.faults(self));
        faults.extend(more.map(|(key, problem)| self.fault(key, problem)));
        let tenant = self.preset.as_ref().and_then(Preset::entra_tenant);
        let graph = self.directory.as_ref().and_then(|it| it.microsoft_graph.as_ref());
        if let (Some(tenant), Some(graph)) = (tenant, graph)
            && tenant != graph.tenant
        {
            faults.push(self.fault("directory.microsoft_graph", "`tenant` is not the preset's"));
        }
        faults
    }

    /// How people sign in.
    fn sign_in_faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let Some(sign_in) = &self.sign_in else { return faults };
        let mut require = |holds: bool, key, problem: &str| {
            if !holds {
                faults.push(self.fault(key, problem));
            }
        };
        let openid = sign_in.scopes.iter().any(|it| it == "openid");
        require(openid, "sign_in.scopes", "openid must be among the scopes");
        require(!sign_in.client_id.is_empty(), "sign_in.client_id", "name the client");
        let within = |span: Span, least: i64, most: i64| {
            (least * 1000..=most * 1000).contains(&span.millis())
        };
        let max_age = sign_in.max_age.is_none_or(|it| within(it, 1, 86_400));
        require(max_age, "sign_in.max_age", "write a time from 1s to 24h");
        let acr = |it: &String| !it.is_empty() && !it.contains(char::is_whitespace);
        let acr = sign_in.acr_values.iter().all(acr);
        require(acr, "sign_in.acr_values", "a value is empty or has white space");
        let often = within(sign_in.refresh_every, 10, 3_600);
        require(often, "sign_in.refresh_every", "write a time from 10s to 1h");
        let least = sign_in.refresh_every.millis() / 1000;
        let aged = within(sign_in.identity_max_age, least, 43_200);
        require(aged, "sign_in.identity_max_age", "write a time from refresh_every to 12h");
        let told_apart = self.untyped_tokens == UntypedTokens::Refuse
            || !self.audiences.contains(&sign_in.client_id);
        require(
            told_apart,
            "untyped_tokens",
            "with untyped tokens accepted, an audience must not be sign_in.client_id: \
             ID tokens would pass as access tokens",
        );
        faults
    }

    /// What is asked of tokens beside their signature, and how the keys for it are had.
    fn token_faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, key, problem: &str| {
            if !holds {
                faults.push(self.fault(key, problem));
            }
        };
        for rule in self.claims.service.iter().chain(&self.claims.agent) {
            require(rule.fault().is_none(), "claims", rule.fault().unwrap_or_default());
        }
        for rule in &self.require {
            require(rule.fault().is_none(), "require", rule.fault().unwrap_or_default());
        }
        let lifetime =
            self.lifetime_max.is_none_or(|it| (1000..=7 * 86_400_000).contains(&it.millis()));
        require(lifetime, "lifetime_max", "write a time from 1s to 7d");
        let alone = self.sign_in.is_none() || self.ca_file.is_none();
        require(
            alone,
            "ca_file",
            "people can't sign in with an issuer of a certificate authority of its own",
        );
        let placed = self.keys_token_file.is_none() || self.jwks_url.is_some();
        require(placed, "keys_token_file", "write `jwks_url`: the token goes nowhere else");
        let person = self.sign_in.is_none() || self.claims.kind == KindRule::ByClaims;
        require(person, "claims.kind", "only people sign in");
        require(self.name != OWN_ISSUER, "name", "the gateway's own tokens have this name");
        faults
    }

    fn introspection_faults(&self) -> Vec<ConfigFault> {
        let Some(config) = &self.introspection else { return Vec::new() };
        let faults = config.faults().into_iter();
        let mut faults: Vec<_> = faults.map(|(key, problem)| self.fault(key, problem)).collect();
        if self.ca_file.is_some() {
            let problem =
                "an issuer of a certificate authority of its own can't be asked about tokens";
            faults.push(self.fault("introspection", problem));
        }
        faults
    }

    fn subject_faults(&self) -> Vec<ConfigFault> {
        let claims = &self.claims;
        let mut faults = Vec::new();
        for (key, name) in [
            ("claims.subject", Some(&claims.subject)),
            ("claims.id_token_subject", claims.id_token_subject.as_ref()),
            ("claims.service_subject", claims.service_subject.as_ref()),
        ] {
            let Some(name) = name else { continue };
            if name.is_empty() {
                faults.push(self.fault(key, "name a claim"));
            } else if name.strip_prefix('/').is_some_and(|it| !it.contains('/')) {
                let problem =
                    "write the claim's name, without `/`: a pointer is for what is within";
                faults.push(self.fault(key, problem));
            } else if Template::is_one(name) {
                let bad = Template::parse(name).err();
                faults.extend(bad.map(|it| self.fault(key, it.to_string())));
            } else if self.preset.as_ref().is_some_and(Preset::knows_ids)
                && subject::is_address(name)
            {
                let problem = "an e-mail address or a user name is no identity: it can be given to \
                               somebody else; leave the key out, the preset names the right claim";
                faults.push(self.fault(key, problem));
            }
        }
        faults
    }

    fn clash(&self, earlier: &Self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        if self.name == earlier.name {
            faults.push(self.fault("name", "another issuer has this name"));
        }
        if self.url == earlier.url {
            faults.push(self.fault("url", "another issuer has this URL"));
        }
        if let (Some(own), Some(other)) = (&self.introspection, &earlier.introspection)
            && own.clashes(other)
        {
            let problem = format!(
                "the opaque tokens of issuer {} can't be told from this one's; give both a prefix, \
                 of which none begins like the other",
                earlier.name
            );
            faults.push(self.fault("introspection.token_prefix", problem));
        }
        let shared = [self, earlier].iter().all(|it| it.namespace == Namespace::Shared);
        let equal_prefix = self.claims.subject_prefix == earlier.claims.subject_prefix;
        if equal_prefix && !shared {
            let problem = format!(
                "issuer {} has the same prefix, so each could name the other's subjects; give one \
                 a prefix, or write `namespace: shared` at both",
                earlier.name
            );
            faults.push(self.fault("claims.subject_prefix", problem));
        } else if !shared && self.claims.group_prefix() == earlier.claims.group_prefix() {
            let problem = format!(
                "issuer {} has the same prefix for its groups, so each could make its people members \
                 of the other's; leave one `group_prefix` out, or write `namespace: shared` at both",
                earlier.name
            );
            faults.push(self.fault("claims.group_prefix", problem));
        }
        faults
    }
}

/// Whether nobody else uses the URL that this installation issues tokens under.
pub(crate) fn refuse_own_url(issuers: &[IssuerConfig], own: &str) -> Result<(), Vec<ConfigFault>> {
    let same = |it: &&IssuerConfig| it.url.trim_end_matches('/') == own;
    let problem = "this is the gateway's own URL: it issues its own tokens under it";
    let faults: Vec<_> = issuers.iter().filter(same).map(|it| it.fault("url", problem)).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn is_url(text: &str) -> bool {
    is_url_with_query(text) && !text.contains('?')
}

pub(crate) fn is_url_with_query(text: &str) -> bool {
    // Plain http is the client's to judge: it knows whether the operator trusts the network.
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http") && url.host().is_some() && url.fragment().is_none()
    })
}

fn default_algorithms() -> Vec<Algorithm> {
    Algorithm::DEFAULT.to_vec()
}

fn default_token_types() -> Vec<String> {
    vec!["at+jwt".into(), "application/at+jwt".into()]
}

fn default_clock_skew() -> Span {
    Span::from_seconds(60)
}

fn default_keys_refresh() -> Span {
    Span::from_seconds(600)
}

fn default_keys_usable() -> Span {
    Span::from_days(1)
}

fn default_scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(Into::into).to_vec()
}

fn default_refresh_every() -> Span {
    Span::from_seconds(600)
}

fn default_identity_max_age() -> Span {
    Span::from_seconds(4 * 3600)
}

fn default_cli_scopes() -> Vec<String> {
    ["openid", "profile", "offline_access"].map(Into::into).to_vec()
}

const CLOCK_SKEW_SECONDS_MAX: i64 = 300;

#[cfg(test)]
mod tests;
