//! Conditions in the catalog and on grants: CEL over `args` and `caller`.
//!
//! An expression is checked against the input schema when it is compiled, so that a typing error
//! is found by `catalog check` and not by a call. What fails while it runs is an error value; who
//! asks decides what the strictest outcome is.

mod check;

use crate::{Caller, Group, ToldGroup, schema::InputSchema};
use cel::{
    Context, Env, Program, Value as Cel,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString},
        value::Val,
    },
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, OnceLock},
};

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4 * 1024;

/// A compiled condition. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
    sees: Sees,
}

/// What an expression may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// `args` at most.
    Arguments,
    /// `caller` too, which is the dearer half to show.
    Caller,
}

impl Expression {
    /// Compiles a condition and checks that each argument it names is one of the schema's.
    pub fn compile(source: &str, schema: &InputSchema) -> Result<Self, BadExpression> {
        if source.len() > EXPRESSION_BYTES_MAX {
            return Err(BadExpression::TooLong);
        }
        let expression = Self::compile_unchecked(source)?;
        check::check(expression.program.expression(), schema)?;
        Ok(expression)
    }

    /// Compiles without a schema to check against: for a condition that was checked when it was
    /// taken in, such as a grant's.
    pub fn compile_unchecked(source: &str) -> Result<Self, BadExpression> {
        let program = environment()
            .compile(source)
            .map_err(|errors| BadExpression::Syntax(one_line(&errors.to_string())))?;
        // A name can't be written otherwise; where it stands in a text, the caller is shown in vain.
        let sees = if source.contains("caller") { Sees::Caller } else { Sees::Arguments };
        Ok(Self { source: source.into(), program: Arc::new(program), sees })
    }

    /// What it may look at.
    pub(crate) fn sees(&self) -> Sees {
        self.sees
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds for a call. Anything but a boolean is an error.
    pub fn evaluate(&self, activation: &Activation<'_>) -> Result<bool, EvaluationFault> {
        match self.program.execute(&activation.context) {
            Ok(Cel::Bool(value)) => Ok(value),
            Ok(_) => Err(EvaluationFault("the expression gave no boolean".to_owned())),
            Err(error) => Err(EvaluationFault(one_line(&error.to_string()))),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// What an expression sees of a call, which it borrows: no text is copied. Built once for all
/// expressions of a decision.
pub struct Activation<'c> {
    context: Context<'c, 'c>,
}

impl<'c> Activation<'c> {
    /// `args` as the schema types them (`integer` is an int, every other number a double), and
    /// `caller` with `subject`, `kind`, `groups`, `scopes`, `actors`, `client`. `told` are the groups
    /// that directories tell of.
    pub fn new(
        caller: &'c Caller,
        told: &'c [ToldGroup],
        arguments: &'c Value,
        schema: &InputSchema,
    ) -> Self {
        let mut activation = Self::of_arguments(arguments, schema);
        activation.context.add_variable_as_val("caller", caller_value(caller, told));
        activation
    }

    /// The same without `caller`, for expressions that don't look at it.
    pub(crate) fn of_arguments(arguments: &'c Value, schema: &InputSchema) -> Self {
        let mut context = Context::with_env(environment());
        context.add_variable_as_val("args", convert(arguments, Some(schema.value())));
        Self { context }
    }
}

impl fmt::Debug for Activation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Activation")
    }
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExpression {
    /// Longer than [`EXPRESSION_BYTES_MAX`].
    #[error("an expression has at most {EXPRESSION_BYTES_MAX} bytes")]
    TooLong,
    /// Not CEL.
    #[error("not a CEL expression: {0}")]
    Syntax(String),
    /// Names an argument that the input schema does not have.
    #[error("the input schema has no argument `{0}`")]
    UnknownArgument(String),
    /// Names a variable other than `args` and `caller`.
    #[error("unknown variable `{0}`; an expression sees `args` and `caller`")]
    UnknownVariable(String),
    /// Names a field that a caller does not have.
    #[error("a caller has no `{0}`; it has subject, kind, groups, scopes, actors and client")]
    UnknownCallerField(String),
    /// Calls a function that does not exist.
    #[error("unknown function `{0}`")]
    UnknownFunction(String),
    /// Loops within loops cost more than a decision may.
    #[error("a loop inside a loop is not allowed")]
    NestedLoop,
    /// Uses something that conditions don't have.
    #[error("{0} can't be used in a condition")]
    Unsupported(&'static str),
}

/// Why a condition gave no answer. Counts as its strictest outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationFault(pub String);

fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    Arc::clone(ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib())))
}

/// A value that may borrow what it is made of.
type Shown<'c> = Box<dyn Val + 'c>;

fn caller_value<'c>(caller: &'c Caller, told: &'c [ToldGroup]) -> Shown<'c> {
    let groups: BTreeSet<&Group> =
        caller.groups.iter().chain(told.iter().map(|it| &it.group)).collect();
    let kind = match caller.kind {
        crate::CallerKind::Person => "person",
        crate::CallerKind::Agent => "agent",
        crate::CallerKind::Service => "service",
    };
    map([
        ("subject", text(caller.subject.as_str())),
        ("kind", text(kind)),
        ("client", text(caller.client.as_deref().unwrap_or(""))),
        ("groups", list(groups.into_iter().map(Group::as_str).map(text))),
        ("scopes", list(caller.scopes.iter().map(AsRef::as_ref).map(text))),
        ("actors", list(caller.actors.iter().map(crate::Subject::as_str).map(text))),
    ])
}

fn convert<'c>(value: &'c Value, schema: Option<&Value>) -> Shown<'c> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::String(it) => text(it),
        Value::Number(number) => match (number.as_i64(), schema.and_then(|it| it.get("type"))) {
            (Some(integer), Some(Value::String(kind))) if kind == "integer" => {
                Box::new(CelInt::from(integer))
            }
            (_, _) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::Array(items) => {
            let schema = schema.and_then(|it| it.get("items"));
            list(items.iter().map(|item| convert(item, schema)))
        }
        Value::Object(members) => {
            let properties = schema.and_then(|it| it.get("properties"));
            map(members.iter().map(|(name, value)| {
                let schema = properties.and_then(|it| it.get(name));
                (name.as_str(), convert(value, schema))
            }))
        }
    }
}

fn text(it: &str) -> Shown<'_> {
    Box::new(CelString::from(it))
}

fn list<'c>(items: impl Iterator<Item = Shown<'c>>) -> Shown<'c> {
    Box::new(CelList::from(items.collect::<Vec<Shown<'c>>>()))
}

fn map<'c>(members: impl IntoIterator<Item = (&'c str, Shown<'c>)>) -> Shown<'c> {
    let members = members.into_iter().map(|(name, value)| (CelMapKey::from(name), value));
    Box::new(CelMap::from(members.collect::<HashMap<CelMapKey<'c>, Shown<'c>>>()))
}

fn one_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or("")
        .trim_start_matches("ERROR: <input>:")
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests;
