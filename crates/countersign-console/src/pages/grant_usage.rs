//! What a grant was used for, as a part of its page: how often by week, by function, with which
//! arguments, what was denied, and what to do with it.

use crate::{
    asker::Asker,
    console::Console,
    pages::function,
    samples::{Say, at},
    sight,
    text::Text,
    view::{self, Chip, Moment, Tone},
};
use askama::{Template, filters::HtmlSafe};
use countersign_governance::{GrantEvidence, GrantView, LOOK_BACK_DEFAULT};
use countersign_model::{
    FunctionName,
    review::{
        item::Advice,
        usage::{ArgumentUsage, FunctionUsage, GrantUsage},
    },
};
use std::{collections::BTreeMap, fmt};

/// Arguments of one function that are shown.
const ARGUMENTS_MAX: usize = 12;

/// What a grant was used for: a part of a page.
#[derive(Debug, Template)]
#[template(path = "grant_usage.html")]
pub(crate) struct UsagePart {
    days: i64,
    since: Moment,
    used: u64,
    failed: u64,
    last: Option<Moment>,
    weeks: Weeks,
    functions: Vec<Used>,
    denied: Vec<(Text, u64)>,
    subjects: Vec<(Text, u64)>,
    more_subjects: u64,
    advice: Option<Chip>,
    reasons: Vec<Text>,
    narrowed: Option<Narrowed>,
}

impl HtmlSafe for UsagePart {}

/// What one function was used for.
#[derive(Debug)]
struct Used {
    name: Text,
    href: String,
    used: u64,
    last: Option<Moment>,
    arguments: Vec<Argument>,
    /// Calls whose arguments were not seen.
    unseen: u64,
}

#[derive(Debug)]
struct Argument {
    name: Text,
    said: Text,
}

/// What it would be narrowed to.
#[derive(Debug)]
struct Narrowed {
    functions: Vec<Text>,
    constraints: Vec<Text>,
}

/// A bar for each week, the last one for the days until now. Numbers only.
#[derive(Debug)]
struct Weeks(Vec<u64>);

impl Weeks {
    fn said(&self) -> String {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        format!("Calls by week, oldest first: {}", numbers.join(", "))
    }
}

impl fmt::Display for Weeks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.0.iter().copied().max().unwrap_or(0).max(1);
        let width = self.0.len().max(1).saturating_mul(BAR + GAP);
        write!(
            f,
            "<svg class=\"weeks\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" \
             role=\"img\" aria-label=\"{}\">",
            self.said()
        )?;
        for (place, calls) in self.0.iter().enumerate() {
            // A week with any call has a bar that can be seen.
            let high = (calls.saturating_mul(HEIGHT) / most).max(if *calls > 0 { 2 } else { 1 });
            let class = if *calls > 0 { "bar" } else { "none" };
            write!(
                f,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{BAR}\" height=\"{high}\"/>",
                place * (BAR + GAP),
                HEIGHT - high,
            )?;
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Weeks {}

const BAR: usize = 14;
const GAP: usize = 4;
const HEIGHT: u64 = 48;

/// What an asker may see of a grant's use; `None` while the store can't be read.
pub(crate) async fn evidence(
    console: &Console,
    asker: &Asker,
    grant: &GrantView,
) -> Option<GrantEvidence> {
    let found = console.governance().grant_evidence(&grant.grant, LOOK_BACK_DEFAULT).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "the use of a grant can't be read");
            return None;
        }
    };
    let snapshot = console.governance().policy().load();
    let seen = sight::details_of_use(&asker.actor, &snapshot, grant, &found.usage);
    Some(found.without_details_but_of(&seen))
}

