-- What runs out: which alarms have sounded, and which certificate followed which.

-- An alarm for a thing that ends then, at so many days before. Once each: the key says so.
CREATE TABLE expiry_alarm (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    ends_at BIGINT NOT NULL,
    days SMALLINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject, ends_at, days)
);

-- A certificate that was issued in the place of another one: for the one before it no alarm sounds.
CREATE TABLE certificate_renewal (
    serial TEXT NOT NULL PRIMARY KEY REFERENCES certificate (serial),
    follows TEXT NOT NULL REFERENCES certificate (serial)
);
CREATE INDEX certificate_renewal_follows ON certificate_renewal (follows);

-- Citizens' certificates are many: the others are found past them, and they are counted by their last day without being read.
CREATE INDEX certificate_ends ON certificate (holder_kind, state, not_after);
