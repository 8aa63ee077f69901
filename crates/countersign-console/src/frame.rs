//! What every page has around its content: title, navigation, who is signed in, the token for its
//! forms. And the way from a template to an answer.

use crate::{assets, problem::Problem, text::Text};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use countersign_governance::Role;
use std::collections::BTreeSet;

/// The frame around a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What the page is, for the window's title.
    pub(crate) title: String,
    /// Which part of the console it belongs to.
    pub(crate) place: Place,
    /// Who is signed in.
    pub(crate) person: Option<Signed>,
    /// What just happened, after a form was sent.
    pub(crate) notice: Option<&'static str>,
}

/// The person that a page is for.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// A name to show.
    pub(crate) name: Text,
    /// Their subject.
    pub(crate) subject: Text,
    /// Their roles, for people.
    pub(crate) roles: String,
    /// The token that their forms carry.
    pub(crate) csrf: String,
    /// Whether the list of people is for them.
    pub(crate) sees_people: bool,
    /// Notices that they have not read.
    pub(crate) unread: u64,
}

/// A part of the console, as the navigation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Home,
    Approvals,
    Sessions,
    Catalog,
    Grants,
    Reviews,
    People,
    Ledger,
    /// None of them.
    Elsewhere,
}

/// One item of the navigation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) label: &'static str,
    pub(crate) href: &'static str,
    pub(crate) is_current: bool,
}

impl Frame {
    pub(crate) fn new(title: impl Into<String>, place: Place, person: Signed) -> Self {
        Self { title: title.into(), place, person: Some(person), notice: None }
    }

    /// For a page that nobody has to sign in for.
    pub(crate) fn stranger(title: impl Into<String>) -> Self {
        Self { title: title.into(), place: Place::Elsewhere, person: None, notice: None }
    }

    pub(crate) fn with_notice(self, notice: Option<&'static str>) -> Self {
        Self { notice, ..self }
    }

    pub(crate) fn csrf(&self) -> &str {
        self.person.as_ref().map_or("", |it| &it.csrf)
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        let all = [
            ("Home", "/console", Place::Home),
            ("Approvals", "/console/approvals", Place::Approvals),
            ("Sessions", "/console/sessions", Place::Sessions),
            ("Catalog", "/console/catalog", Place::Catalog),
            ("Grants", "/console/grants", Place::Grants),
            ("Reviews", "/console/reviews", Place::Reviews),
            ("People", "/console/people", Place::People),
            ("Ledger", "/console/ledger", Place::Ledger),
        ];
        let shown = all.into_iter().filter(|it| it.2 != Place::People || self.sees_people());
        shown
            .map(|(label, href, place)| Item { label, href, is_current: place == self.place })
            .collect()
    }

    /// Whether the list of people is for whom the page is for.
    pub(crate) fn sees_people(&self) -> bool {
        self.person.as_ref().is_some_and(|it| it.sees_people)
    }

    pub(crate) fn style(&self) -> &'static str {
        &assets::STYLE.path
    }

    pub(crate) fn script(&self) -> &'static str {
        &assets::SCRIPT.path
    }

    pub(crate) fn logo(&self) -> &'static str {
        &assets::LOGO.path
    }
}

/// Roles in words.
pub(crate) fn role_words(roles: &BTreeSet<Role>) -> String {
    let words: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    words.join(", ")
}

/// Renders a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    match template.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Err(Problem::internal())
        }
    }
}
