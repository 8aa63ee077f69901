use super::*;

#[test]
fn routes_md_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/routes.md");
    if option_env!("UPDATE_EXPECT").is_some()
        || std::env::vars().any(|(it, _)| it == "UPDATE_EXPECT")
    {
        std::fs::write(path, table()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, table(), "routes.md is stale: run with UPDATE_EXPECT=1 and review it");
}

#[test]
fn what_changes_something_is_a_post_and_nothing_else_is() {
    for route in routes() {
        let changes = [
            "answer",
            "revoke",
            "certify",
            "approve",
            "deny",
            "apply",
            "plan",
            "resume",
            "sign-out",
            "explain",
            "/response",
            "/read",
            "/test",
            "/answers",
            "/keep-together",
            "/undo",
            "/hand-on",
            "/sign-off",
            "/extend",
            "/confirm",
            "/addenda",
            "/narrow",
            "/change",
            "/renew",
            "/transfer",
            "/suspend",
            "/restore",
            "/withdraw",
            "/lift",
            "/preview",
            "/delegate",
            "/delegate/end",
            "/delegates/end",
            "/options",
            "/trial",
            "/name",
            "/remove",
        ]
        .iter()
        .any(|it| route.path.ends_with(it) && route.path != "/api/v1/access/explain")
            || ["/sign-out/back-channel/{issuer}", "/ssf/events"].contains(&route.path);
        let expected = if changes { "POST" } else { "GET" };
        let both = [
            "/console/grants",
            "/api/v1/grants",
            "/api/v1/stops",
            "/console/api-keys",
            "/console/me/passkeys",
            "/api/v1/api-keys",
            "/console/notices/channels",
            "/api/v1/notices/channels",
            "/api/v1/reviews",
            "/console/reviews/{id}/sign-off",
            "/console/grant-requests",
            "/api/v1/grant-requests",
            "/api/v1/denials",
            "/api/v1/delegates",
        ]
        .contains(&route.path);
        assert!(both || route.method == expected, "{} {}", route.method, route.path);
    }
}

#[test]
fn only_what_nobody_signs_in_for_is_open() {
    let open: Vec<_> =
        routes().iter().filter(|it| it.door == Door::Open).map(|it| it.path).collect();
    assert_eq!(
        open,
        [
            "/.well-known/countersign",
            "/assets/{name}",
            "/console/",
            "/console/sign-in",
            "/console/sign-in/{issuer}",
            "/console/sign-in/callback",
            "/console/saml/{issuer}/begin",
            "/console/saml/{issuer}/metadata",
            "/console/saml/{issuer}/response",
            "/console/sign-in/signed-out",
            "/sign-out/back-channel/{issuer}",
            "/ssf/events",
        ]
    );
}
