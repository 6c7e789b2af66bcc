-- Credentials of relying parties become things of their own: several of a kind beside each other, from several sources, each
-- with its life. The id is a number that is spoken as CR and ten characters; what is there is numbered in the order of its keys.
-- `content` is a JWK, a certificate in PEM, or an address; `address` is the credential under whose address a key was found.
CREATE TABLE credential (
    id BIGINT NOT NULL PRIMARY KEY,
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    address BIGINT REFERENCES credential (id),
    label TEXT,
    state TEXT NOT NULL,
    thumbprint TEXT,
    content TEXT NOT NULL,
    serial TEXT,
    not_before BIGINT,
    not_after BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    reason TEXT,
    last_used_at BIGINT
);
INSERT INTO credential (id, relying_party, kind, source, state, thumbprint, content, not_after, created_at, ended_at)
SELECT (SELECT COUNT(*) FROM relying_party_credential earlier WHERE earlier.id < c.id), c.relying_party, c.kind, 'manifest',
       CASE WHEN c.state = 'active' THEN 'active' ELSE 'superseded' END, c.id, c.public_key, c.not_after, c.created_at,
       CASE WHEN c.state = 'active' THEN NULL ELSE p.updated_at END
FROM relying_party_credential c JOIN relying_party p ON p.id = c.relying_party;
DROP TABLE relying_party_credential;
CREATE INDEX credential_party ON credential (relying_party, created_at, id);
CREATE INDEX credential_thumbprint ON credential (thumbprint);
CREATE INDEX credential_serial ON credential (serial) WHERE serial IS NOT NULL;
-- A key is one party's for good, whatever became of it. Certificates over one key may follow each other.
CREATE UNIQUE INDEX credential_key ON credential (thumbprint) WHERE kind = 'jwks';

-- When the key set at an address is read again, and how it went.
CREATE TABLE key_set_address (
    credential BIGINT NOT NULL PRIMARY KEY REFERENCES credential (id),
    next_at BIGINT NOT NULL,
    fetched_at BIGINT,
    failures INTEGER NOT NULL,
    fault_code TEXT,
    fault TEXT,
    fault_since BIGINT
);
CREATE INDEX key_set_address_next ON key_set_address (next_at);

-- Keys whose private halves are, or may be, in other hands: refused wherever a key is brought.
CREATE TABLE blocked_key (
    spki_digest BYTEA NOT NULL PRIMARY KEY,
    thumbprint TEXT NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    note TEXT
);
