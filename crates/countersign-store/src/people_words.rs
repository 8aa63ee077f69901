//! How people are found: whoever signed in, is in a directory, holds a grant or is named by the
//! catalog, by the words of their subject, name and address. Whoever writes one of these facts has the
//! words written in the same transaction. Nobody is forgotten: also who left is found.

use crate::{
    DirectoryPerson, PEOPLE_AT_ONCE_MAX, Store, StoreError, Transaction, directory_groups::places,
    transaction::on,
};
use countersign_model::{Grant, Holder, Subject, catalog::raw::RawCatalog};
use std::collections::{BTreeMap, BTreeSet};

/// Which people to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleQuery {
    /// Only those with a word of their subject, name or address that begins so; everybody if it is
    /// empty.
    pub find: String,
    /// Only those after this one.
    pub after: Option<PersonFound>,
    /// How many at most.
    pub limit: u32,
}

/// A person that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonFound {
    /// By this word; empty if everybody is.
    pub word: String,
    /// Who.
    pub subject: Subject,
}

/// A page of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFound {
    /// They.
    pub people: Vec<PersonFound>,
    /// Where to go on; `None` after the last.
    pub next: Option<PersonFound>,
}

/// Characters of what is looked for that count; of a word there stand no more.
pub const FIND_CHARS_MAX: usize = 100;

impl Store {
    /// Whether somebody is found by this subject at all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_found(&self, subject: &Subject) -> Result<bool, StoreError> {
        if !is_findable(subject.as_str()) {
            return Ok(false);
        }
        let mut view = self.view().await?;
        let found: Option<i64> = on!(view, |connection| {
            sqlx::query_scalar(
                "SELECT CAST(1 AS BIGINT) FROM people_words WHERE word = '' AND subject = $1",
            )
            .bind(subject.as_str())
            .fetch_optional(connection)
            .await?
        });
        Ok(found.is_some())
    }

    /// People by the word that they are found by, then by subject; each once, by their first word that
    /// begins so. A page may hold fewer than it could: what is read for one is bounded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&self, query: &PeopleQuery) -> Result<PeopleFound, StoreError> {
        let find = folded(&query.find);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX).min(PEOPLE_AT_ONCE_MAX);
        let begin = PersonFound { word: find.clone(), subject: Subject::from("") };
        let mut place = query.after.clone().unwrap_or(begin);
        let mut people = Vec::with_capacity(limit);
        let mut view = self.view().await?;
        for _ in 0..ROUNDS_MAX {
            let rows = view.words_after(&find, &place, limit + 1).await?;
            let is_last = rows.len() <= limit;
            let first = view.first_words(&find, &rows).await?;
            for row in rows {
                if first.get(&row.subject) == Some(&row.word) {
                    if people.len() == limit {
                        return Ok(PeopleFound { next: people.last().cloned(), people });
                    }
                    people.push(row.clone());
                }
                place = row;
            }
            if is_last {
                return Ok(PeopleFound { people, next: None });
            }
        }
        Ok(PeopleFound { people, next: Some(place) })
    }

    /// Takes back the migration that made people be found, for a test of it.
    ///
    /// # Errors
    /// [`StoreError`].
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn forget_people_migration(&self) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            for sql in [
                "DROP TABLE people_words",
                "ALTER TABLE people DROP COLUMN issuer",
                "DROP INDEX scim_resources_by_who",
                // What came after it comes again.
                "DROP TABLE review_reviewers",
                "DROP TABLE review_items",
                "DROP TABLE review_runs",
                "DROP TABLE campaigns",
                "ALTER TABLE gateways DROP COLUMN epoch",
                "DROP TABLE usage_of_grants",
                "DROP TABLE usage_denied",
                "DROP TABLE usage_open",
                "DROP TABLE usage_positions",
                "DROP TABLE grant_steps",
                "DROP TABLE grant_requests",
                "DROP TABLE denials",
                "DROP TABLE notice_abouts",
                "DROP TABLE notice_deliveries",
                "DROP TABLE notice_choices",
                "DROP TABLE notices",
                "DROP TABLE days_done",
                "DROP TABLE delegates",
                "DROP TABLE unowned_functions",
                "DROP TABLE passkeys",
                "DROP TABLE passkey_users",
                "DROP TABLE file_grants",
                "DROP TABLE ledger_abouts",
                "DROP TABLE ledger_places",
                "DELETE FROM migrations WHERE version >= 9",
            ] {
                sqlx::query(sql).execute(&mut *connection).await?;
            }
        });
        change.commit().await
    }

    /// How the database would go about finding people, for tests: everybody, then by a word.
    ///
    /// # Errors
    /// [`StoreError`].
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn people_plans(&self) -> Result<[Vec<String>; 2], StoreError> {
        use crate::transaction::Inner;
        let mut view = self.view().await?;
        if let Inner::Postgres(inner) = &mut view.inner {
            // With a handful of rows it would read them all, and sort, whatever the indexes.
            for way in ["seqscan", "bitmapscan", "sort"] {
                let sql = sqlx::AssertSqlSafe(format!("SET LOCAL enable_{way} = off"));
                sqlx::query(sql).execute(&mut **inner).await?;
            }
        }
        let mut plans = [Vec::new(), Vec::new()];
        let typed = [
            EVERYBODY.replace("$1", "'a'").replace("$2", "51"),
            BY_WORD
                .replace("$1", "'a'")
                .replace("$2", "'b'")
                .replace("$3", "'z'")
                .replace("$4", "51"),
        ];
        for (plan, sql) in plans.iter_mut().zip(typed) {
            *plan = match &mut view.inner {
                Inner::Sqlite(inner) => {
                    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
                    let rows: Vec<(i64, i64, i64, String)> =
                        sqlx::query_as(sql).fetch_all(&mut **inner).await?;
                    rows.into_iter().map(|it| it.3).collect()
                }
                Inner::Postgres(inner) => {
                    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN {sql}"));
                    sqlx::query_scalar(sql).fetch_all(&mut **inner).await?
                }
            };
        }
        Ok(plans)
    }
}

