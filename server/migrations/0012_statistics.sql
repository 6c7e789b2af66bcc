-- Who people are that statistics count, as far as that leads back to nobody; different people in a month; suspensions; corrections.

-- Events of accounts by what is known of the person, beside account_daily, which has the place. Their counts are the same.
CREATE TABLE account_person_daily (
    event_day INTEGER NOT NULL,
    recorded_day INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    birth_year SMALLINT NOT NULL,
    sex SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_day, recorded_day, kind, tier, channel, birth_year, sex)
) {clustered};
CREATE INDEX account_person_daily_recorded ON account_person_daily (recorded_day);

CREATE TABLE account_person_monthly (
    event_month INTEGER NOT NULL,
    recorded_month INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    tier SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    birth_year SMALLINT NOT NULL,
    sex SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_month, recorded_month, kind, tier, channel, birth_year, sex)
) {clustered};

-- Midnight in Hong Kong is 16:00 UTC; nothing was recorded before 1970.
INSERT INTO account_person_daily (event_day, recorded_day, kind, tier, channel, birth_year, sex, count)
SELECT event_day, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER), kind, tier, channel, birth_year, sex, COUNT(*)
FROM account_event
GROUP BY event_day, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER), kind, tier, channel, birth_year, sex;

-- Days to months by the proleptic Gregorian calendar (Hinnant, chrono-compatible low-level date algorithms, civil_from_days); a month's
-- number counts from January 1970.
INSERT INTO account_person_monthly (event_month, recorded_month, kind, tier, channel, birth_year, sex, count)
WITH years (day, year, ordinal) AS (
    SELECT day, era * 400 + yoe, doe - (365 * yoe + yoe / 4 - yoe / 100)
    FROM (SELECT day, era, doe, (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365 AS yoe
          FROM (SELECT day, (day + 719468) / 146097 AS era, (day + 719468) % 146097 AS doe
                FROM (SELECT event_day AS day FROM account_person_daily
                      UNION SELECT recorded_day FROM account_person_daily) AS days) AS eras) AS ordinals
),
months (day, month) AS (
    SELECT day, CASE WHEN (5 * ordinal + 2) / 153 < 10 THEN (year - 1970) * 12 + (5 * ordinal + 2) / 153 + 2
                     ELSE (year - 1969) * 12 + (5 * ordinal + 2) / 153 - 10 END
    FROM years
)
SELECT event.month, recorded.month, kind, tier, channel, birth_year, sex, CAST(SUM(count) AS BIGINT)
FROM account_person_daily
JOIN months AS event ON event.day = event_day
JOIN months AS recorded ON recorded.day = recorded_day
GROUP BY event.month, recorded.month, kind, tier, channel, birth_year, sex;

-- A suspension, for figures: why, and how long after the hotline call was opened. One row for each, never changed.
CREATE TABLE suspension_event (
    id {identity},
    reason SMALLINT NOT NULL,
    took_ms BIGINT,
    event_day INTEGER NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX suspension_event_day ON suspension_event (event_day);
CREATE INDEX hotline_call_opened ON hotline_call (opened_at);

-- Of those before this table, the reasons are known of accounts that are still suspended.
INSERT INTO suspension_event (reason, took_ms, event_day, recorded_at)
SELECT CASE account.suspended_reason WHEN 'lost-device' THEN 1 WHEN 'stolen-device' THEN 2 WHEN 'suspected-fraud' THEN 3
         WHEN 'caller-request' THEN 4 WHEN 'deceased' THEN 5 ELSE 6 END,
       CASE WHEN account.suspended_since >= hotline_call.opened_at THEN (account.suspended_since - hotline_call.opened_at) / 1000 END,
       CAST((account.suspended_since + 28800000000) / 86400000000 AS INTEGER), account.suspended_since
FROM account LEFT JOIN hotline_call ON hotline_call.reference = account.suspended_call
WHERE account.state = 'suspended' AND account.suspended_since IS NOT NULL;

-- An event that takes an earlier one off counts -1. Of an event from a file, no two have the same key.
ALTER TABLE usage_event ADD COLUMN count SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE usage_inbox ADD COLUMN count SMALLINT NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX usage_event_source ON usage_event (source_key) WHERE source_key IS NOT NULL;
-- The account's ordinal, for as long as nobody has looked whether it is new in its month; -1 for nobody's. The first account has 0.
ALTER TABLE usage_inbox ADD COLUMN ordinal BIGINT NOT NULL DEFAULT -1;

-- Who used the platform in a month: a bit for each account's ordinal, 8 192 to a row, sealed. Without the key it says nothing.
CREATE TABLE usage_month_users (
    event_month INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (event_month, chunk)
);

-- How many were new in their month, by the day on which their first use in it was put on record.
CREATE TABLE usage_users_daily (
    event_month INTEGER NOT NULL,
    recorded_day INTEGER NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (event_month, recorded_day)
);

-- What a service's party was called, and its industry, as the version has it.
ALTER TABLE service_version ADD COLUMN industry TEXT;
ALTER TABLE service_version ADD COLUMN party_en TEXT NOT NULL DEFAULT '';
ALTER TABLE service_version ADD COLUMN party_zh_hant TEXT NOT NULL DEFAULT '';
UPDATE service_version SET
    industry = (SELECT industry FROM relying_party WHERE relying_party.id = service_version.relying_party),
    party_en = (SELECT name_en FROM relying_party WHERE relying_party.id = service_version.relying_party),
    party_zh_hant = (SELECT name_zh_hant FROM relying_party WHERE relying_party.id = service_version.relying_party);
