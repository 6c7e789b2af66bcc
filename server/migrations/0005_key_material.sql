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
