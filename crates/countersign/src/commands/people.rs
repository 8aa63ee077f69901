//! `countersign people`: who is known here, from where, and what they have.

use super::{joined, list, moment, text};
use crate::{
    api::{Api, query},
    cli::{PeopleCommand, PeopleListArguments, Shared},
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, RED, styled},
    table::{Cell, Table},
};
use anstyle::Style;
use serde_json::Value;

pub(super) async fn run(command: PeopleCommand, shared: &Shared) -> Result<(), Failure> {
    match command {
        PeopleCommand::List(typed) => {
            let api = Api::open(shared).await?;
            let PeopleListArguments { find, limit, after } = typed;
            let query =
                query(&[("find", find), ("limit", Some(limit.to_string())), ("after", after)]);
            let answer: Value = api.get(&format!("/people{query}")).await?;
            if shared.json { output::json(&answer) } else { table(&answer) }
        }
        PeopleCommand::Show { subject } => {
            let path = path(&subject)?;
            let answer: Value = Api::open(shared).await?.get(&path).await?;
            if shared.json { output::json(&answer) } else { show(&answer) }
        }
    }
}

/// Where a person is asked for.
fn path(subject: &str) -> Result<String, Failure> {
    // In an address these are steps, however they are written.
    if matches!(subject, "" | "." | "..") {
        return Err(Failure::usage("nobody can be asked for by this subject")
            .next("find them in the list: countersign people list"));
    }
    let mut path = "/people/".to_owned();
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(path)
}

fn table(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new([
        "subject",
        "name",
        "address",
        "provider",
        "known from",
        "standing",
        "signed in",
    ]);
    for person in list(answer, "/people") {
        table.row([
            text(person, "/subject").into(),
            text(person, "/name").into(),
            text(person, "/email").into(),
            text(person, "/provider").into(),
            joined(person, "/known_from").into(),
            Cell::styled(text(person, "/standing"), style(person)),
            moment(&text(person, "/seen_at")).into(),
        ]);
    }
    output::write(&table.render("Nobody is found."))?;
    match text(answer, "/next") {
        end if end.is_empty() => Ok(()),
        next => output::line(&styled(DIM, &format!("more: --after {next}"))),
    }
}

fn style(person: &Value) -> Style {
    match text(person, "/standing").as_str() {
        "active" => GREEN,
        _ => RED,
    }
}

fn show(answer: &Value) -> Result<(), Failure> {
    let Some(person) = answer.get("person") else {
        return Err(Failure::failed("the gateway did not say who it is"));
    };
    let standing = text(person, "/standing");
    let standing = styled(style(person), &standing);
    output::line(&format!("{} {standing}", styled(BOLD, &text(person, "/subject"))))?;
    let groups = match list(person, "/signed_in/groups") {
        [] => String::new(),
        _ => joined(person, "/signed_in/groups"),
    };
    let facts = [
        ("name", text(person, "/name")),
        ("address", text(person, "/email")),
        ("known from", joined(person, "/known_from")),
        ("deactivated", since(person, "/deactivated", "directory")),
        ("suspended", since(person, "/suspended", "by")),
        ("signed in", since(person, "/signed_in", "provider")),
        ("groups", groups),
        ("told", told(person)),
        ("owns", joined(person, "/owns")),
        ("sponsors", joined(person, "/sponsors")),
        ("delegate", delegate(person)),
    ];
    for (title, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("  {title:<12} {value}"))?;
    }
    for it in list(person, "/directories") {
        let (directory, name) = (text(it, "/directory"), text(it, "/user_name"));
        let since = moment(&text(it, "/made_at"));
        output::line(&format!("  {:<12} {directory}: {name}, since {since}", "directory"))?;
        let manager = text(it, "/manager");
        if !manager.is_empty() {
            output::line(&format!("  {:<12} {manager}, by {directory}", "manager"))?;
        }
    }
    for it in list(person, "/roles") {
        let (role, because) = (text(it, "/role"), text(it, "/because"));
        output::line(&format!("  {:<12} {role}: {because}", "role"))?;
    }
    for it in list(person, "/waiting") {
        let (id, function) = (text(it, "/id"), text(it, "/function"));
        output::line(&format!("  {:<12} {function}, {id}", "waits"))?;
    }
    for it in list(person, "/browsers") {
        let (provider, since) = (text(it, "/provider"), moment(&text(it, "/began_at")));
        output::line(&format!("  {:<12} with {provider}, since {since}", "browser"))?;
    }
    grants(answer, person)
}

/// When something came to be, and by whom; empty if it did not.
fn since(person: &Value, place: &str, by: &str) -> String {
    match person.pointer(place) {
        None | Some(Value::Null) => String::new(),
        Some(it) => {
            let (at, by) = (moment(&text(it, "/at")), text(it, &format!("/{by}")));
            if by.is_empty() { at } else { format!("{at} ({by})") }
        }
    }
}

/// Who stands in for them in reviews; empty if nobody does.
fn delegate(person: &Value) -> String {
    match text(person, "/delegate/to") {
        nobody if nobody.is_empty() => nobody,
        to => format!("{to}, until {}", moment(&text(person, "/delegate/until"))),
    }
}

/// The groups that directories tell of, each with the directory.
fn told(person: &Value) -> String {
    let one = |it: &Value| format!("{} (by {})", text(it, "/group"), text(it, "/directory"));
    list(person, "/told_groups").iter().map(one).collect::<Vec<_>>().join(", ")
}

/// One line for each function that a grant reaches.
fn grants(answer: &Value, person: &Value) -> Result<(), Failure> {
    let held = list(person, "/grants");
    let title = match text(answer, "/shown").as_str() {
        "all" => "grants that reach them",
        _ => "grants that you may see",
    };
    if held.is_empty() {
        return output::line("  no grant reaches them");
    }
    let mut table = Table::new(["may call", "review", "until", "through", "grant"]);
    for grant in held {
        let group = text(grant, "/through/group");
        let through = if group.is_empty() { "themself".to_owned() } else { group };
        for function in list(grant, "/functions") {
            table.row([
                text(function, "/name").into(),
                text(function, "/freshness").into(),
                moment(&text(function, "/until")).into(),
                (&through).into(),
                text(grant, "/grant/id").into(),
            ]);
        }
    }
    output::line(&styled(BOLD, title))?;
    output::write(&table.render("no function is reached any more"))?;
    match answer.pointer("/grants_more").and_then(Value::as_u64) {
        None | Some(0) => Ok(()),
        Some(more) => output::line(&format!("and {more} more grants")),
    }
}

#[cfg(test)]
mod tests;
