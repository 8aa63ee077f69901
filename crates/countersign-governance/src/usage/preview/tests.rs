use super::{
    fates::{HIDDEN, TOKEN_UNKNOWN},
    judge::is_open,
    *,
};

#[test]
fn what_depends_on_what_is_hidden_is_not_known() {
    let check = |source: &str, hidden: &[&str], expect: Option<&str>| {
        let hidden: Vec<String> = hidden.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(is_open(source, &hidden), expect, "{source} with {hidden:?}");
    };
    check("args.amount > 5.0", &[], None);
    check("args.amount > 5.0", &["/iban"], None);
    check("args.amount > 5.0", &["/amount"], Some(HIDDEN));
    check("args.amount > 5.0", &[""], Some(HIDDEN));
    check("!has(args.iban)", &["/iban"], Some(HIDDEN));
    check("args[\"iban\"] == \"x\"", &["/iban/0"], Some(HIDDEN));
    check("args[\"a/b\"] == \"x\"", &["/a~1b"], Some(HIDDEN));
    check("size(args) < 3", &["/iban"], Some(HIDDEN));
    check("args[caller.subject] == 1.0", &["/iban"], Some(HIDDEN));
    check("caller.subject == \"riley\"", &["/iban"], None);
    check("\"boss\" in caller.groups", &[], Some(TOKEN_UNKNOWN));
    check("args.groups == 1.0", &[], None);
}

#[test]
fn what_is_counted_and_what_is_read_come_together() {
    let counted = |ran, denied: &[(&str, u64)]| Counted {
        ran,
        denied: denied.iter().map(|(reason, calls)| ((*reason).to_owned(), *calls)).collect(),
    };
    let fates = |pass, held, refused, unknown| Fates { pass, held, refused, unknown };
    let read = |of: &[(Why, u64)]| {
        let mut tally = Tally::default();
        of.iter().for_each(|(why, calls)| tally.add(why.clone(), *calls));
        tally
    };
    let check = |fate, counted: &Counted, read: &Tally, ran, denied| {
        let told = function(fate, counted, read);
        assert_eq!((told.0.fates(), told.1.fates()), (ran, denied));
        told
    };
    let (none, nothing) = (Fates::default(), Tally::default());
    let (passes, held) = (Why::passes(), Why::held(None));
    let tried = counted(7, &[("no_grant", 3), ("kill_switch", 1)]);
    check(Some(&passes), &tried, &nothing, fates(7, 0, 0, 0), fates(3, 0, 1, 0));
    check(Some(&held), &tried, &nothing, fates(0, 7, 0, 0), fates(0, 3, 1, 0));
    let some = read(&[
        (Why::passes(), 2),
        (Why::held(Some("args.amount > 5.0")), 1),
        (Why::refused("outside_constraints", Some("args.amount < 9.0")), 1),
        (Why::unknown(HIDDEN), 1),
    ]);
    let told = check(None, &tried, &some, fates(2, 1, 1, 3), fates(0, 0, 1, 3));
    let reasons: Vec<String> = told.0.reasons().into_iter().map(|it| it.sentence).collect();
    assert_eq!(
        reasons,
        [
            "It depends on arguments, and those of these calls are not recorded, or not read.",
            "A rule of the function wants a human's approval (args.amount > 5.0).",
            "The arguments are outside the grant's constraints (args.amount < 9.0).",
            "It depends on what a mask hides.",
        ]
    );
    let codes: Vec<String> = told.1.reasons().into_iter().map(|it| it.code).collect();
    assert_eq!(codes, ["not_run", "kill_switch"]);
    // Counting is late.
    let late = read(&[(Why::passes(), 2), (Why::unknown(HIDDEN), 1)]);
    check(None, &counted(1, &[]), &late, fates(2, 0, 0, 1), none);
    let said = sentence(fates(14, 2, 3, 0), none, Span::from_days(30));
    assert_eq!(
        said,
        "Of the calls that ran in 30d: 14 would pass, 2 would be held, 3 would be refused. Of the \
         attempts that did not run in 30d: there were none."
    );
}

#[test]
fn what_it_rests_on_is_said() {
    let check = |basis: Basis, read, ran, expect| assert_eq!(basis.sentence(read, ran), expect);
    check(Basis::NotNeeded, 0, 9, "No call's arguments matter for it.");
    check(
        Basis::Read,
        0,
        9,
        "It depends on arguments, and there are no recorded ones to judge by.",
    );
    check(Basis::Read, 4, 9, "It depends on arguments, which are recorded of 4 of 9 calls.");
    check(
        Basis::NotRead,
        0,
        9,
        "It depends on arguments, and no recordings were read to judge by.",
    );
}
