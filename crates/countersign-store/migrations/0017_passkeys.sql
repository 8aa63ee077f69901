-- Passkeys of people. credential: its credential id (base64url). counter: the last one that it showed, 0
-- if it counts nothing. One whose entry waits in the outbox is not in force yet.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    credential TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    entry TEXT NOT NULL,
    counter BIGINT NOT NULL,
    last_used_at BIGINT,
    document TEXT NOT NULL
);
CREATE INDEX passkeys_by_subject ON passkeys (subject);

-- What passkeys call their person: random, and the same for all of one person's.
CREATE TABLE passkey_users (
    subject TEXT PRIMARY KEY,
    handle TEXT NOT NULL
);
