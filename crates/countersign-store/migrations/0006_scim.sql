-- What directories say of people and groups by SCIM. Every row belongs to one provider.
-- name: `userName` or `displayName` in lower case, since it is compared so. here: who a user is, and
-- what a group is called, where calls are decided.
CREATE TABLE scim_resources (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    external_id TEXT,
    here TEXT NOT NULL,
    revision BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (provider, kind, id)
);
CREATE UNIQUE INDEX scim_resources_by_name ON scim_resources (provider, kind, name);
CREATE UNIQUE INDEX scim_resources_by_external_id ON scim_resources (provider, kind, external_id);
CREATE UNIQUE INDEX scim_resources_by_here ON scim_resources (provider, kind, here);

CREATE TABLE scim_members (
    provider TEXT NOT NULL,
    group_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (provider, group_id, user_id)
);
CREATE INDEX scim_members_by_user ON scim_members (provider, user_id);

-- Who last had a subject's name, also after they are gone, and whether it is deactivated.
-- lifted_by: the entry that ends the deactivation once it is written.
CREATE TABLE scim_names (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    holder TEXT NOT NULL,
    deactivation TEXT,
    lifted_by TEXT,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX scim_names_by_lift ON scim_names (lifted_by);
