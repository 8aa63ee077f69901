//! Reduce to used (R18): what of a grant stays if it is narrowed to what it was used for. It proposes;
//! people decide. Hidden and incomplete arguments are never narrowed to.

use super::{
    item::Change,
    usage::{ArgumentUsage, FunctionUsage, GrantUsage, VALUES_MAX},
};
use crate::{
    Caller, CallerKind, Catalog, Function, FunctionName, Grant, Issued, Timestamp,
    expression::{Activation, Expression},
    schema::InputSchema,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// What a grant is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduced {
    /// The functions that stay: those that were used.
    pub functions: Vec<FunctionName>,
    /// Constraints that are added, as CEL. Each compiles against every function that stays.
    pub constraints: Vec<String>,
    /// The gentler choice: the functions that stay if only those that change something (any method but
    /// `GET` and `HEAD`) and were not used go. Absent when that changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<Vec<FunctionName>>,
    /// What goes and why, for people: `functions_unused`, `few_values`, `values`, `range`, `never_given`.
    pub why: Vec<Change>,
}

/// Constraints that are proposed at most.
const PROPOSED_MAX: usize = 8;
/// Calls whose arguments must have been seen before their values say anything.
const CALLS_MIN: u64 = 10;
/// Numbers that are listed at most; more are a range.
const LISTED_NUMBERS_MAX: usize = 3;
/// Values so few, and so often given, that a narrower grant would do.
const FEW_VALUES: usize = 5;

/// Whether what is proposed is tried as a grant's constraint would be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// Compiled, and evaluated for what was seen: whoever is shown a constraint can have it.
    Compiled,
    /// Not: for whoever asks only why. Compiling takes most of a millisecond, and a campaign asks it of
    /// very many grants.
    None,
}

/// Narrows a grant to what was used. `None` if nothing was used, or all of it.
pub fn reduce(grant: &Grant, usage: &GrantUsage, catalog: &Catalog) -> Option<Reduced> {
    narrow(grant, usage, catalog, Trial::Compiled)
}

/// Why a grant is narrowed by [`reduce`], without the constraints themselves.
pub(super) fn why_reduce(grant: &Grant, usage: &GrantUsage, catalog: &Catalog) -> Vec<Change> {
    narrow(grant, usage, catalog, Trial::None).map(|it| it.why).unwrap_or_default()
}

fn narrow(grant: &Grant, usage: &GrantUsage, catalog: &Catalog, trial: Trial) -> Option<Reduced> {
    let reached = reached(grant, catalog);
    let is_used = |name: &FunctionName| usage.functions.get(name).is_some_and(|it| it.used > 0);
    let kept: Vec<&Arc<Function>> =
        reached.iter().copied().filter(|it| is_used(&it.name)).collect();
    if kept.is_empty() {
        return None;
    }
    let mut why = Vec::new();
    let dropped: Vec<&str> = reached
        .iter()
        .filter(|it| !is_used(&it.name))
        .map(|function| function.name.as_str())
        .collect();
    if !dropped.is_empty() {
        let sentence = match dropped.as_slice() {
            [one] => format!("{one} was not used."),
            several => format!("{} functions were not used: {}.", several.len(), few(several)),
        };
        why.push(Change { code: "functions_unused".to_owned(), sentence });
    }
    let (constraints, narrower): (Vec<String>, Vec<Change>) =
        constraints(grant, usage, &kept, trial).into_iter().unzip();
    why.extend(narrower);
    if why.is_empty() {
        return None;
    }
    let names = |of: &[&Arc<Function>]| of.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let harmless: Vec<&Arc<Function>> =
        reached.iter().copied().filter(|it| is_used(&it.name) || only_reads(it)).collect();
    let differs = harmless.len() < reached.len() && harmless.len() > kept.len();
    Some(Reduced {
        functions: names(&kept),
        constraints,
        read_only: differs.then(|| names(&harmless)),
        why,
    })
}

/// The functions that a grant reaches, by name or by tag, in this catalog.
fn reached<'a>(grant: &Grant, catalog: &'a Catalog) -> Vec<&'a Arc<Function>> {
    let by_tag = |function: &Function| grant.tags.iter().any(|tag| function.tags.contains(tag));
    let by_name = |function: &Function| grant.functions.contains(&function.name);
    if grant.tags.is_empty() {
        let mut found: Vec<_> =
            grant.functions.iter().filter_map(|it| catalog.by_name(it.as_str())).collect();
        found.sort_unstable_by_key(|(ix, _)| *ix);
        found.dedup_by_key(|(ix, _)| *ix);
        return found.into_iter().map(|(_, function)| function).collect();
    }
    catalog.functions.iter().filter(|it| by_name(it) || by_tag(it)).collect()
}

