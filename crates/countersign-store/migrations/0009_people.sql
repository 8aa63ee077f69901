-- People by the words that they are found by: subject, name and e-mail address in lower case, from the
-- beginning of each of their words on. The empty word finds everybody. Compared byte for byte, whatever
-- the database's language.
CREATE TABLE people_words (
    word TEXT {BYTEWISE} NOT NULL,
    subject TEXT {BYTEWISE} NOT NULL,
    PRIMARY KEY (word, subject)
);
CREATE INDEX people_words_by_subject ON people_words (subject, word);
-- Which provider vouched for somebody's last sign-in.
ALTER TABLE people ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
CREATE INDEX scim_resources_by_who ON scim_resources (here, kind);
