-- Keys are known by the digest of their text, which is nowhere. A key whose entry waits in the outbox
-- is not in force yet.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    entry TEXT NOT NULL,
    last_used_at BIGINT,
    document TEXT NOT NULL
);
CREATE INDEX api_keys_by_subject ON api_keys (subject);
