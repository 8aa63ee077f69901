//! `countersign catalog`: check files here, plan and apply them through a gateway, show what is in
//! force there.

use crate::{
    api::Api,
    catalog_files::{self, Loaded},
    cli::{CatalogCommand, Shared},
    exit::Failure,
    output::{self, Consent, GREEN, RED, styled},
    plan::Plan,
    table::Table,
};
use countersign_model::catalog::raw::RawCatalog;
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn run(command: CatalogCommand, shared: &Shared) -> Result<(), Failure> {
    match command {
        CatalogCommand::Check { directory } => check(&directory, shared),
        CatalogCommand::Plan { directory } => super::alone(plan(&directory, shared)),
        CatalogCommand::Apply { directory, yes } => {
            let asking = if yes { Asking::Nothing } else { Asking::Person };
            super::alone(apply(&directory, asking, shared))
        }
        CatalogCommand::Show { name } => super::alone(show(name.as_deref(), shared)),
    }
}

/// Whether a person is asked before a catalog is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Person,
    Nothing,
}

fn check(directory: &Path, shared: &Shared) -> Result<(), Failure> {
    match catalog_files::load(directory) {
        Err(faults) => super::check::refuse(&faults, shared),
        Ok(loaded) if shared.json => output::json(&json!({
            "faults": [], "catalog_files": loaded.files, "digest": loaded.catalog.digest,
            "functions": loaded.catalog.functions.len(),
        })),
        Ok(loaded) => say_loaded(&loaded),
    }
}

pub(super) fn say_loaded(loaded: &Loaded) -> Result<(), Failure> {
    output::line(&format!(
        "{} catalog: {}, {}, {}, {}, {}, {}",
        styled(GREEN, "ok"),
        counted(loaded.files, "file"),
        counted(loaded.catalog.targets.len(), "target"),
        counted(loaded.catalog.functions.len(), "function"),
        counted(loaded.catalog.agents.len(), "agent"),
        counted(loaded.catalog.schedules.len(), "schedule"),
        loaded.catalog.digest
    ))
}

/// `1 file`, `2 files`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

async fn plan(directory: &Path, shared: &Shared) -> Result<(), Failure> {
    let loaded = read(directory)?;
    let api = Api::open(shared).await?;
    let answer: Value = api.post("/catalog/plan", &loaded.raw).await?;
    if shared.json {
        return output::json(&answer);
    }
    output::write(&plan_of(answer)?.render())
}

async fn apply(directory: &Path, asking: Asking, shared: &Shared) -> Result<(), Failure> {
    let loaded = read(directory)?;
    let api = Api::open(shared).await?;
    let plan = plan_of(api.post("/catalog/plan", &loaded.raw).await?)?;
    if !shared.json {
        output::write(&plan.render())?;
    }
    if plan.is_empty() {
        return if shared.json {
            output::json(&json!({"digest": plan.next, "epoch": null}))
        } else {
            Ok(())
        };
    }
    if asking == Asking::Person {
        if !output::can_ask() {
            return Err(Failure::usage("nobody can be asked whether to apply this")
                .next("add --yes to apply without asking"));
        }
        if output::consent("Apply?")? == Consent::No {
            return Err(Failure::failed("nothing was applied"));
        }
    }
    // The plan's base goes along: what was shown is what is applied, or nothing is.
    let document = json!({"catalog": loaded.raw, "base": plan.base});
    let applied: Value = api.post("/catalog/apply", &document).await?;
    if shared.json {
        return output::json(&applied);
    }
    let epoch = super::text(&applied, "/epoch");
    output::line(&format!("{} in force since epoch {epoch}", styled(GREEN, "applied,")))
}

async fn show(name: Option<&str>, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let answer: Value = api.get("/catalog").await?;
    let catalog = answer.get("catalog").cloned().unwrap_or_default();
    let misread = |_| Failure::failed("the catalog can't be understood");
    let catalog: RawCatalog = serde_json::from_value(catalog).map_err(misread)?;
    if let Some(name) = name {
        let one = catalog.functions.get(name).map(serde_json::to_value);
        let one = one.or_else(|| catalog.targets.get(name).map(serde_json::to_value));
        let one = one.or_else(|| catalog.agents.get(name).map(serde_json::to_value));
        let one = one.or_else(|| catalog.schedules.get(name).map(serde_json::to_value));
        return match one {
            Some(Ok(value)) if shared.json => output::json(&value),
            Some(Ok(value)) => match yaml_serde::to_string(&value) {
                Ok(text) => output::write(&output::plain(&text)),
                Err(_) => output::json(&value),
            },
            Some(Err(_)) | None => {
                Err(Failure::failed(format!("the catalog has nothing of the name {name}"))
                    .next("list it: countersign catalog show"))
            }
        };
    }
    if shared.json {
        return output::json(&answer);
    }
    let mut table = Table::new(["function", "sensitivity", "owners", "approval", "purpose"]);
    for function in catalog.functions.values() {
        let owners = match (&function.owners, catalog.targets.get(target_of(&function.name))) {
            (own, Some(target)) if own.is_empty() => target.owners.join(", "),
            (own, _) => own.join(", "),
        };
        let approval = match function.approval.first() {
            None => "",
            Some(rule) if rule.when.is_none() => "always",
            Some(_) => "when",
        };
        table.row([
            (&function.name).into(),
            function.sensitivity.to_string().into(),
            owners.into(),
            approval.into(),
            function.purpose.lines().next().unwrap_or("").into(),
        ]);
    }
    output::write(&table.render("The catalog is empty."))?;
    show_schedules(&catalog)?;
    show_unowned(&answer)?;
    let (digest, epoch) = (super::text(&answer, "/digest"), super::text(&answer, "/epoch"));
    output::line(&format!("\n{digest}, epoch {epoch}"))
}

fn show_schedules(catalog: &RawCatalog) -> Result<(), Failure> {
    if catalog.schedules.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["schedule", "every", "from", "owner", "title"]);
    for schedule in catalog.schedules.values() {
        table.row([
            (&schedule.name).into(),
            (&schedule.every).into(),
            (&schedule.from).into(),
            (&schedule.owner).into(),
            (&schedule.title).into(),
        ]);
    }
    output::write(&format!("\n{}", table.render("")))
}

/// Functions that nobody answers for any more.
fn show_unowned(answer: &Value) -> Result<(), Failure> {
    for it in super::list(answer, "/unowned") {
        let stops = super::moment(&super::text(it, "/stops_at"));
        let when = match (it.pointer("/is_stopped").and_then(Value::as_bool), stops.as_str()) {
            (Some(true), since) => format!("its calls are stopped since {since}"),
            (Some(false) | None, "") => "its calls will stop".to_owned(),
            (Some(false) | None, when) => format!("its calls stop at {when}"),
        };
        let (function, owners) = (super::text(it, "/function"), super::joined(it, "/owners"));
        output::line(&format!(
            "{} nobody answers for {function} any more ({owners} left or suspended): no new grants, and \
             {when}",
            styled(RED, "finding:")
        ))?;
    }
    Ok(())
}

fn target_of(function: &str) -> &str {
    function.split('.').next().unwrap_or("")
}

fn read(directory: &Path) -> Result<Loaded, Failure> {
    catalog_files::load(directory).map_err(|faults| crate::config::failure(&faults))
}

fn plan_of(answer: Value) -> Result<Plan, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::failed("the plan can't be understood"))
}
