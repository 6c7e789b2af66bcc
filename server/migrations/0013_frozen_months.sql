-- A month that is closed: what was known of it on a day, under a digest that anybody can make again, signed. Never changed.
CREATE TABLE frozen_month (
    month INTEGER NOT NULL PRIMARY KEY,
    known_day INTEGER NOT NULL,
    edition TEXT NOT NULL,
    head TEXT NOT NULL,
    uses BIGINT NOT NULL,
    users BIGINT NOT NULL,
    registered BIGINT NOT NULL,
    digest TEXT NOT NULL,
    note TEXT NOT NULL,
    frozen_at BIGINT NOT NULL,
    operator TEXT NOT NULL
);
