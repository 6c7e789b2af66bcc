-- Every certificate that this instance has issued or was about to issue. The row is there, committed, before anything is
-- signed: what a crash leaves behind is a serial number that can be revoked.
CREATE TABLE certificate (
    serial TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    profile TEXT NOT NULL,
    subject TEXT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    signed_digest BYTEA,
    key_id TEXT,
    fingerprint BYTEA,
    der BYTEA,
    revoked_at BIGINT,
    revoked_reason TEXT
);
CREATE UNIQUE INDEX certificate_fingerprint ON certificate (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX certificate_holder ON certificate (holder_kind, holder);
CREATE INDEX certificate_not_after ON certificate (not_after, serial);
CREATE INDEX certificate_key ON certificate (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX certificate_planned ON certificate (planned_at) WHERE state = 'planned';
CREATE INDEX certificate_revoked ON certificate (issuer, not_after) WHERE revoked_at IS NOT NULL;

DROP TABLE operator_certificate;

-- Revocation lists as they were signed, by authority and number. Numbers only grow. Those of the root are signed beforehand,
-- a day after the other, while its key is at hand: a list counts from its first moment on.
CREATE TABLE revocation_list (
    issuer TEXT NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    der BYTEA NOT NULL,
    PRIMARY KEY (issuer, number)
);

-- What no list says yet: a revocation, a hold or its end is noted here in its own transaction, and taken away by the one that
-- stores a list made after it. A row of its own each: whoever suspends waits for nobody, and what commits late is told later.
CREATE TABLE revocation_untold (
    serial TEXT NOT NULL REFERENCES certificate (serial),
    version BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (serial, version)
);
