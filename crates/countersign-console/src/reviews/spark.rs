//! A small chart of weekly use, as inline SVG: bars without words, and words for who does not see them.

use askama::filters::HtmlSafe;
use std::fmt;

/// Calls by week, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spark(pub(crate) Vec<u64>);

impl fmt::Display for Spark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().saturating_sub(WEEKS_SHOWN);
        let weeks = self.0.get(shown..).unwrap_or_default();
        let most = weeks.iter().copied().max().unwrap_or_default();
        let last = weeks.last().copied().unwrap_or_default();
        let width = weeks.len().max(1) * STEP;
        write!(
            f,
            "<svg class=\"spark\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" \
             role=\"img\" aria-label=\"Calls by week over {} weeks: at most {most}, {last} in the last week\">",
            weeks.len()
        )?;
        for (place, calls) in weeks.iter().enumerate() {
            // A week without calls is a line, so that weeks can be counted.
            let height =
                if *calls == 0 { 1 } else { (calls * (HEIGHT - 2)).div_ceil(most.max(1)) + 1 };
            let class = if *calls == 0 { " class=\"none\"" } else { "" };
            let (x, y, bar) = (place * STEP, HEIGHT - height, STEP - 2);
            write!(f, "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{bar}\" height=\"{height}\"/>")?;
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Spark {}

const WEEKS_SHOWN: usize = 26;
const STEP: usize = 7;
const HEIGHT: u64 = 22;
