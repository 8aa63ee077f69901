//! What a grant was used for, as `countersign grants show` says it.

use super::moment;
use crate::{
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
};
use anstyle::Style;
use countersign_model::{
    Span, Timestamp,
    review::{
        Recommendation, Reduced,
        item::Advice,
        usage::{ArgumentUsage, GrantUsage},
    },
};
use serde::Deserialize;

/// What the API says of a grant's use; all of it, or nothing.
#[derive(Debug, Deserialize)]
pub(super) struct Evidence {
    look_back: Span,
    usage: GrantUsage,
    #[serde(default)]
    recommendation: Option<Recommendation>,
    #[serde(default)]
    reduced: Option<Reduced>,
}

/// Arguments of one function that are shown.
const ARGUMENTS_MAX: usize = 12;
/// Values of one argument that are shown.
const VALUES_SHOWN: usize = 3;

pub(super) fn show(evidence: &Evidence) -> Result<(), Failure> {
    let Evidence { look_back, usage, recommendation, reduced } = evidence;
    output::line("")?;
    if let Some(recommendation) = recommendation {
        let (word, style) = advice(recommendation.advice);
        output::line(&format!("{} {}", styled(BOLD, "Recommendation:"), styled(style, word)))?;
        for reason in &recommendation.reasons {
            output::line(&format!("  {}", plain(&reason.sentence)))?;
        }
    }
    let head = format!("Use in {look_back}");
    let since = format!("counted since {}", usage.since.date());
    output::line(&format!("{} {}", styled(BOLD, &head), styled(DIM, &since)))?;
    let last = usage.last_used_at.map_or("never".to_owned(), |it| moment(&it.to_string()));
    field("used", &format!("{} ({} failed)", usage.used, usage.failed))?;
    field("last use", &last)?;
    let weeks: Vec<String> = usage.weeks.iter().map(ToString::to_string).collect();
    field("by week", &weeks.join(" "))?;
    let denied = usage.denied.iter().map(|(reason, calls)| format!("{reason} {calls}"));
    let denied: Vec<String> = denied.collect();
    field("did not run", if denied.is_empty() { "none" } else { "" })?;
    denied.iter().try_for_each(|it| output::line(&format!("    {}", plain(it))))?;
    users(usage)?;
    functions(usage)?;
    match reduced {
        Some(reduced) => narrowed(reduced),
        None => Ok(()),
    }
}

fn users(usage: &GrantUsage) -> Result<(), Failure> {
    let mut users: Vec<_> = usage.subjects.iter().collect();
    users.sort_by_key(|(_, calls)| std::cmp::Reverse(**calls));
    let mut words: Vec<String> =
        users.iter().map(|(name, calls)| format!("{name} {calls}")).collect();
    if usage.more_subjects > 0 {
        words.push(format!("{} more", usage.more_subjects));
    }
    if words.is_empty() { Ok(()) } else { field("by", &words.join(", ")) }
}

fn functions(usage: &GrantUsage) -> Result<(), Failure> {
    for (name, function) in usage.functions.iter().filter(|(_, it)| it.used > 0) {
        let last = function.last_used_at.map(Timestamp::date).unwrap_or_default();
        let name = plain(name.as_str());
        output::line(&format!("  {name} {} calls, last on {last}", function.used))?;
        for (name, argument) in function.arguments.iter().take(ARGUMENTS_MAX) {
            output::line(&format!("    {}: {}", plain(name), plain(&said(argument))))?;
        }
        let unseen = function.arguments_of.saturating_sub(function.arguments_seen);
        if unseen > 0 {
            let note = format!("    arguments of {unseen} calls were not seen");
            output::line(&styled(DIM, &note))?;
        }
    }
    Ok(())
}

fn narrowed(reduced: &Reduced) -> Result<(), Failure> {
    output::line(&styled(BOLD, "Narrowed to what was used"))?;
    let names: Vec<&str> = reduced.functions.iter().map(|it| it.as_str()).collect();
    field("functions", &names.join(", "))?;
    reduced.constraints.iter().try_for_each(|it| field("constraint", it))
}

fn said(argument: &ArgumentUsage) -> String {
    if argument.hidden {
        return "hidden".to_owned();
    }
    match (argument.least, argument.greatest, argument.more_values) {
        (Some(least), Some(greatest), true) => format!("between {least} and {greatest}"),
        (_, _, more) => {
            let mut values: Vec<String> = argument
                .values
                .iter()
                .take(VALUES_SHOWN)
                .map(|(value, calls)| format!("{value} ({calls})"))
                .collect();
            if more || argument.values.len() > VALUES_SHOWN {
                values.push("and others".to_owned());
            }
            values.join(", ")
        }
    }
}

fn advice(of: Advice) -> (&'static str, Style) {
    match of {
        Advice::Certify => ("keep", GREEN),
        Advice::Reduce => ("reduce", YELLOW),
        Advice::Revoke => ("revoke", RED),
        Advice::NoData => ("too little data", DIM),
    }
}

fn field(name: &str, value: &str) -> Result<(), Failure> {
    output::line(&format!("  {name:<12} {}", plain(value)))
}