/// `$1` the subject to go on after, `$2` how many.
const EVERYBODY: &str = "SELECT word, subject FROM people_words
     WHERE word = '' AND subject > $1 ORDER BY subject LIMIT $2";
/// `$1` and `$2` the place to go on after, `$3` where words end that begin so, `$4` how many.
const BY_WORD: &str = "SELECT word, subject FROM people_words
     WHERE (word, subject) > ($1, $2) AND word < $3 ORDER BY word, subject LIMIT $4";
/// Looks for one page at most: so much is passed over of people who stood on an earlier one.
const ROUNDS_MAX: usize = 20;

impl Transaction {
    /// The words that begin so after a place, with whom they find.
    async fn words_after(
        &mut self,
        find: &str,
        place: &PersonFound,
        limit: usize,
    ) -> Result<Vec<PersonFound>, StoreError> {
        let limit = i64::try_from(limit).map_err(|_| StoreError::TooLarge)?;
        // The greatest character, after which no word begins so.
        let end = format!("{find}{GREATEST}");
        let rows: Vec<(String, String)> = on!(self, |connection| {
            if find.is_empty() {
                let listed = sqlx::query_as(EVERYBODY).bind(place.subject.as_str());
                listed.bind(limit).fetch_all(connection).await?
            } else {
                let found = sqlx::query_as(BY_WORD).bind(&place.word).bind(place.subject.as_str());
                found.bind(&end).bind(limit).fetch_all(connection).await?
            }
        });
        let found = |(word, subject)| PersonFound { word, subject: Subject::new(subject) };
        Ok(rows.into_iter().map(found).collect())
    }

