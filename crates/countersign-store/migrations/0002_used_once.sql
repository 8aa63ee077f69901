-- What may be used once (an assertion, a token's jti), by digest; forgotten once its own times refuse it.
CREATE TABLE used_once (
    name TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_once_by_end ON used_once (until);
