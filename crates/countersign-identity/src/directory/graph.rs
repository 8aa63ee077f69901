//! Microsoft Graph: `transitiveMemberOf` of a user or a service principal, as the application itself
//! (client credentials). Groups are named by their ids, as in tokens.

use super::{
    MicrosoftGraph,
    wire::{AskFailed, Pages, Wire},
};
use crate::Hidden;
use countersign_model::CallerKind;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

/// The application.
pub(super) struct Graph {
    config: MicrosoftGraph,
    secret: Hidden,
    token_url: String,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Item>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
}

impl Graph {
    pub(super) fn new(config: MicrosoftGraph, secret: Hidden) -> Self {
        let tenant = &config.tenant;
        let usual = || format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        let token_url = config.token_url.clone().unwrap_or_else(usual);
        Self { config, secret, token_url }
    }

    /// The ids of all groups that somebody is in, also through other groups.
    pub(super) async fn groups(
        &self,
        wire: &Wire,
        id: &str,
        kind: CallerKind,
        most: usize,
    ) -> Result<Vec<String>, AskFailed> {
        let base = self.config.url.trim_end_matches('/');
        let token = wire.token(&self.token_url, || Ok(self.fields(base))).await?;
        let collection = match kind {
            CallerKind::Person => "users",
            CallerKind::Agent | CallerKind::Service => "servicePrincipals",
        };
        // A cast to groups is an advanced query, which wants `$count` and the header.
        let mut url = format!(
            "{base}/v1.0/{collection}/{id}/transitiveMemberOf/microsoft.graph.group\
             ?$count=true&$select=id&$top=999"
        );
        let eventual = || {
            let name = HeaderName::from_static("consistencylevel");
            Some((name, HeaderValue::from_static("eventual")))
        };
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        loop {
            pages.next()?;
            let answer = wire.page(&url, &token, eventual()).await?;
            let page: Page = answer.object().map_err(|_| AskFailed::Malformed)?;
            found.extend(page.value.into_iter().map(|it| it.id));
            if found.len() > most {
                return Err(AskFailed::TooManyGroups(most));
            }
            match page.next {
                Some(next) if is_below(&next, base) => url = next,
                Some(_) => return Err(AskFailed::OtherPlace),
                None => return Ok(found),
            }
        }
    }

    fn fields(&self, base: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".into()),
            ("client_id", self.config.client_id.clone()),
            ("client_secret", self.secret.reveal().to_owned()),
            ("scope", format!("{base}/.default")),
        ]
    }
}

/// Whether a next page is at the directory: the same origin, and its API.
fn is_below(next: &str, base: &str) -> bool {
    match (Url::parse(next), Url::parse(base)) {
        (Ok(next), Ok(base)) => {
            next.origin() == base.origin()
                && next.username().is_empty()
                && next.password().is_none()
                && next.path().starts_with("/v1.0/")
        }
        _ => false,
    }
}
