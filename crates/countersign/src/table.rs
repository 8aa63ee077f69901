//! Tables for people: columns as wide as their widest cell, headings in capitals, no lines. Text
//! from elsewhere is made plain on the way in.

use crate::output::{BOLD, plain, styled};
use anstyle::Style;

/// A table as it grows.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        let text = plain(text.as_ref()).replace(['\n', '\t'], " ");
        Self { text: shortened(&text, CELL_CHARACTERS_MAX), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

impl Table {
    /// An empty table.
    pub(crate) fn new<const N: usize>(headings: [&'static str; N]) -> Self {
        Self { headings: headings.into(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as there are headings.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, ending in a line end; `nothing` if it has no rows.
    pub(crate) fn render(&self, nothing: &str) -> String {
        if self.rows.is_empty() {
            return format!("{nothing}\n");
        }
        let widths: Vec<usize> = (0..self.headings.len()).map(|it| self.width(it)).collect();
        let headings = self.headings.iter().map(|it| Cell::styled(it.to_uppercase(), BOLD));
        let mut text = rendered(&headings.collect::<Vec<_>>(), &widths);
        for row in &self.rows {
            text.push_str(&rendered(row, &widths));
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let heading = self.headings.get(column).map_or(0, |it| width(it));
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(&cell.text)).max().unwrap_or(0).max(heading)
    }
}

/// A text of at most so many characters, with `…` in place of the rest.
pub(crate) fn shortened(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect()
}

fn rendered(row: &[Cell], widths: &[usize]) -> String {
    let mut text = String::new();
    let last = row.len().saturating_sub(1);
    for (column, (cell, wanted)) in row.iter().zip(widths).enumerate() {
        text.push_str(&styled(cell.style, &cell.text));
        if column < last {
            let blanks = wanted.saturating_sub(width(&cell.text)) + GAP;
            text.extend(std::iter::repeat_n(' ', blanks));
        }
    }
    let mut line = text.trim_end().to_owned();
    line.push('\n');
    line
}

/// Characters, which is the columns for all but wide scripts.
fn width(text: &str) -> usize {
    text.chars().count()
}

const CELL_CHARACTERS_MAX: usize = 72;
/// Blanks between columns.
const GAP: usize = 2;

#[cfg(test)]
mod tests;
