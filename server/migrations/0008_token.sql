-- Where private keys are made: 'files' (wrapped, in this database) or 'pkcs11' (in a token, which they never leave).
ALTER TABLE instance ADD COLUMN keys_provider TEXT NOT NULL DEFAULT 'files';
-- The key pair in the token (CKA_ID, hex) whose private half belongs to this generation.
ALTER TABLE key_generation ADD COLUMN token_object TEXT;
