use super::{Door, door};

#[test]
fn each_path_has_one_door() {
    let rows = [
        ("/", Door::Root),
        ("/healthz", Door::Health),
        ("/healthz/", Door::Gateway),
        ("/readyz", Door::Readiness),
        ("/metrics", Door::Metrics),
        ("/console", Door::Console),
        ("/console/approvals", Door::Console),
        ("/sign-out/back-channel/acme", Door::Console),
        ("/ssf/events", Door::Console),
        ("/ssfx", Door::Gateway),
        ("/consolex", Door::Gateway),
        ("/api/v1/me", Door::Console),
        ("/api/v2/me", Door::Gateway),
        ("/.well-known/countersign", Door::Console),
        ("/.well-known/oauth-protected-resource", Door::ResourceMetadata),
        ("/.well-known/oauth-protected-resource/mcp", Door::ResourceMetadata),
        ("/.well-known/other", Door::Gateway),
        ("/demo/idp/jwks", Door::Demo),
        ("/scim/v2/Users", Door::Scim),
        ("/scim/v2", Door::Scim),
        ("/scim/v20", Door::Gateway),
        ("/t/billing/v1/refunds", Door::Gateway),
        ("/t/billing/console", Door::Gateway),
        ("/call/billing.refunds.create", Door::Gateway),
        ("/tools", Door::Gateway),
        ("/mcp", Door::Gateway),
        ("//console", Door::Gateway),
        ("/Console", Door::Gateway),
        ("*", Door::Gateway),
    ];
    for (path, expect) in rows {
        assert_eq!(door(path), expect, "{path}");
    }
}
