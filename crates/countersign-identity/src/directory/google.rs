//! Google's Admin SDK: `groups.list` of a user, as a service account in the name of an
//! administrator (RFC 7523 §2.1). It lists the groups that somebody is in directly.

use super::{
    GoogleGroups, GoogleWorkspace,
    wire::{AskFailed, Pages, Wire},
};
use crate::{Hidden, strict_json};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

/// The service account.
pub(super) struct Google {
    config: GoogleWorkspace,
    account: String,
    key_id: String,
    key: RsaKeyPair,
}

/// What is read of the key's file.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: String,
    private_key: Hidden,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    groups: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    email: String,
}

impl Google {
    /// `None` if the text is no key.
    pub(super) fn new(config: GoogleWorkspace, key: &Hidden) -> Option<Self> {
        let file: KeyFile = strict_json::read(key.reveal().as_bytes()).ok()?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.reveal().as_bytes()).ok()?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
        Some(Self { config, account: file.client_email, key_id: file.private_key_id, key })
    }

    /// The groups that somebody is in.
    pub(super) async fn groups(
        &self,
        wire: &Wire,
        id: &str,
        most: usize,
    ) -> Result<Vec<String>, AskFailed> {
        let token = wire.token(&self.config.token_url, || self.fields(wire)).await?;
        let base = self.config.url.trim_end_matches('/');
        let first = format!("{base}/admin/directory/v1/groups?userKey={id}&maxResults=200");
        let mut url = first.clone();
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        loop {
            pages.next()?;
            let answer = wire.page(&url, &token, None).await?;
            let page: Page = answer.object().map_err(|_| AskFailed::Malformed)?;
            found.extend(page.groups.into_iter().map(|it| match self.config.groups_by {
                GoogleGroups::Email => it.email,
                GoogleGroups::Id => it.id,
            }));
            if found.len() > most {
                return Err(AskFailed::TooManyGroups(most));
            }
            let Some(next) = page.next_page_token.filter(|it| !it.is_empty()) else {
                return Ok(found);
            };
            let next: String = byte_serialize(next.as_bytes()).collect();
            url = format!("{first}&pageToken={next}");
        }
    }

    fn fields(&self, wire: &Wire) -> Result<Vec<(&'static str, String)>, AskFailed> {
        let now = wire.now().seconds();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let claims = json!({
            "iss": self.account, "sub": self.config.administrator, "aud": self.config.token_url,
            "scope": "https://www.googleapis.com/auth/admin.directory.group.readonly",
            "iat": now, "exp": now.saturating_add(ASSERTION_SECONDS),
        });
        let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
        let signed = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        // This padding takes no random numbers; the library asks for a source all the same.
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| AskFailed::NotConnected)?;
        Ok(vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".into()),
            ("assertion", format!("{signed}.{}", encode(&signature))),
        ])
    }
}

/// How long an assertion holds; Google takes at most an hour.
const ASSERTION_SECONDS: i64 = 300;
