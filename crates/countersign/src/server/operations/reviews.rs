//! Access reviews in `/metrics`: as counted each minute. The labels are words of ours, so that their
//! number is bounded.

use countersign_governance::ReviewGauges;
use std::fmt::Write as _;

/// Writes them; nothing before the first count.
pub(super) fn write(out: &mut String, counted: Option<&ReviewGauges>) {
    let Some(counted) = counted else { return };
    let campaigns = "Campaigns of access reviews by state.";
    labelled(out, "review_campaigns", campaigns, "state", &counted.campaigns);
    let results = "Decided items of access reviews by result.";
    labelled(out, "review_decisions", results, "result", &counted.results);
    for (name, help, value) in [
        ("review_open_items", "Items of running campaigns that wait.", counted.open_items),
        (
            "review_oldest_open_item_seconds",
            "How long ago the campaign of the oldest item that waits was begun.",
            counted.oldest_open_seconds,
        ),
        ("overdue_grants", "Active grants whose certification has lapsed.", counted.overdue_grants),
        (
            "notices_failed",
            "Deliveries of notices that failed and are tried again.",
            counted.notices_failed,
        ),
        (
            "notices_given_up",
            "Deliveries of notices that nobody tries any more.",
            counted.notices_given_up,
        ),
    ] {
        head(out, name, help);
        // Writing to a string can't fail.
        let _ = writeln!(out, "countersign_{name} {value}");
    }
}

fn labelled(out: &mut String, name: &str, help: &str, label: &str, rows: &[(String, u64)]) {
    head(out, name, help);
    for (of, value) in rows {
        let of = super::escaped(of);
        let _ = writeln!(out, "countersign_{name}{{{label}=\"{of}\"}} {value}");
    }
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = write!(out, "# HELP countersign_{name} {help}\n# TYPE countersign_{name} gauge\n");
}

#[cfg(test)]
mod tests;
