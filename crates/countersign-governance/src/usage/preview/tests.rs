use super::{judge::is_open, *};

#[test]
fn what_depends_on_what_is_hidden_is_not_known() {
    let check = |source: &str, hidden: &[&str], expect: bool| {
        let hidden: Vec<String> = hidden.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(is_open(source, &hidden), expect, "{source} with {hidden:?}");
    };
    check("args.amount > 5.0", &[], false);
    check("args.amount > 5.0", &["/iban"], false);
    check("args.amount > 5.0", &["/amount"], true);
    check("args.amount > 5.0", &[""], true);
    check("!has(args.iban)", &["/iban"], true);
    check("args[\"iban\"] == \"x\"", &["/iban/0"], true);
    check("args[\"a/b\"] == \"x\"", &["/a~1b"], true);
    check("size(args) < 3", &["/iban"], true);
    check("args[caller.subject] == 1.0", &["/iban"], true);
    check("caller.subject == \"riley\"", &["/iban"], false);
    check("\"boss\" in caller.groups", &[], true);
    check("args.groups == 1.0", &[], false);
}

#[test]
fn what_is_counted_and_what_is_read_come_together() {
    let counted = |ran, denied: &[(&str, u64)]| Counted {
        ran,
        denied: denied.iter().map(|(reason, calls)| ((*reason).to_owned(), *calls)).collect(),
    };
    let fates = |pass, held, refused, unknown| Fates { pass, held, refused, unknown };
    let check = |fate, counted: &Counted, read, ran, denied| {
        assert_eq!(function(fate, counted, read), FunctionPreview { ran, denied });
    };
    let none = Fates::default();
    let tried = counted(7, &[("no_grant", 3), ("kill_switch", 1)]);
    check(Some(Fate::Pass), &tried, none, fates(7, 0, 0, 0), fates(3, 0, 1, 0));
    check(Some(Fate::Held), &tried, none, fates(0, 7, 0, 0), fates(0, 3, 1, 0));
    check(None, &tried, fates(2, 1, 1, 1), fates(2, 1, 1, 3), fates(0, 0, 1, 3));
    // Counting is late.
    check(None, &counted(1, &[]), fates(2, 0, 0, 1), fates(2, 0, 0, 1), none);
    let said = sentence(fates(14, 2, 3, 0), none, Span::from_days(30));
    assert_eq!(
        said,
        "Of the calls that ran in 30d: 14 would pass, 2 would be held, 3 would be refused. Of the \
         attempts that did not run in 30d: there were none."
    );
}
