-- Where in which log the entries stand that evidence of access reviews is made of, and their proofs.
-- proof: a C2SP tlog-proof, made once by the gateway that has the log, so that it is the same in every
-- pack and the other gateways need no file of it; NULL until a checkpoint covers the entry.
CREATE TABLE ledger_places (
    id TEXT {BYTEWISE} PRIMARY KEY,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    position BIGINT NOT NULL,
    entry {BYTES} NOT NULL,
    vkey TEXT,
    proof TEXT
);
CREATE INDEX ledger_places_unproven ON ledger_places (gateway, position) WHERE proof IS NULL;

CREATE TABLE ledger_abouts (
    about TEXT {BYTEWISE} NOT NULL,
    entry TEXT {BYTEWISE} NOT NULL REFERENCES ledger_places (id),
    PRIMARY KEY (about, entry)
);
