//! People as they last signed in, and as directories have them: names to show and groups to preview
//! with. Never an authority: who is calling is proved anew each time.

use crate::{Store, StoreError, Transaction, directory_groups::places, transaction::on};
use countersign_model::{Group, Subject, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};

/// A person as they last signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// Who.
    pub subject: Subject,
    /// A name to show.
    pub name: String,
    /// An address to show; empty when there is none.
    pub email: String,
    /// Their groups at that time.
    pub groups: BTreeSet<Group>,
    /// Which provider vouched for them; empty if that was not kept yet.
    pub issuer: String,
    /// When.
    pub seen_at: Timestamp,
}

/// A person as a directory has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryPerson {
    /// The directory's name in the configuration.
    pub directory: String,
    /// Their name for the directory.
    pub user_name: String,
    /// A name to show; empty when there is none.
    pub name: String,
    /// An address to show; empty when there is none.
    pub email: String,
    /// Their manager, if the directory names one that it has.
    pub manager: Option<Subject>,
    /// Since when the directory has told of them.
    pub made_at: Timestamp,
    /// When it last told something new.
    pub changed_at: Timestamp,
}

/// What is written down of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonFacts {
    /// As they last signed in, if they ever did.
    pub signed_in: Option<PersonRow>,
    /// As directories have them.
    pub directories: Vec<DirectoryPerson>,
}

type Columns = (String, String, String, String, String, i64);
type DirectoryColumns = (String, String, String, i64, i64);

/// People whose facts are read at once, at most.
pub const PEOPLE_AT_ONCE_MAX: usize = 200;

impl Store {
    /// Writes down a sign-in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn saw_person(&self, person: &PersonRow) -> Result<(), StoreError> {
        let groups = crate::write_json("person", &person.groups)?;
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "INSERT INTO people (subject, name, email, member_of, issuer, seen_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (subject) DO UPDATE SET name = excluded.name, email = excluded.email,
                     member_of = excluded.member_of, issuer = excluded.issuer,
                     seen_at = excluded.seen_at",
            )
            .bind(person.subject.as_str())
            .bind(&person.name)
            .bind(&person.email)
            .bind(&groups)
            .bind(&person.issuer)
            .bind(person.seen_at.millis())
            .execute(connection)
            .await?;
        });
        change.find_person(person.subject.as_str()).await?;
        change.commit().await
    }

    /// A person as they last signed in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&self, subject: &Subject) -> Result<Option<PersonRow>, StoreError> {
        let facts = self.person_facts(std::slice::from_ref(subject)).await?;
        Ok(facts.into_values().find_map(|it| it.signed_in))
    }

    /// What is written down of some people, [`PEOPLE_AT_ONCE_MAX`] at most; nothing of whom nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_facts(
        &self,
        subjects: &[Subject],
    ) -> Result<BTreeMap<Subject, PersonFacts>, StoreError> {
        let some: Vec<&str> =
            subjects.iter().take(PEOPLE_AT_ONCE_MAX).map(Subject::as_str).collect();
        if some.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = places(1, some.len());
        let signed_in = format!(
            "SELECT subject, name, email, member_of, issuer, seen_at FROM people
             WHERE subject IN ({names})"
        );
        let directories = format!(
            "SELECT here, provider, document, made_at, changed_at FROM scim_resources
             WHERE here IN ({names}) AND kind = 'user' ORDER BY here, provider"
        );
        let mut view = self.view().await?;
        let (signed_in, directories): (Vec<Columns>, Vec<DirectoryColumns>) =
            on!(view, |connection| {
                let mut first = sqlx::query_as(AssertSqlSafe(signed_in));
                let mut second = sqlx::query_as(AssertSqlSafe(directories));
                for subject in &some {
                    first = first.bind(subject);
                    second = second.bind(subject);
                }
                (first.fetch_all(&mut *connection).await?, second.fetch_all(connection).await?)
            });
        let mut facts: BTreeMap<Subject, PersonFacts> = BTreeMap::new();
        for row in signed_in {
            let row = read(row)?;
            let of = facts.entry(row.subject.clone()).or_default();
            of.signed_in = Some(row);
        }
        let told: Vec<(DirectoryColumns, Value)> = directories
            .into_iter()
            .map(|row| {
                let said = serde_json::from_str(&row.2).unwrap_or(Value::Null);
                (row, said)
            })
            .collect();
        let managers: Vec<(String, String)> = (told.iter())
            .filter_map(|(row, said)| Some((row.1.clone(), manager_id(said)?)))
            .collect();
        let managers = view.directory_subjects(&managers).await?;
        for ((here, directory, _, made_at, changed_at), said) in told {
            let manager = manager_id(&said);
            let manager = manager.and_then(|it| managers.get(&(directory.clone(), it)).cloned());
            let person = DirectoryPerson {
                manager,
                ..DirectoryPerson::read(directory, &said, made_at, changed_at)
            };
            facts.entry(Subject::new(here)).or_default().directories.push(person);
        }
        Ok(facts)
    }
}

