use super::{ApprovalsCommand, Cli, Command, GrantsCommand, SessionsCommand, client::End};
use clap::{CommandFactory, Parser, error::ErrorKind};
use countersign_model::Span;

fn typed(line: &str) -> Result<Command, ErrorKind> {
    let parsed = Cli::try_parse_from(std::iter::once("countersign").chain(line.split(' ')));
    parsed.map(|cli| cli.command).map_err(|error| error.kind())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn what_is_built_is_listed_and_nothing_else() {
    let names: Vec<String> =
        Cli::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    assert_eq!(
        names.join(" "),
        "demo serve check init schema catalog grants access api-keys passkeys approvals reviews sessions people notices evidence delegates ledger stop resume call tools login logout whoami identity token completions"
    );
}

#[test]
fn wrong_lines_are_refused() {
    let grant = "grants add billing.refunds.create";
    let rows = [
        ("grants add billing.x --subject a --reason b".to_owned(), None),
        (format!("{grant} --reason b"), Some(ErrorKind::MissingRequiredArgument)),
        (format!("{grant} --subject a"), Some(ErrorKind::MissingRequiredArgument)),
        (format!("{grant} --subject a --group b --reason c"), Some(ErrorKind::ArgumentConflict)),
        ("grants add --subject a --reason b".to_owned(), Some(ErrorKind::MissingRequiredArgument)),
        ("grants add --tag t --group g --reason b".to_owned(), None),
        (format!("{grant} --subject a --reason b --rate 0/1h"), Some(ErrorKind::ValueValidation)),
        (format!("{grant} --subject a --reason b --rate 5/1h --expires 90d"), None),
        (
            format!("{grant} --subject a --reason b --expires soon"),
            Some(ErrorKind::ValueValidation),
        ),
        (
            "grants certify apr_01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
            Some(ErrorKind::ValueValidation),
        ),
        ("stop --why x".to_owned(), Some(ErrorKind::MissingRequiredArgument)),
        ("stop --everything --target t --why x".to_owned(), Some(ErrorKind::ArgumentConflict)),
        ("stop --everything".to_owned(), Some(ErrorKind::MissingRequiredArgument)),
        ("stop --subject agent:x --why x".to_owned(), None),
        (
            "sessions replay ses_01ARZ3NDEKTSV4RRFFQ69G5FAV --speed 0".to_owned(),
            Some(ErrorKind::ValueValidation),
        ),
        ("people list --find ri --limit 101".to_owned(), Some(ErrorKind::ValueValidation)),
        ("people show riley@acme.example --json".to_owned(), None),
        ("mcp".to_owned(), Some(ErrorKind::InvalidSubcommand)),
        ("schema catalog".to_owned(), None),
        ("call billing.refunds.create amount=40 --json".to_owned(), None),
    ];
    for (line, expect) in rows {
        assert_eq!(typed(&line).err(), expect, "{line}");
    }
}

#[test]
fn values_become_what_they_mean() {
    let Ok(Command::Grants(GrantsCommand::Add(add))) =
        typed("grants add a.b a.c --group g --reason r --rate 100/1h --expires 2027-01-31")
    else {
        panic!("not a grant")
    };
    assert_eq!(add.functions, ["a.b", "a.c"]);
    assert_eq!(add.rate, Some((100, Span::from_seconds(3600))));
    assert_eq!(add.expires, Some(End::At("2027-01-31".parse().unwrap())));
    let Ok(Command::Approvals(ApprovalsCommand::Approve { id, comment })) =
        typed("approvals approve")
    else {
        panic!("not an approval")
    };
    assert_eq!((id, comment.as_str()), (None, ""));
    let Ok(Command::Sessions(SessionsCommand::Replay { speed, pause_max, .. })) =
        typed("sessions replay ses_01ARZ3NDEKTSV4RRFFQ69G5FAV --speed 2.5 --pause-max 1s")
    else {
        panic!("not a replay")
    };
    assert_eq!((speed, pause_max), (2.5, Span::from_seconds(1)));
}
