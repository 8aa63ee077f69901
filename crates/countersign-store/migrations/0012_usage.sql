-- What grants were used for, as each gateway counts it from its own ledger: one row for each grant,
-- function and user. history: calls by day and by week; arguments: which values, bounded.
CREATE TABLE usage_of_grants (
    grant_id TEXT {BYTEWISE} NOT NULL,
    function TEXT {BYTEWISE} NOT NULL,
    subject TEXT {BYTEWISE} NOT NULL,
    gateway TEXT {BYTEWISE} NOT NULL,
    used BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    first_used_at BIGINT,
    last_used_at BIGINT,
    history {BYTES} NOT NULL,
    arguments {BYTES} NOT NULL,
    PRIMARY KEY (grant_id, function, subject, gateway)
);
-- Its columns never change, so that counting does not touch it.
CREATE INDEX usage_by_subject ON usage_of_grants (subject, function);

-- Calls that did not run. They have no grant. week: the day that it begins on, since 1970-01-01.
CREATE TABLE usage_denied (
    subject TEXT {BYTEWISE} NOT NULL,
    function TEXT {BYTEWISE} NOT NULL,
    reason TEXT {BYTEWISE} NOT NULL,
    week BIGINT NOT NULL,
    gateway TEXT {BYTEWISE} NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (subject, function, reason, week, gateway)
);

-- Intents whose outcome is not in the ledger yet, as of the position.
CREATE TABLE usage_open (
    gateway TEXT {BYTEWISE} NOT NULL,
    call TEXT {BYTEWISE} NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (gateway, call)
);

-- How far each gateway has counted its ledger. log: the id of the log's first entry.
CREATE TABLE usage_positions (
    gateway TEXT {BYTEWISE} PRIMARY KEY,
    log TEXT NOT NULL,
    entries BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    counted_until BIGINT NOT NULL
);
