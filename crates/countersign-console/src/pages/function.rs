//! A function's page: what it does, its rules in words, its schema, and who may call it.

use super::grants::{self, GrantLine};
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    rules,
    samples::{Sample, Say, frame},
    sight,
    text::Text,
    view::{self, Chip},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use countersign_governance::GrantFilter;
use countersign_model::{Function, FunctionName, Sensitivity};
use serde_json::json;

/// One function.
#[derive(Debug, Template)]
#[template(path = "function.html")]
pub(crate) struct FunctionPage {
    frame: Frame,
    name: Text,
    name_query: String,
    purpose: Text,
    sensitivity: Chip,
    target: Text,
    method: Text,
    path: Text,
    owners: Vec<Text>,
    tags: Vec<Text>,
    scopes: Vec<Text>,
    contract: String,
    contract_short: String,
    rules: Vec<Text>,
    masks: Vec<Text>,
    input: Text,
    result: Option<Text>,
    grants: Vec<GrantLine>,
    sees_all_grants: bool,
    may_add: bool,
}

/// `GET /console/catalog/{function}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let snapshot = console.governance().policy().load();
    let (_, function) =
        snapshot.catalog().by_name(&name).ok_or_else(|| Problem::not_found("function"))?;
    let filter = GrantFilter { function: Some(function.name.clone()), ..Default::default() };
    let (lines, _) = grants::lines(&console, &asker, &filter);
    let title = Text::of(&function.name).plain();
    let frame = Frame::new(title, Place::Catalog, asker.signed());
    let mut shown = FunctionPage::of(frame, function);
    shown.grants = lines;
    let actor = &asker.actor;
    shown.sees_all_grants = actor.sees_grants() || function.owners.contains(actor.subject());
    shown.may_add = sight::may_grant(actor, function);
    page(&shown)
}

/// The address of a function's page.
pub(crate) fn href(name: &FunctionName) -> String {
    format!("/console/catalog/{}", escaped(name))
}

/// Names of functions are plain since the catalog was compiled; held calls are from then too.
fn escaped(name: &FunctionName) -> String {
    name.as_str().chars().filter(|it| it.is_ascii_alphanumeric() || "._-".contains(*it)).collect()
}

impl FunctionPage {
    fn of(frame: Frame, function: &Function) -> Self {
        let answers = function.masks.iter().map(|it| rules::mask(it, "In answers"));
        let arguments = function.argument_masks.iter().map(|it| rules::mask(it, "In arguments"));
        Self {
            frame,
            name: Text::of(&function.name),
            name_query: escaped(&function.name),
            purpose: Text::line(function.purpose.clone()),
            sensitivity: view::sensitivity(function.sensitivity),
            target: Text::line(function.name.target()),
            method: Text::line(function.http.method.as_ref()),
            path: Text::of(&function.http.path),
            owners: function.owners.iter().map(Text::of).collect(),
            tags: function.tags.iter().map(Text::of).collect(),
            scopes: function.scopes.iter().map(|it| Text::line(it.as_ref())).collect(),
            contract: function.contract.to_string(),
            contract_short: function.contract.short(),
            rules: rules::of(function),
            masks: answers.chain(arguments).collect(),
            input: view::pretty(function.input.value()),
            result: function.result.as_ref().map(view::pretty),
            grants: Vec::new(),
            sees_all_grants: false,
            may_add: false,
        }
    }
}

impl Sample for FunctionPage {
    const NAME: &'static str = "function";

    fn samples(say: Say) -> Vec<Self> {
        let schema = json!({"type": "object", "properties": {"amount": {"type": "number", "maximum": 10_000}, "customer": {"type": "string"}}, "required": ["amount", "customer"], "additionalProperties": false});
        let page = |grants, may_add| Self {
            frame: frame("billing.refunds.create", Place::Catalog, say),
            name: say("billing.refunds.create"),
            name_query: "billing.refunds.create".to_owned(),
            purpose: say("Pays money back to a customer's card or account."),
            sensitivity: view::sensitivity(Sensitivity::High),
            target: say("billing"),
            method: say("POST"),
            path: say("/v1/customers/{customer}/refunds"),
            owners: vec![say("olga@acme.example")],
            tags: vec![say("money")],
            scopes: vec![say("billing.write")],
            contract: "4f1c0d5a".repeat(8),
            contract_short: "4f1c0d5a4f1c".to_owned(),
            rules: vec![
                say(
                    "A grant is certified every 90d, and counts as due 14d before. When it is overdue, each call is held for an owner.",
                ),
                say("Held when args.amount > 500.0: a member of finance must approve within 15m."),
                say("Refused when args.amount > 5000.0: refunds above 5,000 go through the bank"),
            ],
            masks: vec![say("In answers: $.customer.email (partial)")],
            input: say(&format!("{schema:#}")).into_block(),
            result: None,
            grants,
            sees_all_grants: may_add,
            may_add,
        };
        vec![page(GrantLine::samples(say), true), page(Vec::new(), false)]
    }
}
