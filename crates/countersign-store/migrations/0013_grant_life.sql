-- Every step of every grant, with the grant as it stood after it. A step whose entry waits in the
-- outbox may not be in force yet. Grants of before have their last state; at = 0: nobody wrote down when.
CREATE TABLE grant_steps (
    grant_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    done_by TEXT NOT NULL,
    change TEXT NOT NULL,
    entry TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (grant_id, revision)
);
INSERT INTO grant_steps (grant_id, revision, at, done_by, change, entry, document)
    SELECT id, revision, 0, '', 'made', entry, document FROM grants;

-- What people ask for.
CREATE TABLE grant_requests (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    holder TEXT NOT NULL,
    lapses_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX grant_requests_by_state ON grant_requests (state, lapses_at);
CREATE INDEX grant_requests_by_asker ON grant_requests (asked_by, state);

-- What stands over grants. lifted_by: the entry that ends it once it is written.
CREATE TABLE denials (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    lifted_by TEXT
);
