-- One text for SQLite and PostgreSQL. Times are UTC microseconds, days are days since 1970-01-01 in Hong Kong, enums are
-- words except in the event and counter tables, whose rows are many and whose codes are listed in the domain crate.
-- The two words in braces differ: store/engine.rs puts each engine's own 64-bit identity column in place of the one, and what
-- keeps a table in the order of its key in place of the other.

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY,
    environment TEXT NOT NULL,
    public_url TEXT NOT NULL,
    pki_url TEXT NOT NULL,
    kek_id TEXT NOT NULL,
    two_person BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE operator (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    enrolment_mac BYTEA,
    enrolment_expires_at BIGINT
);
CREATE UNIQUE INDEX operator_enrolment ON operator (enrolment_mac) WHERE enrolment_mac IS NOT NULL;

CREATE TABLE operator_certificate (
    fingerprint BYTEA NOT NULL PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operator (id),
    serial TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    der BYTEA NOT NULL
);
CREATE INDEX operator_certificate_operator ON operator_certificate (operator);

CREATE TABLE key_generation (
    kid TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    activate_at BIGINT,
    retire_at BIGINT,
    revoked_at BIGINT,
    revoked_reason TEXT,
    public_key BYTEA,
    certificate BYTEA,
    private_sealed BYTEA,
    kek_id TEXT
);
-- Two operators at once: the second one's insert breaks one of these and its transaction leaves nothing behind.
CREATE UNIQUE INDEX key_generation_published ON key_generation (purpose, name, algorithm) WHERE state = 'published';
CREATE UNIQUE INDEX key_generation_active ON key_generation (purpose, name, algorithm) WHERE state = 'active';

