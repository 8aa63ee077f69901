-- Access reviews: campaigns, their items, and whose answer each item waits for.

-- filler: which gateway makes the snapshot while the campaign is `opening`, by a name of that run.
CREATE TABLE campaigns (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    revision BIGINT NOT NULL,
    filler TEXT,
    filled_by TEXT,
    document TEXT NOT NULL,
    report TEXT
);
CREATE INDEX campaigns_by_state ON campaigns (state, id);

-- One grant in a campaign. verify: 1 while what was decided is not yet seen on every gateway.
-- The snapshot stands last and apart: it is written once and is much larger than the rest.
CREATE TABLE review_items (
    campaign TEXT NOT NULL,
    item TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT NOT NULL,
    sensitivity TEXT NOT NULL,
    advice TEXT NOT NULL,
    verify BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (campaign, item)
);
CREATE INDEX review_items_by_state ON review_items (campaign, state, item);
CREATE INDEX review_items_by_kind ON review_items (campaign, state, result, sensitivity, advice);
CREATE INDEX review_items_by_item ON review_items (item, campaign);
CREATE INDEX review_items_unverified ON review_items (campaign, item) WHERE verify = 1;

-- Who is or was asked about an item; waits: 1 while their answer is waited for.
CREATE TABLE review_reviewers (
    campaign TEXT NOT NULL,
    item TEXT NOT NULL,
    reviewer TEXT {BYTEWISE} NOT NULL,
    waits BIGINT NOT NULL,
    PRIMARY KEY (campaign, item, reviewer)
);
CREATE INDEX review_reviewers_by_reviewer ON review_reviewers (reviewer, waits, campaign, item);
CREATE INDEX review_reviewers_waiting ON review_reviewers (campaign, waits, reviewer);

-- Each date of a schedule once: what was opened for it, or that it was passed over. The date '' says
-- since when the schedule is known.
CREATE TABLE review_runs (
    schedule TEXT {BYTEWISE} NOT NULL,
    date TEXT {BYTEWISE} NOT NULL,
    campaign TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (schedule, date)
);

-- Which policy a gateway decides by.
ALTER TABLE gateways ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
