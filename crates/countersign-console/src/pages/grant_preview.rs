//! What a grant that nobody has made yet would let through, as a part of the pages on which somebody makes
//! it or answers a request for it.

use crate::{
    pages::function,
    samples::Say,
    text::Text,
    view::{Chip, Tone},
};
use askama::{Template, filters::HtmlSafe};
use countersign_governance::{Fate, FateReason, Fates, GrantPreview};
use countersign_model::FunctionName;

/// Reasons of each kind that are shown.
const REASONS_MAX: usize = 12;

/// What a grant would let through: a part of a page.
#[derive(Debug, Template)]
#[template(path = "grant_preview.html")]
pub(crate) struct PreviewPart {
    days: i64,
    basis: Text,
    rows: Vec<Row>,
    functions: Vec<Function>,
    reasons: Vec<Reason>,
}

impl HtmlSafe for PreviewPart {}

/// The numbers of one kind of calls.
#[derive(Debug)]
struct Row {
    of: &'static str,
    fates: Fates,
}

#[derive(Debug)]
struct Function {
    name: Text,
    href: String,
    ran: Fates,
    denied: Fates,
}

#[derive(Debug)]
struct Reason {
    fate: Chip,
    calls: u64,
    of: &'static str,
    sentence: Text,
}

const RAN: &str = "calls that ran";
const DENIED: &str = "attempts that did not run";

impl PreviewPart {
    pub(crate) fn of(preview: &GrantPreview) -> Self {
        let reasons = |of: &'static str, all: &[FateReason]| {
            let told = all.iter().take(REASONS_MAX).map(move |it| Reason {
                fate: chip(it.fate),
                calls: it.calls,
                of,
                sentence: Text::line(it.sentence.clone()),
            });
            told.collect::<Vec<Reason>>()
        };
        let mut all = reasons(RAN, &preview.ran_why);
        all.extend(reasons(DENIED, &preview.denied_why));
        let functions = preview.functions.iter().map(|(name, told)| Function {
            name: Text::of(name),
            href: function::href(name),
            ran: told.ran,
            denied: told.denied,
        });
        Self {
            days: preview.look_back.millis() / 86_400_000,
            basis: Text::line(preview.basis.clone()),
            rows: vec![
                Row { of: RAN, fates: preview.ran },
                Row { of: DENIED, fates: preview.denied },
            ],
            functions: functions.collect(),
            reasons: all,
        }
    }

    pub(crate) fn sample(say: Say) -> Self {
        let fates = |pass, held, refused, unknown| Fates { pass, held, refused, unknown };
        let name = "billing.refunds.create";
        Self {
            days: 90,
            basis: say("It depends on arguments, which are recorded of 17 of 19 calls."),
            rows: vec![
                Row { of: RAN, fates: fates(14, 2, 1, 2) },
                Row { of: DENIED, fates: fates(0, 0, 1, 3) },
            ],
            functions: vec![Function {
                name: say(name),
                href: function::href(&FunctionName::from(name)),
                ran: fates(14, 2, 1, 2),
                denied: fates(0, 0, 1, 3),
            }],
            reasons: vec![Reason {
                fate: chip(Fate::Held),
                calls: 2,
                of: RAN,
                sentence: say(
                    "A rule of the function wants a human's approval (args.amount > 500.0).",
                ),
            }],
        }
    }
}

/// What would become of calls, in a word.
fn chip(of: Fate) -> Chip {
    match of {
        Fate::Pass => Chip { label: "passes", tone: Tone::Good },
        Fate::Held => Chip { label: "held", tone: Tone::Wait },
        Fate::Refused => Chip { label: "refused", tone: Tone::Bad },
        Fate::Unknown => Chip { label: "can't be judged", tone: Tone::Calm },
    }
}
