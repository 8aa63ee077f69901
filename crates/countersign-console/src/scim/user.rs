//! A user: from what a directory writes to what is kept, and back.

use super::{Provider, SubjectFrom, error::ScimError, filter::member, patch::ENTERPRISE};
use countersign_governance::{Active, DirectoryRow, UserFacts};
use countersign_model::Subject;
use serde_json::{Map, Value};

/// Bytes of one resource's JSON at most.
const RESOURCE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = 255;

pub(crate) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The attributes that are kept. What else a directory says (RFC 7644 §3.3 lets us) is forgotten:
/// passwords before all.
const KEPT: [&str; 14] = [
    "userName",
    "externalId",
    "displayName",
    "name",
    "nickName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "emails",
    "phoneNumbers",
    "active",
    ENTERPRISE,
];

/// What a directory says of a user. `absent` is what it means to say nothing of `active`.
pub(crate) fn facts(
    provider: &Provider,
    said: &Value,
    absent: Active,
) -> Result<UserFacts, ScimError> {
    let mut kept = Map::new();
    for name in KEPT {
        if let Some(value) = member(said, name).filter(|it| !it.is_null()) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    let active = match member(said, "active") {
        None => absent,
        Some(value) => read_active(value)?,
    };
    kept.insert("active".to_owned(), Value::Bool(active == Active::Yes));
    let user_name =
        text(&kept, "userName")?.ok_or_else(|| ScimError::invalid_value("userName is missing"))?;
    let external_id = text(&kept, "externalId")?;
    let named = match provider.subject_from {
        SubjectFrom::UserName => Some(user_name.clone()),
        SubjectFrom::ExternalId => external_id.clone(),
        SubjectFrom::Email => email(&kept)?,
    };
    let named = named.ok_or_else(|| {
        ScimError::invalid_value(format!("{} is missing", provider.subject_from.attribute()))
    })?;
    let subject = provider.subject(&named)?;
    let document = Value::Object(kept).to_string();
    if document.len() > RESOURCE_BYTES_MAX {
        return Err(ScimError::invalid_value("the resource is larger than 64 KiB"));
    }
    Ok(UserFacts { name: user_name.to_lowercase(), external_id, subject, active, document })
}

/// `true`, or as Entra ID writes it: `"True"`.
fn read_active(value: &Value) -> Result<Active, ScimError> {
    let said = match (value.as_bool(), value.as_str()) {
        (Some(said), _) => Some(said),
        (None, Some(text)) if text.eq_ignore_ascii_case("true") => Some(true),
        (None, Some(text)) if text.eq_ignore_ascii_case("false") => Some(false),
        (None, _) => None,
    };
    match said {
        Some(true) => Ok(Active::Yes),
        Some(false) => Ok(Active::No),
        None => Err(ScimError::invalid_value("active is true or false")),
    }
}

/// A text that names something, if it is there.
pub(crate) fn text(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, ScimError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if names(text) => Ok(Some(text.clone())),
        Some(_) => Err(ScimError::invalid_value(format!(
            "{name} is a text of 1 to {NAME_BYTES_MAX} bytes without blanks around it"
        ))),
    }
}

pub(crate) fn names(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// The primary address, else that of type `work`, else the only one.
fn email(members: &Map<String, Value>) -> Result<Option<String>, ScimError> {
    let Some(Value::Array(all)) = members.get("emails") else { return Ok(None) };
    let is_primary = |it: &&Value| member(it, "primary") == Some(&Value::Bool(true));
    let is_work = |it: &&Value| {
        member(it, "type").and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case("work"))
    };
    let only = match all.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let chosen = all.iter().find(is_primary).or_else(|| all.iter().find(is_work)).or(only);
    match chosen.and_then(|it| member(it, "value")) {
        None => Ok(None),
        Some(Value::String(address)) if names(address) => Ok(Some(address.clone())),
        Some(_) => Err(ScimError::invalid_value("the e-mail address is no text that names")),
    }
}

impl Provider {
    /// The subject of this name, which must be this directory's to name.
    pub(crate) fn subject(&self, name: &str) -> Result<Subject, ScimError> {
        let subject = format!("{}{name}", self.subject_prefix);
        let folded = subject.to_lowercase();
        if self.foreign_prefixes.iter().any(|it| folded.starts_with(&it.to_lowercase())) {
            return Err(ScimError::invalid_value("this name belongs to another issuer"));
        }
        Ok(Subject::new(subject))
    }
}

/// The stored document of a user or group.
pub(crate) fn document(row: &DirectoryRow) -> Map<String, Value> {
    match serde_json::from_str(&row.document) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}
