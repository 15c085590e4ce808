-- The third step of published.sql: when each list was published, and what it stood for then. Applied once, where it is
-- missing. One row per list and publication, kept for ever: the moments at which the past of a list has its edges.
-- kept holds the indices that were set only because the world had seen them, before a restore.

CREATE TABLE projections.published_versions (
    log_name         text        NOT NULL,
    status_list_id   uuid        NOT NULL,
    published_at     timestamptz NOT NULL,
    sequence         bigint      NOT NULL,
    position         bigint      NOT NULL,
    restore_position bigint      NOT NULL,
    ttl_s            integer     NOT NULL,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    kept             integer[]   NOT NULL,
    PRIMARY KEY (log_name, status_list_id, published_at, sequence)
);

-- What was published before this table was there: of each list the last version is known. Not so after a restore,
-- when indices may be kept that are not in the log.
INSERT INTO projections.published_versions
       (log_name, status_list_id, published_at, sequence, position, restore_position, ttl_s, valid_from, valid_until,
        kept)
SELECT p.log_name, p.status_list_id, p.published_at, p.sequence, p.position, p.restore_position, p.ttl_s,
       p.valid_from, p.valid_until, '{}'
  FROM projections.published_status_lists AS p
 WHERE p.restore_position = 0;

GRANT SELECT ON projections.published_versions TO registry_writer;
