//! Lists: filters, pages, and which attributes are shown (RFC 7644 §3.4.2).

use super::{
    Provider, Scim, answer,
    error::ScimError,
    filter::{self, Filter},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use countersign_governance::{DirectoryKey, DirectoryKind, DirectoryRow, RESOURCES_MAX};
use http::StatusCode;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Resources that a filter which no index answers is held against at most.
const SCANNED_MAX: u32 = 5_000;
/// Bytes of a query at most.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// Which attributes are shown; all when it names none.
#[derive(Debug, Default)]
pub(super) struct Shown {
    only: Vec<String>,
    not: Vec<String>,
}

impl Shown {
    pub(super) fn of(query: Option<&str>) -> Result<Self, ScimError> {
        Ok(Self::read(&parameters(query)?))
    }

    fn read(parameters: &BTreeMap<String, String>) -> Self {
        let names = |key: &str| {
            let text = parameters.get(key).map_or("", String::as_str);
            let names = text.split(',').map(|it| it.trim().to_ascii_lowercase());
            names.filter(|it| !it.is_empty()).collect()
        };
        Self { only: names("attributes"), not: names("excludedattributes") }
    }

    pub(super) fn shows(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        // What is asked for within an attribute shows the attribute.
        let within = |it: &String| {
            *it == name || it.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['.', ':']))
        };
        !self.not.contains(&name) && (self.only.is_empty() || self.only.iter().any(within))
    }
}

pub(super) async fn users(
    State(scim): State<Scim>,
    Extension(provider): Extension<Arc<Provider>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ScimError> {
    scim.list(&provider, DirectoryKind::User, query.as_deref()).await
}

pub(super) async fn groups(
    State(scim): State<Scim>,
    Extension(provider): Extension<Arc<Provider>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ScimError> {
    scim.list(&provider, DirectoryKind::Group, query.as_deref()).await
}

impl Scim {
    async fn list(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        query: Option<&str>,
    ) -> Result<Response, ScimError> {
        let parameters = parameters(query)?;
        let shown = Shown::read(&parameters);
        // A number below 1 counts as 1 (RFC 7644 §3.4.2.4).
        let start = number(&parameters, "startindex")?.unwrap_or(1).max(1);
        let count = number(&parameters, "count")?.unwrap_or(RESOURCES_MAX).min(RESOURCES_MAX);
        let (page, total) = match parameters.get("filter") {
            None => {
                let skip = start - 1;
                let rows = self.0.governance.directory_rows(&provider.directory, kind, skip, count);
                let (rows, total) = rows.await?;
                let mut page = Vec::with_capacity(rows.len());
                for row in rows {
                    page.push(self.resource(provider, kind, &row, &shown).await?);
                }
                (page, total)
            }
            Some(text) => {
                let filter = filter::filter(text)
                    .map_err(|fault| ScimError::invalid_filter(format!("the filter: {fault}")))?;
                let found = self.find(provider, kind, &filter).await?;
                let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
                let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
                let take = usize::try_from(count).unwrap_or(usize::MAX);
                let mut page = Vec::new();
                for row in found.into_iter().skip(skip).take(take) {
                    page.push(self.resource(provider, kind, &row, &shown).await?);
                }
                (page, total)
            }
        };
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": page.len(),
            "Resources": page,
        });
        Ok(answer(StatusCode::OK, &body))
    }

    /// The resources that a filter chooses. One that must equal something unique is looked up; all
    /// others are held against it one by one, some thousands at most.
    async fn find(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        filter: &Filter,
    ) -> Result<Vec<DirectoryRow>, ScimError> {
        let governance = &self.0.governance;
        let name = match kind {
            DirectoryKind::User => "userName",
            DirectoryKind::Group => "displayName",
        };
        let named = filter.must_equal(name).map(str::to_lowercase);
        let key = (filter.must_equal("id").map(DirectoryKey::Id))
            .or_else(|| filter.must_equal("externalId").map(DirectoryKey::ExternalId))
            .or_else(|| named.as_deref().map(DirectoryKey::Name));
        let mut candidates = Vec::new();
        match key {
            Some(key) => {
                candidates.extend(governance.directory_row(&provider.directory, kind, key).await?);
            }
            None => {
                let mut skip = 0;
                loop {
                    let page =
                        governance.directory_rows(&provider.directory, kind, skip, RESOURCES_MAX);
                    let (rows, total) = page.await?;
                    if total > u64::from(SCANNED_MAX) {
                        return Err(ScimError::new(
                            400,
                            Some("tooMany"),
                            format!("filter by id, externalId or {name}: there are too many"),
                        ));
                    }
                    skip += RESOURCES_MAX;
                    let is_last = rows.len() < usize::try_from(RESOURCES_MAX).unwrap_or(usize::MAX);
                    candidates.extend(rows);
                    if is_last {
                        break;
                    }
                }
            }
        }
        let mut found = Vec::new();
        for row in candidates {
            let whole = self.resource(provider, kind, &row, &Shown::default()).await?;
            if filter.holds(&whole) {
                found.push(row);
            }
        }
        Ok(found)
    }
}

/// The parameters of a query, by name in lower case, each once.
fn parameters(query: Option<&str>) -> Result<BTreeMap<String, String>, ScimError> {
    let query = query.unwrap_or("");
    let twice = || ScimError::invalid_syntax("a parameter stands twice");
    if query.len() > QUERY_BYTES_MAX {
        return Err(ScimError::invalid_syntax("the query is longer than 8 KiB"));
    }
    let uri = http::Uri::builder().path_and_query(format!("/?{query}")).build();
    let uri = uri.map_err(|_| ScimError::invalid_syntax("the query can't be read"))?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| ScimError::invalid_syntax("the query can't be read"))?;
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs.0 {
        if parameters.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(twice());
        }
    }
    Ok(parameters)
}

fn number(
    parameters: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<Option<u32>, ScimError> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    let number: i64 =
        text.parse().map_err(|_| ScimError::invalid_value(format!("{name} is a number")))?;
    Ok(Some(u32::try_from(number.max(0)).unwrap_or(u32::MAX)))
}

/// A value as it is listed.
pub(super) fn listed(resources: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
