-- What figures mean, version by version. A row never changes: what means something else is a new version.
CREATE TABLE figure_definition (
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    edition TEXT NOT NULL,
    -- Reports as known on an earlier day keep the version before; NULL: it was always there.
    recorded_day INTEGER,
    -- Canonical JSON (RFC 8785), and SHA-256 over it in lower-case hex.
    definition TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- Who recorded it; 'system' for what came with the software.
    operator TEXT NOT NULL,
    PRIMARY KEY (id, version)
);
