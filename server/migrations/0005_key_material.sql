-- Keyed digest of an entry that waits to be sealed: what somebody put into the database past the server has none. Sealed, the
-- tree stands for it and it is cleared. An entry without a good one is set aside, where it stands, and never sealed.
ALTER TABLE audit_entry ADD COLUMN mac BYTEA;
ALTER TABLE audit_entry ADD COLUMN quarantined_at BIGINT;
DROP INDEX audit_entry_unsealed;
CREATE INDEX audit_entry_unsealed ON audit_entry (id) WHERE leaf_index IS NULL AND quarantined_at IS NULL;
CREATE INDEX audit_entry_quarantined ON audit_entry (id) WHERE quarantined_at IS NOT NULL;

-- How one checkpoint key followed another: the signed notes that an auditor follows, in their order.
CREATE TABLE audit_succession (
    number INTEGER NOT NULL PRIMARY KEY,
    old_kid TEXT NOT NULL REFERENCES key_generation (kid),
    new_kid TEXT NOT NULL REFERENCES key_generation (kid),
    note TEXT NOT NULL
);

-- The nodes that are there, and which key-encryption keys each of them holds in its own key file.
CREATE TABLE node (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    kek_ids TEXT NOT NULL
);

-- How far the rows are that a key's rotation has to bring from one generation to another, by the generation it is about.
CREATE TABLE key_work (
    kid TEXT NOT NULL PRIMARY KEY REFERENCES key_generation (kid),
    stage TEXT NOT NULL,
    position BIGINT NOT NULL,
    met BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    unreadable BIGINT NOT NULL
);
