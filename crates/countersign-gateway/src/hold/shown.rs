//! The arguments of a call as people may see them: masked as the function says, with pointers to what
//! is hidden. Never shows what it could not mask.

use crate::{
    Inner,
    masking::{Coding, Pipeline},
    routes::FunctionRoute,
};
use countersign_mask::{Format, Plan};
use serde_json::{Value, json as object};
use std::sync::Arc;

/// The arguments as they may be shown, and pointers to what is hidden. If they can't be masked,
/// all are hidden.
pub(crate) fn shown(
    inner: &Inner,
    route: Option<&FunctionRoute>,
    arguments: &Value,
) -> (Value, Vec<String>) {
    let plan: Option<&Arc<Plan>> = route.and_then(|it| it.arguments.as_ref());
    let Some(plan) = plan else { return (object!({}), vec![String::new()]) };
    if plan.is_empty() {
        return (arguments.clone(), Vec::new());
    }
    let text = arguments.to_string();
    let plan = Arc::clone(plan);
    let pipeline = Pipeline::masking(plan, &inner.mask_key, Format::Json, Coding::Identity);
    let masked = pipeline.whole(text.into());
    let masked = masked.ok().and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
    match masked {
        Some(masked) => {
            let mut hidden = Vec::new();
            differences(arguments, &masked, &mut String::new(), &mut hidden);
            (masked, hidden)
        }
        None => (object!({}), vec![String::new()]),
    }
}

/// JSON pointers to where two values differ.
fn differences(from: &Value, to: &Value, pointer: &mut String, out: &mut Vec<String>) {
    let mut below = |step: &str, from: &Value, to: Option<&Value>, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        match to {
            Some(to) => differences(from, to, pointer, out),
            None => out.push(pointer.clone()),
        }
        pointer.truncate(length);
    };
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => {
            for (name, value) in from {
                below(name, value, to.get(name), pointer);
            }
        }
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            for (place, (from, to)) in from.iter().zip(to).enumerate() {
                below(&place.to_string(), from, Some(to), pointer);
            }
        }
        (from, to) if from != to => out.push(pointer.clone()),
        (_, _) => {}
    }
}
