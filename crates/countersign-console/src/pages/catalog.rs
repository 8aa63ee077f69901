//! The catalog's page: every function by target. Credentials and addresses of targets are not shown.

use super::function;
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    rules,
    samples::{Sample, Say, frame},
    text::Text,
    view::{self, Chip},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_model::{FunctionName, Sensitivity, Snapshot};

/// Every function.
#[derive(Debug, Template)]
#[template(path = "catalog.html")]
pub(crate) struct CatalogPage {
    frame: Frame,
    targets: Vec<TargetFacts>,
    agents: Vec<AgentFacts>,
    epoch: u64,
    digest: String,
}

#[derive(Debug)]
struct TargetFacts {
    name: Text,
    purpose: Text,
    functions: Vec<FunctionLine>,
}

#[derive(Debug)]
struct FunctionLine {
    name: Text,
    href: String,
    sensitivity: Chip,
    purpose: Text,
    owners: Vec<Text>,
    rules: Text,
}

#[derive(Debug)]
struct AgentFacts {
    subject: Text,
    sponsor: Text,
    purpose: Text,
}

/// `GET /console/catalog`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let snapshot = console.governance().policy().load();
    page(&CatalogPage::of(Frame::new("Catalog", Place::Catalog, asker.signed()), &snapshot))
}

impl CatalogPage {
    fn of(frame: Frame, snapshot: &Snapshot) -> Self {
        let catalog = snapshot.catalog();
        let targets = catalog.targets.iter().map(|target| {
            let own =
                catalog.functions.iter().filter(|it| it.name.target() == target.name.as_str());
            TargetFacts {
                name: Text::of(&target.name),
                purpose: Text::line(target.purpose.clone()),
                functions: own
                    .map(|it| FunctionLine {
                        name: Text::of(&it.name),
                        href: function::href(&it.name),
                        sensitivity: view::sensitivity(it.sensitivity),
                        purpose: Text::line(it.purpose.clone()),
                        owners: it.owners.iter().map(Text::of).collect(),
                        rules: rules::brief(it),
                    })
                    .collect(),
            }
        });
        let agents = catalog.agents.values().map(|it| AgentFacts {
            subject: Text::of(&it.subject),
            sponsor: Text::of(&it.sponsor),
            purpose: Text::line(it.purpose.clone()),
        });
        Self {
            frame,
            targets: targets.collect(),
            agents: agents.collect(),
            epoch: snapshot.epoch().0,
            digest: catalog.digest.short(),
        }
    }
}

impl Sample for CatalogPage {
    const NAME: &'static str = "catalog";

    fn samples(say: Say) -> Vec<Self> {
        let line = |name: &str, purpose: &str, of, rules: &str| FunctionLine {
            name: say(name),
            href: function::href(&FunctionName::from(name)),
            sensitivity: view::sensitivity(of),
            purpose: say(purpose),
            owners: vec![say("olga@acme.example"), say("max@acme.example")],
            rules: say(rules),
        };
        let target = TargetFacts {
            name: say("billing"),
            purpose: say("Invoices and refunds of our customers."),
            functions: vec![
                line(
                    "billing.refunds.create",
                    "Pays money back.",
                    Sensitivity::High,
                    "held by rule, masked",
                ),
                line(
                    "billing.invoices.list",
                    "Lists a customer's invoices.",
                    Sensitivity::Medium,
                    "masked",
                ),
                line("billing.status", "Says whether billing is up.", Sensitivity::Low, ""),
            ],
        };
        let agent = AgentFacts {
            subject: say("agent:dunning"),
            sponsor: say("sam@acme.example"),
            purpose: say("Reminds customers of unpaid invoices."),
        };
        let page = |targets, agents| Self {
            frame: frame("Catalog", Place::Catalog, say),
            targets,
            agents,
            epoch: 41,
            digest: "4f1c0d5a4f1c".to_owned(),
        };
        vec![page(vec![target], vec![agent]), page(Vec::new(), Vec::new())]
    }
}
