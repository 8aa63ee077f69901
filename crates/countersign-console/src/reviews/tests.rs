use super::words::constraint;

#[test]
fn simple_constraints_are_said_in_words_and_others_as_they_are() {
    let check = |cel: &str, words: &str| assert_eq!(constraint(cel), words, "{cel}");
    check("args.amount <= 100.0", "amount at most 100.0");
    check("args.amount < 5", "amount below 5");
    check("args.currency == 'EUR'", "currency only 'EUR'");
    check("args.currency in ['EUR', 'USD']", "currency one of ['EUR', 'USD']");
    check(
        "args.amount <= 100.0 && args.currency == 'EUR'",
        "`args.amount <= 100.0 && args.currency == 'EUR'`",
    );
    check("args.a <= args.b", "`args.a <= args.b`");
    check("size(args.to) < 3", "`size(args.to) < 3`");
    check("args.amount != 3", "`args.amount != 3`");
    check("args.", "`args.`");
}
