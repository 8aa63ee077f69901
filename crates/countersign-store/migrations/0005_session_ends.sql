-- Whose credentials are worth nothing if they were issued before a moment. `whose` is JSON.
CREATE TABLE cut_offs (
    whose TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX cut_offs_by_epoch ON cut_offs (epoch);
CREATE INDEX cut_offs_by_end ON cut_offs (expires_at);

-- Which session at which issuer a browser's sign-in rests on, and when that issuer vouched for it.
ALTER TABLE web_sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN issuer_subject TEXT NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN issuer_session TEXT NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN issued_at BIGINT NOT NULL DEFAULT 0;
-- Until when one request has the renewal of this session's identity to itself.
ALTER TABLE web_sessions ADD COLUMN renewing_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX web_sessions_by_issuer_subject ON web_sessions (issuer, issuer_subject);
CREATE INDEX web_sessions_by_issuer_session ON web_sessions (issuer, issuer_session);
