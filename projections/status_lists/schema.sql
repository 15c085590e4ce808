-- One row per set, per list, per entry that is not 0, and per word that was ever said about an entry.
-- changed_position and changed_at tell of the last event that really moved an entry of the list since it exists
-- (0: none has). A token list has no entries of its own: it is read from those of revocation and suspension.

CREATE TABLE status_list_sets (
    log_name        text    NOT NULL,
    list_set        uuid    NOT NULL,
    issuer_id       uuid    NOT NULL,
    issuer_did      text    NOT NULL,
    size            integer NOT NULL,
    is_open         boolean NOT NULL,
    opened_position bigint  NOT NULL,
    PRIMARY KEY (log_name, list_set)
);

CREATE INDEX ON status_list_sets (log_name, issuer_id);

CREATE TABLE status_list_members (
    log_name         text        NOT NULL,
    status_list_id   uuid        NOT NULL,
    list_set         uuid        NOT NULL,
    purpose          text        NOT NULL,
    url              text        NOT NULL,
    status_size      integer     NOT NULL,      -- bits of an entry
    messages         text,                      -- JSON: an array of [status, message]
    reference        text[],
    added_position   bigint      NOT NULL,
    changed_position bigint      NOT NULL,
    changed_at       timestamptz NOT NULL,
    PRIMARY KEY (log_name, status_list_id),
    UNIQUE (log_name, list_set, purpose)
);

CREATE INDEX ON status_list_members (log_name, added_position);

CREATE TABLE status_list_bits (
    log_name text    NOT NULL,
    list_set uuid    NOT NULL,
    purpose  text    NOT NULL,
    index    integer NOT NULL,
    value    integer NOT NULL,                  -- 1 in a list of single bits
    PRIMARY KEY (log_name, list_set, purpose, index)
);

CREATE TABLE status_list_words (
    log_name text    NOT NULL,
    list_set uuid    NOT NULL,
    purpose  text    NOT NULL,
    index    integer NOT NULL,
    position bigint  NOT NULL,
    value    integer NOT NULL,                  -- from this position on
    PRIMARY KEY (log_name, list_set, purpose, index, position)
);

CREATE TABLE status_list_restores (
    log_name           text   NOT NULL,
    position           bigint NOT NULL,
    published_position bigint NOT NULL,
    published_hash     bytea  NOT NULL,
    restored_position  bigint NOT NULL,
    PRIMARY KEY (log_name, position)
);

CREATE TABLE status_list_compromises (          -- methods whose lists must be signed anew, by another
    log_name  text        NOT NULL,
    method_id text        NOT NULL,
    noted_at  timestamptz NOT NULL,
    PRIMARY KEY (log_name, method_id)
);
