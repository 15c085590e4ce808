-- What the world saw: outside the generations, because a rebuild may not forget it. Applied at every start.
-- published_heads orders publications as log_heads orders events: a publication moves its row from the sequence it
-- was decided on, or does nothing. Rows of one publication share its sequence.

CREATE TABLE IF NOT EXISTS projections.published_heads (
    log_name         text        NOT NULL PRIMARY KEY,
    sequence         bigint      NOT NULL,
    position         bigint      NOT NULL,
    hash             bytea       NOT NULL,
    restore_position bigint      NOT NULL,
    published_at     timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS projections.published_status_lists (
    log_name         text        NOT NULL,
    status_list_id   uuid        NOT NULL,
    list_set         uuid        NOT NULL,
    purpose          text        NOT NULL,
    url              text        NOT NULL,
    position         bigint      NOT NULL,
    log_hash         bytea       NOT NULL,
    restore_position bigint      NOT NULL,
    sequence         bigint      NOT NULL,
    body             bytea       NOT NULL,
    gzip             bytea       NOT NULL,
    etag             text        NOT NULL,
    gzip_etag        text        NOT NULL,
    ttl_s            integer     NOT NULL,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    published_at     timestamptz NOT NULL,
    PRIMARY KEY (log_name, status_list_id)
);

-- Both are compressed already.
ALTER TABLE projections.published_status_lists ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE projections.published_status_lists ALTER COLUMN gzip SET STORAGE EXTERNAL;

CREATE INDEX IF NOT EXISTS published_status_lists_sequence
    ON projections.published_status_lists (log_name, sequence);
CREATE INDEX IF NOT EXISTS published_status_lists_valid_until
    ON projections.published_status_lists (log_name, valid_until);

GRANT SELECT ON projections.published_heads, projections.published_status_lists TO registry_writer;
