-- When each transmitter of security events was last heard, by any gateway.
CREATE TABLE heard (
    transmitter TEXT PRIMARY KEY,
    heard_at BIGINT NOT NULL
);