    /// Of each of these people, the first word that begins so.
    async fn first_words(
        &mut self,
        find: &str,
        found: &[PersonFound],
    ) -> Result<BTreeMap<Subject, String>, StoreError> {
        let subjects: BTreeSet<&str> = found.iter().map(|it| it.subject.as_str()).collect();
        if subjects.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT subject, min(word) FROM people_words
             WHERE word >= $1 AND subject IN ({}) GROUP BY subject",
            places(2, subjects.len())
        );
        let rows: Vec<(String, String)> = on!(self, |connection| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(find);
            for subject in &subjects {
                query = query.bind(subject);
            }
            query.fetch_all(connection).await?
        });
        Ok(rows.into_iter().map(|(subject, word)| (Subject::new(subject), word)).collect())
    }

    /// Writes down by which words a person is found now. Names that nobody could type are left out.
    pub(crate) async fn find_person(&mut self, subject: &str) -> Result<(), StoreError> {
        if !is_findable(subject) {
            return Ok(());
        }
        let texts = self.texts_of(subject).await?;
        let next = words(std::iter::once(subject).chain(texts.iter().map(String::as_str)));
        let before: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT word FROM people_words WHERE subject = $1")
                .bind(subject)
                .fetch_all(connection)
                .await?
        });
        let before: BTreeSet<String> = before.into_iter().collect();
        for word in before.difference(&next) {
            on!(self, |connection| {
                sqlx::query("DELETE FROM people_words WHERE word = $1 AND subject = $2")
                    .bind(word)
                    .bind(subject)
                    .execute(connection)
                    .await?;
            });
        }
        for word in next.difference(&before) {
            on!(self, |connection| {
                sqlx::query(
                    "INSERT INTO people_words (word, subject) VALUES ($1, $2)
                     ON CONFLICT DO NOTHING",
                )
                .bind(word)
                .bind(subject)
                .execute(connection)
                .await?;
            });
        }
        Ok(())
    }

    /// Whoever holds a grant is found.
    pub(crate) async fn find_holder(&mut self, grant: &Grant) -> Result<(), StoreError> {
        match &grant.holder {
            Holder::Subject(subject) => self.find_person(subject.as_str()).await,
            Holder::Group(_) => Ok(()),
        }
    }

    /// Whoever a catalog names is found.
    pub(crate) async fn find_named(&mut self, catalog: &RawCatalog) -> Result<(), StoreError> {
        let targets = catalog.targets.values().flat_map(|it| &it.owners);
        let functions = catalog.functions.values().flat_map(|it| &it.owners);
        let rules = catalog.functions.values().flat_map(|it| &it.approval);
        let people = rules.flat_map(|it| &it.from).filter_map(|it| it.strip_prefix("person:"));
        let sponsors = catalog.agents.values().map(|it| it.sponsor.as_str());
        let owners = targets.chain(functions).map(String::as_str);
        let named: BTreeSet<&str> = owners.chain(people).chain(sponsors).collect();
        for subject in named {
            self.find_person(subject).await?;
        }
        Ok(())
    }

    /// Everybody of facts that were written before there were words.
    pub(crate) async fn find_all(&mut self) -> Result<(), StoreError> {
        let (subjects, grants, catalogs) = on!(self, |connection| {
            let subjects: Vec<String> = sqlx::query_scalar(
                "SELECT subject FROM people UNION SELECT subject FROM scim_names",
            )
            .fetch_all(&mut *connection)
            .await?;
            let grants: Vec<String> = sqlx::query_scalar("SELECT document FROM grants")
                .fetch_all(&mut *connection)
                .await?;
            let catalogs: Vec<String> = sqlx::query_scalar(
                "SELECT document FROM catalog_versions ORDER BY sequence DESC LIMIT 1",
            )
            .fetch_all(connection)
            .await?;
            (subjects, grants, catalogs)
        });
        for subject in subjects {
            self.find_person(&subject).await?;
        }
        for grant in grants {
            self.find_holder(&crate::read_json("grant", &grant)?).await?;
        }
        for catalog in catalogs {
            self.find_named(&crate::read_json("catalog", &catalog)?).await?;
        }
        Ok(())
    }

    /// What is said of a person where they signed in and in directories: names and addresses.
    async fn texts_of(&mut self, subject: &str) -> Result<Vec<String>, StoreError> {
        let (signed_in, documents) = on!(self, |connection| {
            let signed_in: Option<(String, String)> =
                sqlx::query_as("SELECT name, email FROM people WHERE subject = $1")
                    .bind(subject)
                    .fetch_optional(&mut *connection)
                    .await?;
            let documents: Vec<String> = sqlx::query_scalar(
                "SELECT document FROM scim_resources WHERE here = $1 AND kind = 'user'",
            )
            .bind(subject)
            .fetch_all(connection)
            .await?;
            (signed_in, documents)
        });
        let mut texts: Vec<String> =
            signed_in.into_iter().flat_map(|(name, email)| [name, email]).collect();
        for document in documents {
            texts.extend(DirectoryPerson::texts(&document));
        }
        Ok(texts)
    }
}

/// The words by which somebody is found: of each text what follows from each of its words on.
fn words<'t, I: Iterator<Item = &'t str>>(texts: I) -> BTreeSet<String> {
    let mut words = BTreeSet::from([String::new()]);
    for text in texts {
        let text = folded(text);
        let mut before = ' ';
        let mut starts = Vec::new();
        for (place, character) in text.char_indices() {
            if place == 0 || (character.is_alphanumeric() && !before.is_alphanumeric()) {
                starts.push(place);
            }
            before = character;
        }
        let starts = starts.into_iter().take(WORDS_OF_A_TEXT_MAX);
        words.extend(starts.filter_map(|it| text.get(it..)).map(shortened));
    }
    words
}

/// As it is compared: in lower case, one blank between words, nothing that can't be typed, and not
/// longer than what counts.
fn folded(text: &str) -> String {
    let typed: String = text
        .chars()
        .map(|it| if it.is_control() || it == GREATEST { ' ' } else { it })
        .take(TEXT_CHARS_MAX)
        .collect();
    let lower = typed.to_lowercase();
    shortened(&lower.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn shortened(text: &str) -> String {
    text.chars().take(FIND_CHARS_MAX).collect()
}

fn is_findable(subject: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && !subject.chars().any(char::is_control)
}

/// No word has it.
const GREATEST: char = '\u{10ffff}';
const WORDS_OF_A_TEXT_MAX: usize = 8;
const TEXT_CHARS_MAX: usize = 400;
/// Longer ones are beyond what an index of PostgreSQL holds beside a word.
const SUBJECT_BYTES_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
