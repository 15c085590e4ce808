-- Where each credential stands. Rows are narrow, for there are many: measured bytes per credential in DESIGN.md.
-- credential_key is the first half of the SHA-256 of the id; the id itself is compared whenever a row is read.
-- What all credentials of a set share (issuer, lists) stands once, in the other two tables.

CREATE TABLE credentials (
    position            bigint      NOT NULL,   -- of the last change of status, or of the registration
    registered_position bigint      NOT NULL,
    since               timestamptz NOT NULL,   -- the status holds from here
    index               integer     NOT NULL,
    status              smallint    NOT NULL,   -- 0 active, 1 suspended, 2 revoked, 3 superseded
    purposes            smallint    NOT NULL,   -- a sum: 1 revocation, 2 suspension, 4 refresh, 8 message, 16 token
    issuer_id           uuid        NOT NULL,
    list_set            uuid        NOT NULL,
    log_name            text        NOT NULL,
    credential_key      bytea       NOT NULL CHECK (octet_length(credential_key) = 16),
    credential_id       text        NOT NULL,
    profile             text        NOT NULL,
    valid_from          text,
    valid_until         text,
    reason              text,
    superseded_by       text,
    message             integer,                -- what its message entry says; NULL: 0
    digest              bytea,                  -- SHA-256 of the secured credential
    PRIMARY KEY (log_name, credential_key, issuer_id)
) WITH (fillfactor = 90);                       -- room for the digest, which comes right after the registration

CREATE INDEX ON credentials (log_name, issuer_id, status, registered_position);

CREATE TABLE credential_issuers (
    log_name         text    NOT NULL,
    issuer_id        uuid    NOT NULL,
    slug             text    NOT NULL,
    name             text    NOT NULL,
    public_reasons   boolean NOT NULL,
    dids             text[]  NOT NULL,          -- all it ever had, the newest last
    legacy_lists     text[]  NOT NULL,          -- that name its revoked credentials to anybody
    revoked_position bigint  NOT NULL,          -- of the last revocation; 0: there is none
    PRIMARY KEY (log_name, issuer_id),
    UNIQUE (log_name, slug)
);

CREATE TABLE credential_lists (
    log_name        text   NOT NULL,
    list_set        uuid   NOT NULL,
    issuer_id       uuid   NOT NULL,
    issuer_did      text   NOT NULL,            -- the set's credentials were issued under this DID
    members         jsonb  NOT NULL,            -- an array, as the events have them
    purposes        text[] NOT NULL,            -- these three: of revocation and suspension, for processes of version 1
    status_list_ids uuid[] NOT NULL,            -- that still serve when this version goes live
    urls            text[] NOT NULL,
    PRIMARY KEY (log_name, list_set)
);
