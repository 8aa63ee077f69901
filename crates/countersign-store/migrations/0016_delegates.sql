-- Who stands in for whom in reviews. A row counts once the ledger has its entry.
CREATE TABLE delegates (
    subject TEXT PRIMARY KEY,
    until_at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    document TEXT NOT NULL
);
-- Functions none of whose owners may do anything any more: since when that is known, and since when
-- their calls are stopped for it.
CREATE TABLE unowned_functions (
    function TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL,
    stopped_at BIGINT
);
