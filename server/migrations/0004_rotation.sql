-- Rotations of keys as plans. `occupies`: it keeps other rotations of its line out.
CREATE TABLE key_plan (
    id TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    algorithms TEXT NOT NULL,
    state TEXT NOT NULL,
    occupies BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    wanted TEXT NOT NULL,
    wanted_at BIGINT,
    publish_micros BIGINT NOT NULL,
    drain_micros BIGINT NOT NULL,
    publish_at BIGINT,
    activate_at BIGINT,
    activated_at BIGINT,
    finished_at BIGINT,
    emergency TEXT,
    override_reason TEXT,
    override_by TEXT,
    override_at BIGINT,
    hold TEXT,
    work_what TEXT,
    work_done BIGINT,
    work_total BIGINT
);
-- Two operators at once: the second one's write breaks one of these, or the one of the published generation.
CREATE UNIQUE INDEX key_plan_occupies ON key_plan (purpose, name, algorithms) WHERE occupies;
CREATE UNIQUE INDEX key_plan_planned ON key_plan (purpose, name, algorithms) WHERE state = 'planned';
CREATE INDEX key_plan_open ON key_plan (created_at) WHERE finished_at IS NULL;

-- The rotation that made a generation, and the one in which another took its place.
ALTER TABLE key_generation ADD COLUMN plan TEXT;
ALTER TABLE key_generation ADD COLUMN drained_by TEXT;

-- The newest key set that each system of a relying party is known to have seen: of a client at its own address, of whoever
-- comes with the party's certificate, of the party's word. `client` is empty where the party as a whole is meant.
CREATE TABLE jwks_sighting (
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    client TEXT NOT NULL,
    how TEXT NOT NULL,
    at BIGINT NOT NULL,
    kids TEXT NOT NULL,
    said_to TEXT,
    PRIMARY KEY (relying_party, client, how)
);
