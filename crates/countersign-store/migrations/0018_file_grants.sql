-- Which grant stands for a name in the catalog's files: a name has one at a time.
CREATE TABLE file_grants (
    name TEXT {BYTEWISE} PRIMARY KEY,
    grant_id TEXT {BYTEWISE} NOT NULL
);
