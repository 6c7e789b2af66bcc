-- Time stamps (RFC 3161) of checkpoints: one a minute at most, beside the checkpoint over that many entries.
CREATE TABLE audit_stamp (
    tree_size BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    token BYTEA NOT NULL
);
