-- Which groups a subject is in, as its directory says: all levels, by displayName, as JSON.
-- groups_told: all that is said; NULL until it was worked out. groups_in_force: of these, those that
-- count. groups_given_by: the entry after which all that is said counts. groups_epoch: since when
-- groups_in_force is so.
ALTER TABLE scim_names ADD COLUMN groups_told TEXT;
ALTER TABLE scim_names ADD COLUMN groups_in_force TEXT NOT NULL DEFAULT '[]';
ALTER TABLE scim_names ADD COLUMN groups_given_by TEXT;
ALTER TABLE scim_names ADD COLUMN groups_epoch BIGINT NOT NULL DEFAULT 0;
CREATE INDEX scim_names_by_holder ON scim_names (provider, holder);
CREATE INDEX scim_names_by_given ON scim_names (groups_given_by);
CREATE INDEX scim_names_by_groups_epoch ON scim_names (groups_epoch);

-- Groups that are members of groups.
CREATE TABLE scim_subgroups (
    provider TEXT NOT NULL,
    group_id TEXT NOT NULL,
    child_id TEXT NOT NULL,
    PRIMARY KEY (provider, group_id, child_id)
);
CREATE INDEX scim_subgroups_by_child ON scim_subgroups (provider, child_id);
