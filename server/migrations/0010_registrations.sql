-- People register: the stations where they do, how each registration goes, and what became of the photos.

-- The registration service's own equipment. Each is at one place and registers through one channel.
CREATE TABLE station (
    id TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    location TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    retired_at BIGINT
);

-- A registration on its way and what came of it. `person` is sealed, and there only while a device is waited for; `until` is the
-- last moment of what is waited for.
CREATE TABLE registration (
    id BYTEA NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    location TEXT,
    station TEXT REFERENCES station (id),
    tier TEXT NOT NULL,
    state TEXT NOT NULL,
    kind TEXT,
    reason TEXT,
    tries SMALLINT NOT NULL,
    begun_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    ended_at BIGINT,
    code_mac BYTEA,
    person BYTEA,
    account BYTEA REFERENCES account (id),
    device TEXT
);
CREATE INDEX registration_open ON registration (until) WHERE state IN ('begun', 'verified');

-- Photos that were taken for a check, by a keyed digest: a row is there before anybody looks at one, and says when and why it was
-- deleted. The photos themselves are in no table.
CREATE TABLE photo_deletion (
    registration BYTEA NOT NULL REFERENCES registration (id),
    photo TEXT NOT NULL,
    digest BYTEA NOT NULL,
    taken_at BIGINT NOT NULL,
    deleted_at BIGINT,
    why TEXT,
    PRIMARY KEY (registration, photo)
);
CREATE INDEX photo_not_deleted ON photo_deletion (taken_at) WHERE deleted_at IS NULL;
