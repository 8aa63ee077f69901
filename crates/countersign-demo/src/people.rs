//! The people and agents of the demo company, as data. They exist nowhere else: every address ends
//! in `.example`.

/// Somebody who can sign in at the demo identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The `sub` of their tokens.
    pub subject: String,
    /// Their name as people say it.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// What they are here to do, for the button on the sign-in page.
    pub role: String,
    /// The `groups` of their tokens.
    pub groups: Vec<String>,
    /// The API scopes that a client may ask for on their behalf.
    pub scopes: Vec<String>,
}

/// A program that acts under its own name, with a person who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The `sub` of its tokens.
    pub subject: String,
    /// Its name as people say it.
    pub name: String,
    /// The subject of the person who answers for it.
    pub sponsor: String,
    /// The OAuth client that it authenticates as.
    pub client_id: String,
    /// The API scopes that it may have.
    pub scopes: Vec<String>,
}

/// The five people of the story: developer, owner, approver, auditor, administrator.
pub fn people() -> Vec<Person> {
    [
        ("riley@acme.example", "Riley Tan", "builds the dunning agent", "developers"),
        ("olivia@acme.example", "Olivia Marsh", "owns the billing functions", "billing-owners"),
        ("amir@acme.example", "Amir Haddad", "approves held calls", "finance-approvers"),
        (
            "ada@acme.example",
            "Ada Lindqvist",
            "audits, and changes nothing",
            "countersign-auditors",
        ),
        ("sam@acme.example", "Sam Okafor", "administers Countersign", "countersign-admins"),
    ]
    .map(|(subject, name, role, group)| Person {
        subject: subject.to_owned(),
        name: name.to_owned(),
        email: subject.to_owned(),
        role: role.to_owned(),
        groups: vec![group.to_owned()],
        scopes: billing_scopes(),
    })
    .into()
}

/// The one agent of the story, which reminds customers of unpaid invoices.
pub fn agents() -> Vec<Agent> {
    vec![Agent {
        subject: "agent:dunning".to_owned(),
        name: "Dunning agent".to_owned(),
        sponsor: "riley@acme.example".to_owned(),
        client_id: "dunning-agent".to_owned(),
        scopes: billing_scopes(),
    }]
}

fn billing_scopes() -> Vec<String> {
    vec!["billing.read".to_owned(), "billing.write".to_owned()]
}
