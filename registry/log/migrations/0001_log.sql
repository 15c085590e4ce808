-- The log: one row of log_heads orders everything; events, allocations and idempotency keys are only ever added to.
-- Every key begins with log_name, so that tables can be distributed by it unchanged.

CREATE TABLE log_heads (
    log_name    text        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL CHECK (position >= 0),
    hash        bytea       NOT NULL CHECK (octet_length(hash) = 32),
    recorded_at timestamptz NOT NULL
);

CREATE TABLE events (
    log_name    text        NOT NULL,
    position    bigint      NOT NULL CHECK (position > 0),
    stream      text        NOT NULL,
    version     integer     NOT NULL CHECK (version > 0),
    type        text        NOT NULL,
    body        bytea       NOT NULL CHECK (octet_length(body) <= 61440),
    hash        bytea       NOT NULL CHECK (octet_length(hash) = 32),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (log_name, position),
    UNIQUE (log_name, stream, version)
);

CREATE TABLE status_list_allocations (
    log_name text    NOT NULL,
    list_set uuid    NOT NULL,
    number   integer NOT NULL CHECK (number >= 0),
    index    integer NOT NULL CHECK (index >= 0),
    position bigint  NOT NULL,
    PRIMARY KEY (log_name, list_set, number),
    UNIQUE (log_name, list_set, index)
);

CREATE TABLE idempotency_keys (
    log_name     text   NOT NULL,
    caller       text   NOT NULL,
    key          text   NOT NULL,
    request_hash bytea  NOT NULL,
    position     bigint NOT NULL,
    answer       bytea  NOT NULL,
    PRIMARY KEY (log_name, caller, key)
);

GRANT SELECT, UPDATE ON log_heads TO registry_writer;
GRANT SELECT, INSERT ON events, status_list_allocations, idempotency_keys TO registry_writer;
GRANT SELECT ON log_heads, events TO registry_projector;
