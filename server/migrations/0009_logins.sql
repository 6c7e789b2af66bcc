-- Citizens log in: their devices, what they are asked, and what comes of it.

-- The key of the app on a citizen's phone, by its RFC 7638 thumbprint. One is in use at a time; an account's name for it stands
-- with the account.
CREATE TABLE device (
    thumbprint TEXT NOT NULL PRIMARY KEY,
    account BYTEA NOT NULL REFERENCES account (id),
    public_key TEXT NOT NULL,
    bound_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX device_in_use ON device (account) WHERE ended_at IS NULL;

-- What a service asks of a citizen. Whose request it is may be known when it is asked (`account`), or once somebody takes it up
-- by what a screen shows (`link` in the QR code, `code` for people). `wants` is for the citizen, `terms` for the interface that asked.
CREATE TABLE citizen_request (
    id BYTEA NOT NULL PRIMARY KEY,
    link BYTEA,
    code TEXT,
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    service INTEGER NOT NULL REFERENCES service (code),
    function SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    state TEXT NOT NULL,
    account BYTEA REFERENCES account (id),
    wants TEXT NOT NULL,
    terms TEXT NOT NULL,
    granted TEXT,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT,
    ended_at BIGINT,
    polled_at BIGINT,
    poll_micros BIGINT NOT NULL
);
-- Taken away when the request is over: what a screen showed leads nowhere any more, and short codes can be given again.
CREATE UNIQUE INDEX citizen_request_link ON citizen_request (link) WHERE link IS NOT NULL;
CREATE UNIQUE INDEX citizen_request_code ON citizen_request (code) WHERE code IS NOT NULL;
CREATE INDEX citizen_request_account ON citizen_request (account, asked_at);
CREATE INDEX citizen_request_open ON citizen_request (expires_at) WHERE state IN ('waiting', 'approved');
CREATE INDEX citizen_request_open_party ON citizen_request (relying_party) WHERE state IN ('waiting', 'approved');

-- What came of a request that was redeemed; it has the request's id. It is alive until its last token ends, or it is ended.
CREATE TABLE login (
    id BYTEA NOT NULL PRIMARY KEY,
    account BYTEA NOT NULL REFERENCES account (id),
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    service INTEGER NOT NULL REFERENCES service (code),
    tier TEXT NOT NULL,
    granted TEXT NOT NULL,
    bound_to TEXT,
    authenticated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE INDEX login_account ON login (account) WHERE ended_at IS NULL;
CREATE INDEX login_party ON login (relying_party) WHERE ended_at IS NULL;
CREATE INDEX login_expires ON login (expires_at);

-- Tokens of logins: an access token by its jti, a refresh token by its SHA-256. One that belongs to no login is there only once it
-- was revoked.
CREATE TABLE token (
    id BYTEA NOT NULL PRIMARY KEY,
    login BYTEA REFERENCES login (id),
    kind TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX token_login ON token (login) WHERE login IS NOT NULL;
CREATE INDEX token_expires ON token (expires_at);

-- What a citizen lets a service know.
CREATE TABLE consent (
    account BYTEA NOT NULL REFERENCES account (id),
    service INTEGER NOT NULL REFERENCES service (code),
    granted TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    PRIMARY KEY (account, service)
);

-- What can be used once and was: ids of client assertions and proofs of possession, digested with whose they are.
CREATE TABLE spent (
    digest BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_expires ON spent (expires_at);

-- RFC 9126: what a client has pushed, by the SHA-256 of the last part of its request_uri.
CREATE TABLE pushed_request (
    digest BYTEA NOT NULL PRIMARY KEY,
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    service INTEGER NOT NULL REFERENCES service (code),
    parameters TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    loaded_at BIGINT
);
CREATE INDEX pushed_request_expires ON pushed_request (expires_at);

-- By what name a party knows a citizen, from the first login on: the key that made it may be followed by another, the name stays.
ALTER TABLE account_relying_party ADD COLUMN subject BYTEA;
ALTER TABLE account_relying_party ADD COLUMN pairwise_kid TEXT;
CREATE UNIQUE INDEX account_relying_party_subject ON account_relying_party (relying_party, subject) WHERE subject IS NOT NULL;

-- A shared secret is one service's.
ALTER TABLE credential ADD COLUMN service TEXT;
