use super::*;

#[test]
fn one_identity_provider_is_meant_or_the_person_is_asked() {
    let issuer = |name: &str| AboutIssuer {
        name: name.to_owned(),
        issuer: format!("https://{name}.example"),
        cli_client_id: "cli".to_owned(),
        scopes: vec![],
    };
    type Row<'r> = (&'r [&'r str], Option<&'r str>, Result<&'r str, u8>);
    let rows: [Row<'_>; 7] = [
        (&["acme"], None, Ok("acme")),
        (&["acme"], Some("acme"), Ok("acme")),
        (&["acme", "partners"], Some("partners"), Ok("partners")),
        (&["acme", "partners"], None, Err(2)),
        (&["acme"], Some("Acme"), Err(2)),
        (&[], None, Err(1)),
        (&[], Some("acme"), Err(1)),
    ];
    for (known, named, expect) in rows {
        let chosen = choose(known.iter().map(|it| issuer(it)).collect(), named);
        match (chosen, expect) {
            (Ok(chosen), Ok(name)) => assert_eq!(chosen.name, name),
            (Err(Failure::Said { exit, .. }), Err(code)) => assert_eq!(exit.code(), code),
            (chosen, _) => panic!("{known:?} {named:?}: {chosen:?}"),
        }
    }
}
