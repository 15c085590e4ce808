-- The vault: secrets, wrapped at rest (AES-256-GCM under a master key that is never in this database),
-- and the digests of API keys. The only tables of the write side whose rows are updated; none is ever deleted.
-- Every key starts with log_name, so that Citus can distribute the tables unchanged.

CREATE SCHEMA vault;

CREATE TABLE vault.signing_keys (
    log_name      text        NOT NULL,
    key_id        uuid        NOT NULL,
    owner         uuid        NOT NULL,                                          -- the issuer it signs for
    public_key    bytea       NOT NULL CHECK (octet_length(public_key) = 32),    -- Ed25519
    wrapped       bytea       NOT NULL,                                          -- nonce, ciphertext, tag
    master_key_id text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (log_name, key_id)
);

CREATE TABLE vault.permutation_keys (
    log_name      text        NOT NULL,
    key_id        uuid        NOT NULL,                                          -- the status list set's id
    wrapped       bytea       NOT NULL,
    master_key_id text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (log_name, key_id)
);

CREATE TABLE vault.peppers (                                                     -- one per log: HMAC key of its API keys
    log_name      text        NOT NULL,
    key_id        uuid        NOT NULL,                                          -- always the nil UUID
    wrapped       bytea       NOT NULL,
    master_key_id text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (log_name, key_id)
);

CREATE TABLE vault.api_keys (
    log_name     text        NOT NULL,
    key_id       text        NOT NULL,
    issuer_id    uuid,                                                           -- NULL: an operator's key
    slot         smallint CHECK (slot IN (1, 2)),                                -- held while an issuer's key is live
    name         text        NOT NULL,
    scopes       text[]      NOT NULL,
    digest       bytea       NOT NULL CHECK (octet_length(digest) = 32),         -- HMAC-SHA256(pepper, secret)
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,                                                    -- exact to a minute
    PRIMARY KEY (log_name, key_id),
    UNIQUE (log_name, issuer_id, slot),                                          -- NULLs never collide: operators have no limit
    CHECK (slot IS NULL OR (issuer_id IS NOT NULL AND revoked_at IS NULL))
) WITH (fillfactor = 80);

GRANT USAGE ON SCHEMA vault TO registry_writer, registry_projector;
GRANT SELECT, INSERT, UPDATE ON vault.signing_keys, vault.permutation_keys, vault.peppers, vault.api_keys
    TO registry_writer;
GRANT SELECT ON vault.signing_keys TO registry_projector;                        -- the publisher signs
