-- {BYTES} and {SEQUENCE} stand for what the two databases name differently.

-- Numbers that grow with each change; pollers compare them.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO counters (name, number) VALUES ('epoch', 0), ('approvals', 0);

-- Ledger entries that are committed with their fact and wait to be written. A change whose entry
-- has effect = 'at_delivery' is in force when its row here is gone.
CREATE TABLE outbox (
    sequence {SEQUENCE},
    id TEXT NOT NULL UNIQUE,
    gateway TEXT NOT NULL,
    about TEXT NOT NULL,
    effect TEXT NOT NULL,
    entry {BYTES} NOT NULL
);
CREATE INDEX outbox_by_gateway ON outbox (gateway, sequence);
CREATE INDEX outbox_by_about ON outbox (about);

CREATE TABLE gateways (
    name TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

CREATE TABLE catalog_versions (
    sequence {SEQUENCE},
    digest TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    document TEXT NOT NULL
);

-- previous: what is in force while the entry of the last change waits.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    entry TEXT NOT NULL,
    document TEXT NOT NULL,
    previous TEXT
);
CREATE INDEX grants_by_epoch ON grants (epoch);
CREATE INDEX grants_by_entry ON grants (entry);

-- lifted_by: the entry that ends it once it is written.
CREATE TABLE suspensions (
    subject TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    lifted_by TEXT
);
CREATE TABLE kills (
    scope TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    lifted_by TEXT
);

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    subject TEXT NOT NULL,
    function TEXT NOT NULL,
    lapses_at BIGINT,
    gateway TEXT NOT NULL,
    revision BIGINT NOT NULL,
    tick BIGINT NOT NULL,
    salt {BYTES} NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX approvals_open ON approvals (digest) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_by_subject ON approvals (subject, state);
CREATE INDEX approvals_by_lapse ON approvals (state, lapses_at);
CREATE INDEX approvals_by_tick ON approvals (tick);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    actors TEXT NOT NULL,
    title TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    wrapped_key {BYTES},
    erased_at BIGINT
);
CREATE INDEX sessions_by_subject ON sessions (subject, id);
CREATE TABLE session_segments (
    session TEXT NOT NULL REFERENCES sessions (id),
    segment BIGINT NOT NULL,
    PRIMARY KEY (session, segment)
);

CREATE TABLE web_sessions (
    name TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX web_sessions_by_subject ON web_sessions (subject);
CREATE INDEX web_sessions_by_end ON web_sessions (expires_at);

CREATE TABLE people (
    subject TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    member_of TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
