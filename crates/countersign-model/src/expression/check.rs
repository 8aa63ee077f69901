//! Reads an expression's tree and refuses what no call could satisfy.

use super::BadExpression;
use crate::schema::InputSchema;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, SelectExpr};
use serde_json::Value;

const CALLER_FIELDS: [&str; 6] = ["subject", "kind", "groups", "scopes", "actors", "client"];

/// Functions of the CEL standard environment that a condition may call, and the operators as the
/// parser names them.
const FUNCTIONS: [&str; 36] = [
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "_&&_",
    "_||_",
    "!_",
    "-_",
    "_+_",
    "_-_",
    "_*_",
    "_/_",
    "_%_",
    "_?_:_",
    "_[_]",
    "@in",
    "@not_strictly_false",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "max",
    "min",
    "has",
    "duration",
];

pub(super) fn check(expression: &IdedExpr, schema: &InputSchema) -> Result<(), BadExpression> {
    Walk { schema, bound: Vec::new() }.expression(expression)
}

struct Walk<'a> {
    schema: &'a InputSchema,
    /// Names that the loops around this place bind.
    bound: Vec<String>,
}

impl Walk<'_> {
    fn expression(&mut self, expression: &IdedExpr) -> Result<(), BadExpression> {
        match &expression.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key)?;
                    self.expression(&entry.value)
                }
                EntryExpr::StructField(_) => Err(BadExpression::Unsupported("a message")),
            }),
            Expr::Literal(_) => Ok(()),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) => Err(BadExpression::Unsupported("a message")),
            Expr::Unspecified => Err(BadExpression::Unsupported("an empty expression")),
        }
    }

    fn variable(&self, name: &str) -> Result<(), BadExpression> {
        let known = name == "args" || name == "caller" || self.bound.iter().any(|it| it == name);
        known.then_some(()).ok_or_else(|| BadExpression::UnknownVariable(name.to_owned()))
    }

    /// A chain of field selections: the longest that begins at `args` or `caller` is checked whole.
    fn select(&mut self, select: &SelectExpr) -> Result<(), BadExpression> {
        let mut names = vec![select.field.as_str()];
        let mut operand = &select.operand.expr;
        while let Expr::Select(inner) = operand {
            names.push(&inner.field);
            operand = &inner.operand.expr;
        }
        names.reverse();
        match operand {
            Expr::Ident(root) if self.bound.iter().any(|it| it == root) => Ok(()),
            Expr::Ident(root) if root == "args" => self.argument(&names),
            Expr::Ident(root) if root == "caller" => match names.first() {
                Some(name) if CALLER_FIELDS.contains(name) => Ok(()),
                Some(name) => Err(BadExpression::UnknownCallerField((*name).to_owned())),
                None => Ok(()),
            },
            Expr::Ident(root) => Err(BadExpression::UnknownVariable(root.clone())),
            Expr::Unspecified
            | Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_) => self.expression(&select.operand),
        }
    }

    fn argument(&self, names: &[&str]) -> Result<(), BadExpression> {
        let mut schema = self.schema.value();
        for (depth, name) in names.iter().enumerate() {
            let Some(properties) = schema.get("properties") else {
                // Below what the schema describes there is nothing to check against, except at
                // the top, where an absent list of properties means that there are none.
                return match depth {
                    0 => Err(BadExpression::UnknownArgument((*name).to_owned())),
                    _ => Ok(()),
                };
            };
            match properties.get(name) {
                Some(Value::Object(_)) => schema = properties.get(name).unwrap_or(&Value::Null),
                Some(_) => return Ok(()),
                None => {
                    let path = names.iter().take(depth + 1).copied().collect::<Vec<_>>();
                    return Err(BadExpression::UnknownArgument(path.join(".")));
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), BadExpression> {
        if !FUNCTIONS.contains(&call.func_name.as_str()) {
            return Err(BadExpression::UnknownFunction(call.func_name.clone()));
        }
        if let Some(target) = &call.target {
            self.expression(target)?;
        }
        call.args.iter().try_for_each(|argument| self.expression(argument))
    }

    fn comprehension(&mut self, it: &ComprehensionExpr) -> Result<(), BadExpression> {
        if !self.bound.is_empty() {
            return Err(BadExpression::NestedLoop);
        }
        self.expression(&it.iter_range)?;
        self.bound.push(it.iter_var.clone());
        self.bound.push(it.accu_var.clone());
        self.bound.extend(it.iter_var2.clone());
        let result = [&it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
            .into_iter()
            .try_for_each(|part| self.expression(part));
        self.bound.clear();
        result
    }
}
