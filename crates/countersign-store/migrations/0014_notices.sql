-- What people are told. occasion: what it is told for; nobody is told twice for one. in_digest: whether
-- the next digest names it (waits), one named it (named) or none does (no).
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    occasion TEXT NOT NULL,
    kind TEXT NOT NULL,
    in_digest TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    read_at BIGINT,
    withdrawn_at BIGINT,
    document TEXT NOT NULL
);
CREATE INDEX notices_by_time ON notices (made_at);
CREATE UNIQUE INDEX notices_by_recipient_and_occasion ON notices (recipient, occasion);
CREATE INDEX notices_by_recipient ON notices (recipient, id);
CREATE INDEX notices_by_occasion ON notices (occasion);
CREATE INDEX notices_unread ON notices (recipient) WHERE read_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX notices_for_digest ON notices (recipient) WHERE in_digest = 'waits';

CREATE TABLE notice_abouts (
    about TEXT NOT NULL,
    notice TEXT NOT NULL REFERENCES notices (id),
    PRIMARY KEY (about, notice)
);

-- target: one row for each person or occasion and channel, whoever makes it. recipient: empty where the
-- channel is a room or a program. attempts grows with each claim, for the compare-and-set.
CREATE TABLE notice_deliveries (
    id TEXT PRIMARY KEY,
    notice TEXT NOT NULL REFERENCES notices (id),
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    ended_at BIGINT,
    error TEXT NOT NULL,
    answer TEXT NOT NULL
);
CREATE UNIQUE INDEX notice_deliveries_by_target ON notice_deliveries (channel, target);
CREATE INDEX notice_deliveries_by_notice ON notice_deliveries (notice);
CREATE INDEX notice_deliveries_by_next ON notice_deliveries (channel, next_at)
    WHERE state IN ('queued', 'sending', 'failed');

-- Over which channels somebody wants to be told.
CREATE TABLE notice_choices (
    subject TEXT PRIMARY KEY,
    document TEXT NOT NULL
);

-- What is done once a day, by whichever gateway comes first.
CREATE TABLE days_done (
    what TEXT NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (what, day)
);