/// Whether calling it changes nothing, as far as its method says.
fn only_reads(function: &Function) -> bool {
    matches!(&*function.http.method, "GET" | "HEAD")
}

/// Constraints of a grant hold for all of its functions, so only arguments that each of those that stay
/// has can be narrowed.
fn constraints(
    grant: &Grant,
    usage: &GrantUsage,
    kept: &[&Arc<Function>],
    trial: Trial,
) -> Vec<(String, Change)> {
    let mut used = Vec::with_capacity(kept.len());
    for function in kept {
        match usage.functions.get(&function.name) {
            Some(it) if it.is_complete() && it.arguments_seen >= CALLS_MIN => {
                used.push((&function.input, it));
            }
            Some(_) | None => return Vec::new(),
        }
    }
    let Some((first, _)) = used.first() else { return Vec::new() };
    let mut proposed = Vec::new();
    for name in first.properties() {
        if proposed.len() == PROPOSED_MAX {
            break;
        }
        let is_new = !grant.constraints.iter().any(|it| mentions(it, name));
        let is_common = used.iter().all(|(schema, _)| schema.property(name).is_some());
        if is_new
            && is_common
            && is_identifier(name)
            && let Some(narrowed) = narrowed(name, &used, trial)
        {
            proposed.push(narrowed);
        }
    }
    proposed
}

/// What is known of one argument over all functions that stay.
struct Seen<'a> {
    /// In how many calls it was present, and how many calls there were.
    present: u64,
    calls: u64,
    values: Vec<&'a Value>,
    is_open: bool,
    range: Option<(f64, f64)>,
}

/// The constraint that narrows an argument, if one can be found that all calls have kept to.
fn narrowed(
    name: &str,
    used: &[(&InputSchema, &FunctionUsage)],
    trial: Trial,
) -> Option<(String, Change)> {
    let seen = seen(name, used)?;
    let schema = used.first().and_then(|(schema, _)| schema.property(name));
    let kind = if is_integer(schema) { Kind::Integer } else { Kind::Other };
    let (code, condition, sentence) = if seen.present == 0 {
        let is_optional = used.iter().all(|(schema, _)| !is_required(schema, name));
        if !is_optional {
            return None;
        }
        ("never_given", format!("!has(args.{name})"), format!("`{name}` was never given."))
    } else {
        let (code, condition, sentence) = condition(name, kind, &seen)?;
        let whole = if seen.present < seen.calls {
            format!("!has(args.{name}) || {condition}")
        } else {
            condition
        };
        (code, whole, sentence)
    };
    let is_kept = |(schema, it): &(&InputSchema, &FunctionUsage)| {
        is_kept_to(&condition, schema, name, it.arguments.get(name), it.arguments_seen)
    };
    let holds = match trial {
        Trial::Compiled => used.iter().all(is_kept),
        Trial::None => true,
    };
    holds.then(|| (condition, Change { code: code.to_owned(), sentence }))
}

fn seen<'a>(name: &str, used: &[(&InputSchema, &'a FunctionUsage)]) -> Option<Seen<'a>> {
    let mut seen = Seen { present: 0, calls: 0, values: Vec::new(), is_open: false, range: None };
    let mut all_numbers = true;
    for (_, function) in used {
        seen.calls += function.arguments_seen;
        let Some(argument) = function.arguments.get(name) else { continue };
        if argument.hidden {
            return None;
        }
        seen.present += argument.present;
        seen.is_open |= argument.more_values;
        for (value, _) in &argument.values {
            if !seen.values.contains(&value) {
                seen.values.push(value);
            }
        }
        match (argument.least, argument.greatest, seen.range) {
            (Some(least), Some(greatest), None) => seen.range = Some((least, greatest)),
            (Some(least), Some(greatest), Some((low, high))) => {
                seen.range = Some((low.min(least), high.max(greatest)));
            }
            (_, _, _) => all_numbers = false,
        }
    }
    seen.range = seen.range.filter(|_| all_numbers);
    Some(seen)
}

/// How numbers of an argument are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Other,
}