impl Transaction {
    /// People whose last sign-in, not older than a moment, told that they are in a group; so many at
    /// most. Good enough to tell them something, and for nothing else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people_signed_in_with(
        &mut self,
        group: &Group,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Subject>, StoreError> {
        let quoted = Value::from(group.as_str()).to_string();
        let quoted = quoted.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let pattern = format!("%{quoted}%");
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT subject, member_of FROM people
                 WHERE seen_at >= $1 AND member_of LIKE $2 ESCAPE '!'
                 ORDER BY seen_at DESC, subject LIMIT $3",
            )
            .bind(since.millis())
            .bind(&pattern)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        let mut people = Vec::with_capacity(rows.len());
        for (subject, groups) in rows {
            // The pattern takes upper and lower case for the same, and finds a part of a name too.
            let groups: BTreeSet<Group> = crate::read_json("person", &groups)?;
            if groups.contains(group) {
                people.push(Subject::new(subject));
            }
        }
        Ok(people)
    }

    /// So many people after one, by subject, with the groups that their provider named at their last
    /// sign-in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signed_in_groups(
        &mut self,
        after: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<(Subject, BTreeSet<Group>)>, StoreError> {
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT subject, member_of FROM people WHERE subject > $1 ORDER BY subject LIMIT $2",
            )
            .bind(after.map_or("", Subject::as_str))
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        let read = |(subject, groups): (String, String)| {
            Ok((Subject::new(subject), crate::read_json("person", &groups)?))
        };
        rows.into_iter().map(read).collect()
    }
}

impl DirectoryPerson {
    fn read(directory: String, said: &Value, made_at: i64, changed_at: i64) -> Self {
        let name = [text(said, "/displayName"), full_name(said)].into_iter().flatten().next();
        Self {
            directory,
            user_name: text(said, "/userName").unwrap_or_default(),
            name: name.unwrap_or_default(),
            email: addresses(said).into_iter().next().unwrap_or_default(),
            manager: None,
            made_at: Timestamp::from_millis(made_at),
            changed_at: Timestamp::from_millis(changed_at),
        }
    }

    /// Names and addresses that a directory's resource says of somebody.
    pub(crate) fn texts(document: &str) -> Vec<String> {
        let said = serde_json::from_str(document).unwrap_or(Value::Null);
        let names = [text(&said, "/displayName"), full_name(&said), text(&said, "/userName")];
        names.into_iter().flatten().chain(addresses(&said)).collect()
    }
}

/// The id of somebody's manager (RFC 7643 §4.3), in the forms that directories send: an object, its id
/// alone, or a list of one.
pub(crate) fn manager_id(said: &Value) -> Option<String> {
    let extension = member(said, ENTERPRISE)?;
    let manager = member(extension, "manager")?;
    let manager = manager.as_array().map_or(Some(manager), |all| all.first())?;
    let id = manager.as_str().or_else(|| member(manager, "value")?.as_str())?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// A member by its name, whose letters' case does not matter (RFC 7643 §2.1).
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, it)| it)
}

/// The primary address, in lower case.
pub(crate) fn address(said: &Value) -> Option<String> {
    addresses(said).into_iter().next().map(|it| it.to_lowercase())
}

/// The whole name as it is written, or the given and the family name.
fn full_name(said: &Value) -> Option<String> {
    text(said, "/name/formatted").or_else(|| {
        let parts = [text(said, "/name/givenName"), text(said, "/name/familyName")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// Addresses, the primary one first.
fn addresses(said: &Value) -> Vec<String> {
    let all = said.get("emails").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_primary = |it: &Value| it.get("primary").and_then(Value::as_bool) == Some(true);
    let (first, rest): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|it| is_primary(it));
    let every = first.into_iter().chain(rest).take(ADDRESSES_MAX);
    every.filter_map(|it| text(it, "/value")).collect()
}

fn text(said: &Value, pointer: &str) -> Option<String> {
    let text = said.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn read(columns: Columns) -> Result<PersonRow, StoreError> {
    let (subject, name, email, groups, issuer, seen_at) = columns;
    Ok(PersonRow {
        subject: Subject::new(subject),
        name,
        email,
        groups: crate::read_json("person", &groups)?,
        issuer,
        seen_at: Timestamp::from_millis(seen_at),
    })
}

const ADDRESSES_MAX: usize = 8;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
