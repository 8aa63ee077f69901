//! Places for values in statements of many rows.

use crate::{Transaction, transaction::Inner};
use std::fmt::Write as _;

/// How a statement says where its values stand. PostgreSQL numbers them. SQLite finds a number by counting
/// from the first place, once when it reads the statement and again for each value, so that twice the
/// values cost four times as much: there places are bare, and values stand in the order of the text. A
/// statement has places of one kind only, in the order of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// `?`
    Bare,
    /// `$1`, `$2`
    Numbered,
}

impl Transaction {
    pub(crate) fn places(&self) -> Places {
        match &self.inner {
            Inner::Sqlite(_) => Places::Bare,
            Inner::Postgres(_) => Places::Numbered,
        }
    }
}

impl Places {
    /// The place of one value.
    pub(crate) fn one(self, number: usize) -> String {
        match self {
            Self::Bare => "?".to_owned(),
            Self::Numbered => format!("${number}"),
        }
    }

    /// So many values, `$3, $4`, behind some that stand before.
    pub(crate) fn list(self, count: usize, before: usize) -> String {
        let mut text = String::with_capacity(count * 7);
        for place in 1..=count {
            let comma = if place == 1 { "" } else { ", " };
            // Writing to a string can't fail.
            let _ = match self {
                Self::Bare => write!(text, "{comma}?"),
                Self::Numbered => write!(text, "{comma}${}", before + place),
            };
        }
        text
    }

    /// So many rows of so many values, `($1, $2), ($3, $4)`. `more` stands at the end of each row.
    pub(crate) fn rows(self, rows: usize, columns: usize, more: &str) -> String {
        let mut text = String::with_capacity(rows * (columns * 7 + 4 + more.len()));
        for row in 0..rows {
            let comma = if row == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}({}{more})", self.list(columns, row * columns));
        }
        text
    }
}

#[cfg(test)]
mod tests;
