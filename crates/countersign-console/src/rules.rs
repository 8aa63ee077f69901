//! The rules of a function in words.

use crate::text::Text;
use countersign_model::{
    Function, Subject,
    catalog::{ApprovalRule, Approver, MaskRule, Overdue, Rate, RecordRule},
    decide::Demand,
};

/// Every rule of a function, one sentence each.
pub(crate) fn of(function: &Function) -> Vec<Text> {
    let review = &function.review;
    let overdue = match review.overdue {
        Overdue::Warn => "calls go on, with a warning",
        Overdue::Hold => "each call is held for an owner",
        Overdue::Block => "calls are refused",
    };
    let mut rules = vec![format!(
        "A grant is certified every {}, and counts as due {} before. When it is overdue, {overdue}.",
        review.every, review.due
    )];
    rules.extend(function.approvals.iter().map(approval));
    rules.extend(
        function
            .blocks
            .iter()
            .map(|rule| format!("Refused when {}: {}", rule.when.source(), rule.because)),
    );
    if let Some(limit) = function.rate {
        rules.push(format!("A subject may make {}.", rate(limit)));
    }
    rules.push(
        match function.record {
            RecordRule::Full => "Masked arguments and the masked answer are recorded.",
            RecordRule::Arguments => {
                "Masked arguments are recorded; of the answer only status and size."
            }
            RecordRule::None => "Nothing is recorded beyond the ledger's entry.",
        }
        .to_owned(),
    );
    rules.into_iter().map(Text::line).collect()
}

/// The most important rules in a few words, for the catalog's list.
pub(crate) fn brief(function: &Function) -> Text {
    let mut words = Vec::new();
    if !function.approvals.is_empty() {
        let always = function.approvals.iter().any(|it| it.when.is_none());
        words.push(if always { "always held" } else { "held by rule" });
    }
    if !function.blocks.is_empty() {
        words.push("refused by rule");
    }
    if !function.masks.is_empty() {
        words.push("masked");
    }
    Text::line(words.join(", "))
}

fn approval(rule: &ApprovalRule) -> String {
    let when = rule.when.as_ref().map_or_else(
        || "Every call is held".to_owned(),
        |when| format!("Held when {}", when.source()),
    );
    let demand = Demand { from: rule.from.clone(), people: rule.people };
    format!("{when}: {} must approve within {}.", people(&demand, &[]), rule.within)
}

/// Who must answer, in words: `2 different people, each an owner of the function (olivia)`. The owners
/// are named where there are any to name.
pub(crate) fn people(demand: &Demand, owners: &[Subject]) -> String {
    let named: Vec<&str> = owners.iter().map(Subject::as_str).collect();
    let from: Vec<String> = demand
        .from
        .iter()
        .map(|it| match it {
            Approver::Owner if named.is_empty() => "an owner of the function".to_owned(),
            Approver::Owner => format!("an owner of the function ({})", named.join(", ")),
            Approver::Group(group) => format!("a member of {group}"),
            Approver::Person(subject) => subject.to_string(),
            Approver::Subject => "the user for whom the agent acts".to_owned(),
        })
        .collect();
    match demand.people {
        0 | 1 => from.join(" or "),
        people => format!("{people} different people, each {}", from.join(" or ")),
    }
}

/// A rate in words.
pub(crate) fn rate(limit: Rate) -> String {
    format!("{} calls in {}", limit.calls, limit.per)
}

/// A mask in words.
pub(crate) fn mask(rule: &MaskRule, of: &str) -> Text {
    let what = match (&rule.field, rule.detect.is_empty()) {
        (Some(field), true) => field.clone(),
        (Some(field), false) => format!("{} in {field}", rule.detect.join(", ")),
        (None, _) => rule.detect.join(", "),
    };
    Text::line(format!("{of}: {what} ({})", rule.how))
}
