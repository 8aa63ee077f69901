//! The catalog's page: every function by target. Credentials and addresses of targets are not shown.

use super::function;
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    rules,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{self, Chip, Moment},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::UnownedFunction;
use countersign_model::{FunctionName, Sensitivity, Snapshot};

/// Every function.
#[derive(Debug, Template)]
#[template(path = "catalog.html")]
pub(crate) struct CatalogPage {
    frame: Frame,
    targets: Vec<TargetFacts>,
    agents: Vec<AgentFacts>,
    unowned: Vec<Unowned>,
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

/// A function that nobody answers for any more.
#[derive(Debug)]
struct Unowned {
    name: Text,
    href: String,
    owners: Vec<Text>,
    stops: Option<Moment>,
    is_stopped: bool,
}

/// `GET /console/catalog`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let snapshot = console.governance().policy().load();
    let unowned = console.governance().unowned();
    let frame = Frame::new("Catalog", Place::Catalog, asker.signed());
    page(&CatalogPage {
        unowned: unowned.iter().map(Unowned::of).collect(),
        ..CatalogPage::of(frame, &snapshot)
    })
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
            unowned: Vec::new(),
            epoch: snapshot.epoch().0,
            digest: catalog.digest.short(),
        }
    }
}

impl Unowned {
    fn of(found: &UnownedFunction) -> Self {
        Self {
            name: Text::of(&found.function),
            href: function::href(&found.function),
            owners: found.owners.iter().map(Text::of).collect(),
            stops: found.stops_at.map(Moment),
            is_stopped: found.is_stopped,
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
        let unowned = |is_stopped| Unowned {
            name: say("billing.refunds.create"),
            href: "/console/catalog/billing.refunds.create".to_owned(),
            owners: vec![say("olga@acme.example"), say("max@acme.example")],
            stops: Some(Moment(at(9_000))),
            is_stopped,
        };
        let page = |targets, agents, unowned| Self {
            frame: frame("Catalog", Place::Catalog, say),
            targets,
            agents,
            unowned,
            epoch: 41,
            digest: "4f1c0d5a4f1c".to_owned(),
        };
        vec![
            page(vec![target], vec![agent], vec![unowned(false), unowned(true)]),
            page(Vec::new(), Vec::new(), Vec::new()),
        ]
    }
}
