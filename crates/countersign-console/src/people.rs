//! People as pages and API see them: who may see whom, the addresses of their pages, and the places
//! where lists go on.

use crate::{asker::Asker, console::Console, problem::Problem, sight, web_session};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_governance::{
    GrantFilter, GrantView, PeopleFilter, PeoplePage, PersonFound, PersonLine, PersonView,
};
use countersign_model::{CallerKind, Subject};
use serde::Deserialize;

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    /// How a word of the subject, name or address begins.
    #[serde(default)]
    pub(crate) find: String,
    /// Where to go on.
    pub(crate) after: Option<String>,
    /// How many.
    #[serde(default)]
    pub(crate) limit: u32,
}

/// What an asker sees of a person.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Everything: who sees everything, and the person themself.
    Whole(Box<PersonView>),
    /// Who it is, and the grants that the asker sees anyway: reviewers, owners, makers.
    Grants(Box<PersonLine>, Vec<GrantView>),
}

/// A page of people. Who asks sees everything: the guard has looked.
pub(crate) async fn list(console: &Console, filter: &Filter) -> Result<PeoplePage, Problem> {
    let after = filter.after.as_deref().filter(|it| !it.is_empty()).map(place).transpose()?;
    let limit = if filter.limit == 0 { LIST_DEFAULT } else { filter.limit };
    let wanted = PeopleFilter { find: filter.find.clone(), after, limit };
    Ok(console.governance().people(&wanted).await?)
}

/// A person, as far as the asker may see them. Whom they may not see is not there.
pub(crate) async fn one(console: &Console, asker: &Asker, subject: &str) -> Result<Seen, Problem> {
    let absent = || Problem::not_found("person");
    if !is_subject(subject) {
        return Err(absent());
    }
    let subject = Subject::from(subject);
    let (governance, actor) = (console.governance(), &asker.actor);
    let is_own = *actor.subject() == subject && actor.person.kind != CallerKind::Agent;
    if is_own {
        return whole(console, &subject).await;
    }
    let Some(line) = governance.person_line(&subject).await? else { return Err(absent()) };
    if actor.sees_everything() {
        return whole(console, &subject).await;
    }
    let snapshot = governance.policy().load();
    let filter = GrantFilter { subject: Some(subject), ..GrantFilter::default() };
    let mut grants = governance.grants(&filter);
    grants.retain(|it| sight::grant(actor, &snapshot, it));
    if grants.is_empty() { Err(absent()) } else { Ok(Seen::Grants(Box::new(line), grants)) }
}

async fn whole(console: &Console, subject: &Subject) -> Result<Seen, Problem> {
    let mut person = console.governance().person(subject).await?;
    // Their time is over, though nobody has swept them away yet.
    let now = console.now();
    person.browsers.retain(|it| now < it.seen_at.plus(web_session::IDLE));
    Ok(Seen::Whole(Box::new(person)))
}

/// The address of a person's page. A browser takes two names for steps in an address: who has one of
/// them has no page of their own.
pub(crate) fn href(subject: &Subject) -> Option<String> {
    let text = subject.as_str();
    let is_step = matches!(text, "" | "." | "..");
    (!is_step).then(|| format!("/console/people/{}", encode(text)))
}

/// For one segment of an address, or for a value in its query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A place as it stands in links and answers. It says where to look and gives no right.
pub(crate) fn bookmark(place: &PersonFound) -> String {
    let both = serde_json::json!([place.word, place.subject]);
    URL_SAFE_NO_PAD.encode(both.to_string())
}

fn place(bookmark: &str) -> Result<PersonFound, Problem> {
    let bad = || {
        Problem::invalid("The place to go on from can't be read. Begin again with the first page.")
    };
    if bookmark.len() > BOOKMARK_BYTES_MAX {
        return Err(bad());
    }
    let plain = URL_SAFE_NO_PAD.decode(bookmark).map_err(|_| bad())?;
    let (word, subject): (String, String) = serde_json::from_slice(&plain).map_err(|_| bad())?;
    let fits = |it: &str| it.len() <= SUBJECT_BYTES_MAX && !it.chars().any(char::is_control);
    if fits(&word) && fits(&subject) {
        Ok(PersonFound { word, subject: Subject::new(subject) })
    } else {
        Err(bad())
    }
}

/// Whether a text can name anybody at all.
fn is_subject(text: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

const LIST_DEFAULT: u32 = 50;
const SUBJECT_BYTES_MAX: usize = 1_000;
const BOOKMARK_BYTES_MAX: usize = 4_096;

#[cfg(test)]
mod tests;
