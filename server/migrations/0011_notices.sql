-- Services are told when a login of theirs has ended and when a citizen has decided.

-- Whether the manifest has an address for ended logins: read by the statement that tells all services of an account at once.
ALTER TABLE service ADD COLUMN told_of_logouts BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE service SET told_of_logouts = TRUE WHERE manifest LIKE '%"backchannelLogoutUri":%';

-- The sealed token by which a service knows who tells it of the decision; taken away when it was told, or when it is of no use.
ALTER TABLE citizen_request ADD COLUMN notify BYTEA;

-- Logins whose tokens are over are told of as well: a service's own session may go on for longer.
DROP INDEX login_account;
CREATE INDEX login_account ON login (account);

CREATE INDEX outbox_finished ON outbox (finished_at) WHERE finished_at IS NOT NULL;
