//! What applying a catalog would change, for people: like a diff, with the grants that it touches.

use crate::{
    output::{BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    table::Table,
};
use serde::Deserialize;

/// A plan, as the gateway makes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Plan {
    /// The catalog in force.
    pub(crate) base: String,
    /// The catalog after it.
    pub(crate) next: String,
    /// What is added, changed and removed.
    pub(crate) changes: Vec<Change>,
    /// What becomes of grants that the files have.
    #[serde(default)]
    pub(crate) grants: Vec<PlannedGrant>,
    /// Grants for which something changes.
    #[serde(default)]
    pub(crate) grants_touched: Vec<TouchedGrant>,
}

/// What becomes of a grant that the files have.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PlannedGrant {
    /// Its name in the files.
    pub(crate) name: String,
    /// `made`, `narrowed`, `widened`, `revoked` or `differs`.
    pub(crate) effect: String,
    /// In plain words.
    pub(crate) text: String,
}

/// One change.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    /// `function billing.refunds.create`.
    pub(crate) place: String,
    /// `- …` and `+ …`.
    #[serde(default)]
    pub(crate) lines: Vec<String>,
}

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Added,
    Changed,
    Removed,
}

/// A grant for which something changes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TouchedGrant {
    pub(crate) id: String,
    pub(crate) holder: String,
    #[serde(default)]
    pub(crate) functions: Vec<String>,
    #[serde(default)]
    pub(crate) effect: String,
}

impl Plan {
    /// Whether applying would change nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The plan as text, in styles.
    pub(crate) fn render(&self) -> String {
        if self.is_empty() {
            let nothing = "Nothing changes: the files are what is in force.\n".to_owned();
            return nothing + &self.grants_of_files();
        }
        let mut text = String::new();
        for change in &self.changes {
            let (mark, style) = match change.kind {
                Kind::Added => ("+", GREEN),
                Kind::Changed => ("~", YELLOW),
                Kind::Removed => ("-", RED),
            };
            text.push_str(&styled(style.bold(), &format!("{mark} {}", plain(&change.place))));
            text.push('\n');
            // Of what goes, all goes: its lines say nothing more.
            if change.kind == Kind::Removed {
                continue;
            }
            for line in &change.lines {
                text.push_str(&diff_line(line));
            }
        }
        text.push_str(&self.grants_of_files());
        if !self.grants_touched.is_empty() {
            text.push_str(&format!("\n{}\n", styled(BOLD, "Grants that this touches")));
            let mut table = Table::new(["grant", "holder", "functions", "effect"]);
            for grant in &self.grants_touched {
                table.row([
                    (&grant.id).into(),
                    (&grant.holder).into(),
                    grant.functions.join(", ").into(),
                    (&grant.effect).into(),
                ]);
            }
            text.push_str(&table.render(""));
        }
        text.push_str(&format!("\n{}\n", self.summary()));
        text
    }

    fn grants_of_files(&self) -> String {
        if self.grants.is_empty() {
            return String::new();
        }
        let mut text = format!("\n{}\n", styled(BOLD, "Grants of the files"));
        for grant in &self.grants {
            let style = match grant.effect.as_str() {
                "made" => GREEN,
                "narrowed" | "revoked" => RED,
                _ => YELLOW,
            };
            let (name, what) = (plain(&grant.name), plain(&grant.text));
            text.push_str(&format!("  {} {what}\n", styled(style, &name)));
        }
        text
    }

    fn summary(&self) -> String {
        let count = |kind| self.changes.iter().filter(|it| it.kind == kind).count();
        format!(
            "{} to add, {} to change, {} to remove.",
            count(Kind::Added),
            count(Kind::Changed),
            count(Kind::Removed)
        )
    }
}

fn diff_line(line: &str) -> String {
    let line = plain(line);
    let style = match line.chars().next() {
        Some('+') => GREEN,
        Some('-') => RED,
        Some(_) | None => DIM,
    };
    format!("    {}\n", styled(style, &line))
}

#[cfg(test)]
mod tests;