impl UsagePart {
    pub(crate) fn of(evidence: &GrantEvidence) -> Self {
        let GrantEvidence { look_back, usage, recommendation, reduced, .. } = evidence;
        let GrantUsage { denied, subjects, functions, weeks, .. } = usage;
        let used = functions.iter().filter(|(_, it)| it.used > 0);
        Self {
            days: look_back.millis() / 86_400_000,
            since: Moment(usage.since),
            used: usage.used,
            failed: usage.failed,
            last: usage.last_used_at.map(Moment),
            weeks: Weeks(weeks.clone()),
            functions: used.map(|(name, it)| Used::of(name, it)).collect(),
            denied: denied.iter().map(|(reason, calls)| (Text::of(reason), *calls)).collect(),
            subjects: subjects.iter().map(|(name, calls)| (Text::of(name), *calls)).collect(),
            more_subjects: usage.more_subjects,
            advice: recommendation.as_ref().map(|it| advice(it.advice)),
            reasons: recommendation
                .iter()
                .flat_map(|it| &it.reasons)
                .map(|it| Text::line(it.sentence.clone()))
                .collect(),
            narrowed: reduced.as_ref().map(|it| Narrowed {
                functions: it.functions.iter().map(Text::of).collect(),
                constraints: it.constraints.iter().map(|it| Text::line(it.clone())).collect(),
            }),
        }
    }

    pub(crate) fn sample(say: Say) -> Self {
        let argument = |name: &str, said: &str| Argument { name: say(name), said: say(said) };
        Self {
            days: 90,
            since: Moment(at(-129_600)),
            used: 41,
            failed: 2,
            last: Some(Moment(at(-300))),
            weeks: Weeks(vec![0, 3, 12, 0, 1, 0, 0, 5, 8, 2, 4, 6, 0]),
            functions: vec![Used {
                name: say("billing.refunds.create"),
                href: function::href(&FunctionName::from("billing.refunds.create")),
                used: 41,
                last: Some(Moment(at(-300))),
                arguments: vec![
                    argument("amount", "between 3 and 877"),
                    argument("currency", "EUR (41)"),
                    argument("iban", "hidden"),
                ],
                unseen: 3,
            }],
            denied: vec![(say("outside_constraints"), 4)],
            subjects: vec![(say("riley@acme.example"), 30), (say("kim@acme.example"), 11)],
            more_subjects: 2,
            advice: Some(advice(Advice::Reduce)),
            reasons: vec![say("billing.invoices.list was not used."), say("Used 41 times.")],
            narrowed: Some(Narrowed {
                functions: vec![say("billing.refunds.create")],
                constraints: vec![say("args.currency == \"EUR\"")],
            }),
        }
    }
}

impl Used {
    fn of(name: &FunctionName, usage: &FunctionUsage) -> Self {
        let arguments: &BTreeMap<String, ArgumentUsage> = &usage.arguments;
        let shown = arguments.iter().take(ARGUMENTS_MAX);
        Self {
            name: Text::of(name),
            href: function::href(name),
            used: usage.used,
            last: usage.last_used_at.map(Moment),
            arguments: shown
                .map(|(name, it)| Argument { name: Text::line(name.clone()), said: said(it) })
                .collect(),
            unseen: usage.arguments_of.saturating_sub(usage.arguments_seen),
        }
    }
}

/// The values of an argument, in a line.
fn said(argument: &ArgumentUsage) -> Text {
    if argument.hidden {
        return Text::line("hidden");
    }
    let range = argument.least.zip(argument.greatest);
    let mut values: Vec<String> = argument
        .values
        .iter()
        .map(|(value, calls)| format!("{} ({calls})", view::value_text(value).plain()))
        .collect();
    match (range, argument.more_values) {
        (Some((least, greatest)), true) => Text::line(format!("between {least} and {greatest}")),
        (None, true) => {
            values.truncate(3);
            values.push("and others".to_owned());
            Text::line(values.join(", "))
        }
        (_, false) => Text::line(values.join(", ")),
    }
}

/// What to do, in a word.
pub(crate) fn advice(of: Advice) -> Chip {
    match of {
        Advice::Certify => Chip { label: "keep", tone: Tone::Good },
        Advice::Reduce => Chip { label: "reduce", tone: Tone::Wait },
        Advice::Revoke => Chip { label: "revoke", tone: Tone::Bad },
        Advice::NoData => Chip { label: "too little data", tone: Tone::Calm },
    }
}