fn condition(name: &str, kind: Kind, seen: &Seen<'_>) -> Option<(&'static str, String, String)> {
    if seen.present < CALLS_MIN {
        return None;
    }
    let listed = if seen.range.is_some() { LISTED_NUMBERS_MAX } else { VALUES_MAX };
    let repeats = length(&seen.values).saturating_mul(2) <= seen.present;
    if !seen.is_open && !seen.values.is_empty() && seen.values.len() <= listed && repeats {
        let literals =
            seen.values.iter().map(|it| literal(it, kind)).collect::<Option<Vec<_>>>()?;
        let list = literals.join(", ");
        let condition = match literals.as_slice() {
            [one] => format!("args.{name} == {one}"),
            _ => format!("args.{name} in [{list}]"),
        };
        let is_few = seen.values.len() <= FEW_VALUES
            && length(&seen.values).saturating_mul(10) <= seen.present;
        let code = if is_few { "few_values" } else { "values" };
        let sentence = match literals.as_slice() {
            [one] => format!("`{name}` was always {one}."),
            _ => format!("`{name}` had only {} values: {list}.", literals.len()),
        };
        return Some((code, condition, sentence));
    }
    let (least, greatest) = seen.range?;
    let (low, high) = (number(least, kind)?, number(greatest, kind)?);
    let condition = format!("(args.{name} >= {low} && args.{name} <= {high})");
    Some(("range", condition, format!("`{name}` was between {low} and {high}.")))
}

/// Compiles the constraint as a grant's would be, and tries it on what was seen: nothing is proposed that
/// would have refused one of these calls.
fn is_kept_to(
    condition: &str,
    schema: &InputSchema,
    name: &str,
    argument: Option<&ArgumentUsage>,
    calls: u64,
) -> bool {
    let Ok(expression) = Expression::compile(condition, schema) else { return false };
    let nobody = nobody();
    let holds = |value: Option<Value>| {
        let arguments: Map<String, Value> =
            value.into_iter().map(|it| (name.to_owned(), it)).collect();
        let arguments = Value::Object(arguments);
        let activation = Activation::new(&nobody, &[], &arguments, schema);
        expression.evaluate(&activation) == Ok(true)
    };
    let present = argument.map_or(0, |it| it.present);
    let ends = argument.into_iter().flat_map(|it| [it.least, it.greatest]).flatten();
    let ends = ends.map(Value::from);
    let values =
        argument.into_iter().flat_map(|it| it.values.iter().map(|(value, _)| value.clone()));
    (present >= calls || holds(None)) && ends.chain(values).all(|value| holds(Some(value)))
}

/// Constraints that are proposed say nothing of the caller.
fn nobody() -> Caller {
    Caller {
        subject: "nobody".into(),
        kind: CallerKind::Service,
        actors: Vec::new(),
        client: None,
        issuer: "".into(),
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: Timestamp::default(),
        issued: Issued::default(),
    }
}

/// A value as CEL writes it. CEL reads JSON's quoted texts.
fn literal(value: &Value, kind: Kind) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Some(value.to_string()),
        Value::Number(it) => match (it.as_i64(), kind) {
            (Some(integer), Kind::Integer) => Some(integer.to_string()),
            (_, _) => number(it.as_f64()?, Kind::Other),
        },
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: f64, kind: Kind) -> Option<String> {
    match kind {
        Kind::Integer if value.fract() == 0.0 && value.abs() <= INTEGER_MAX => {
            Some(format!("{value:.0}"))
        }
        Kind::Integer => None,
        Kind::Other => value.is_finite().then(|| format!("{value:?}")),
    }
}

/// Beyond this, a double is no exact integer any more.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

fn is_integer(schema: Option<&Value>) -> bool {
    schema.and_then(|it| it.get("type")).and_then(Value::as_str) == Some("integer")
}

fn is_required(schema: &InputSchema, name: &str) -> bool {
    let required = schema.value().get("required").and_then(Value::as_array);
    required.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(name)))
}

/// Whether a constraint speaks of an argument already: then it is not narrowed again and again.
fn mentions(constraint: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    constraint.split(|it: char| !is_part(it)).any(|word| word == name)
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
        && chars.all(|it| it.is_ascii_alphanumeric() || it == '_')
}

fn few(names: &[&str]) -> String {
    match names {
        [one, two, three, rest @ ..] if rest.len() > 1 => {
            format!("{one}, {two}, {three} and {} more", rest.len())
        }
        all => all.join(", "),
    }
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