CREATE TABLE relying_party (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    sector TEXT NOT NULL,
    industry TEXT,
    name_en TEXT NOT NULL,
    name_zh_hant TEXT NOT NULL,
    skeleton_en TEXT NOT NULL,
    skeleton_zh_hant TEXT NOT NULL,
    synthetic BOOLEAN NOT NULL,
    suspended_reason TEXT,
    manifest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX relying_party_skeleton_en ON relying_party (skeleton_en);
CREATE INDEX relying_party_skeleton_zh_hant ON relying_party (skeleton_zh_hant);

CREATE TABLE relying_party_version (
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    version BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    operator TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    manifest TEXT NOT NULL,
    changes TEXT NOT NULL,
    PRIMARY KEY (relying_party, version)
);

-- The id is the key's thumbprint: a key is one party's for good, removed or not.
CREATE TABLE relying_party_credential (
    id TEXT NOT NULL PRIMARY KEY,
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    public_key TEXT NOT NULL,
    not_after BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX relying_party_credential_party ON relying_party_credential (relying_party);

CREATE TABLE service (
    code INTEGER NOT NULL PRIMARY KEY,
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    slug TEXT NOT NULL,
    name_en TEXT NOT NULL,
    name_zh_hant TEXT NOT NULL,
    category TEXT,
    functions TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER,
    synthetic BOOLEAN NOT NULL,
    manifest TEXT NOT NULL,
    UNIQUE (relying_party, slug)
);

-- What a service was on a day: a service that moves, changes sector or is retired keeps its past.
CREATE TABLE service_version (
    service INTEGER NOT NULL REFERENCES service (code),
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    relying_party TEXT NOT NULL,
    sector TEXT NOT NULL,
    category TEXT,
    name_en TEXT NOT NULL,
    name_zh_hant TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER,
    PRIMARY KEY (service, valid_from)
);

-- The ordinal is dense and given by hand (bitmaps count by it); as identity column it costs SQLite no index of its own.
CREATE TABLE account (
    ordinal {identity},
    id BYTEA NOT NULL UNIQUE,
    reference BIGINT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    tier TEXT NOT NULL,
    channel TEXT NOT NULL,
    location TEXT,
    registered_at BIGINT NOT NULL,
    data_key BYTEA,
    kek_id TEXT NOT NULL,
    profile BYTEA,
    hkic_index BYTEA,
    phone_index BYTEA,
    index_generation INTEGER NOT NULL,
    hkic_index_next BYTEA,
    phone_index_next BYTEA,
    index_generation_next INTEGER,
    device TEXT,
    device_bound_at BIGINT,
    suspended_since BIGINT,
    suspended_reason TEXT,
    suspended_by TEXT,
    suspended_call BIGINT,
    closed_since BIGINT,
    closed_reason TEXT
);
-- Closing clears the indexes, so an account that is closed stands in nobody's way.
CREATE UNIQUE INDEX account_hkic ON account (hkic_index);
CREATE INDEX account_phone ON account (phone_index);
CREATE UNIQUE INDEX account_hkic_next ON account (hkic_index_next) WHERE hkic_index_next IS NOT NULL;
CREATE INDEX account_not_active ON account (state, reference, tier) WHERE state <> 'active';

-- Free text lies sealed under the account's data key, so that erasing the person reaches it.
CREATE TABLE account_note (
    id BYTEA NOT NULL PRIMARY KEY,
    account BYTEA NOT NULL REFERENCES account (id),
    operator TEXT NOT NULL,
    at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX account_note_account ON account_note (account);

-- Which parties know a citizen: whom to tell when the account is suspended.
CREATE TABLE account_relying_party (
    account BYTEA NOT NULL REFERENCES account (id),
    relying_party TEXT NOT NULL REFERENCES relying_party (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (account, relying_party)
);

CREATE TABLE hotline_call (
    reference BIGINT NOT NULL PRIMARY KEY,
    operator TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);

CREATE TABLE hotline_call_account (
    call BIGINT NOT NULL REFERENCES hotline_call (reference),
    account BYTEA NOT NULL REFERENCES account (id),
    suspended_at BIGINT,
    PRIMARY KEY (call, account)
);

CREATE TABLE audit_entry (
    id BYTEA NOT NULL PRIMARY KEY,
    leaf BYTEA NOT NULL,
    leaf_index BIGINT,
    at BIGINT NOT NULL,
    operator TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    call TEXT,
    request_id TEXT
);
CREATE UNIQUE INDEX audit_entry_leaf ON audit_entry (leaf_index) WHERE leaf_index IS NOT NULL;
CREATE INDEX audit_entry_unsealed ON audit_entry (id) WHERE leaf_index IS NULL;
CREATE INDEX audit_entry_subject ON audit_entry (subject, id);
CREATE INDEX audit_entry_operator ON audit_entry (operator, id);
CREATE INDEX audit_entry_action ON audit_entry (action, id);

CREATE TABLE audit_checkpoint (
    tree_size BIGINT NOT NULL PRIMARY KEY,
    root BYTEA NOT NULL,
    frontier BYTEA NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE idempotency (
    operator TEXT NOT NULL,
    key TEXT NOT NULL,
    operation TEXT NOT NULL,
    body_digest BYTEA NOT NULL,
    reply_sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (operator, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE approval (
    id BYTEA NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL,
    payload_sealed BYTEA NOT NULL,
    payload_digest BYTEA NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    reason TEXT
);
CREATE INDEX approval_pending ON approval (requested_at) WHERE state = 'pending';

CREATE TABLE outbox (
    id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    receiver TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX outbox_pending ON outbox (next_at) WHERE state = 'pending';
CREATE INDEX outbox_subject ON outbox (subject, receiver);

CREATE TABLE job (
    id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    operator TEXT NOT NULL,
    payload TEXT NOT NULL,
    progress TEXT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    message TEXT NOT NULL,
    error TEXT,
    cancel_requested BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
CREATE INDEX job_open ON job (created_at) WHERE finished_at IS NULL;

-- Raw uses: no second index, at most about 60 bytes a row (decisions.md, "Usage event").
CREATE TABLE usage_event (
    id {identity},
    service INTEGER NOT NULL,
    function SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    event_day INTEGER NOT NULL,
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    pseudonym BIGINT NOT NULL,
    source_key BYTEA
);

-- A use is inserted here in its own transaction; the folder moves it on. A row that commits late is simply moved later: no
-- watermark can miss it.
CREATE TABLE usage_inbox (
    id {identity},
    service INTEGER NOT NULL,
    function SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    event_day INTEGER NOT NULL,
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    pseudonym BIGINT NOT NULL,
    source_key BYTEA
);

CREATE TABLE usage_daily (
    event_day INTEGER NOT NULL,
    recorded_day INTEGER NOT NULL,
    service INTEGER NOT NULL,
    function SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_day, recorded_day, service, function, tier, channel, outcome)
) {clustered};
-- The last day recorded, and what was recorded late.
CREATE INDEX usage_daily_recorded ON usage_daily (recorded_day, event_day);

-- In this order a report by month and service sorts nothing.
CREATE TABLE usage_monthly (
    event_month INTEGER NOT NULL,
    recorded_month INTEGER NOT NULL,
    service INTEGER NOT NULL,
    function SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_month, service, recorded_month, function, tier, channel, outcome)
) {clustered};

CREATE TABLE account_event (
    id {identity},
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    location TEXT NOT NULL,
    birth_year SMALLINT NOT NULL,
    sex SMALLINT NOT NULL,
    event_day INTEGER NOT NULL,
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL
);

CREATE TABLE account_event_inbox (
    id {identity},
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    location TEXT NOT NULL,
    birth_year SMALLINT NOT NULL,
    sex SMALLINT NOT NULL,
    event_day INTEGER NOT NULL,
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL
);

CREATE TABLE account_daily (
    event_day INTEGER NOT NULL,
    recorded_day INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    location TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_day, recorded_day, kind, tier, channel, location)
) {clustered};
CREATE INDEX account_daily_recorded ON account_daily (recorded_day);

CREATE TABLE account_monthly (
    event_month INTEGER NOT NULL,
    recorded_month INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    location TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_month, recorded_month, kind, tier, channel, location)
) {clustered};
