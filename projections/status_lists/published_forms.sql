-- The second step of published.sql: every form of a list beside the embedded one. Applied once, where it is missing.
-- Safe beside processes of the first step. They read and write the embedded form only, and know no list without one;
-- what they publish moves `sequence` alone, and that says that the other forms are of an older publication:
-- media_types, verification_methods and the rows of published_forms hold only where forms_sequence = sequence.

CREATE TABLE projections.published_forms (
    log_name       text   NOT NULL,
    status_list_id uuid   NOT NULL,
    media_type     text   NOT NULL,
    sequence       bigint NOT NULL,
    content        bytea  NOT NULL,
    gzip           bytea  NOT NULL,
    etag           text   NOT NULL,
    gzip_etag      text   NOT NULL,
    PRIMARY KEY (log_name, status_list_id, media_type)
);

-- Both are compressed already.
ALTER TABLE projections.published_forms ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE projections.published_forms ALTER COLUMN gzip SET STORAGE EXTERNAL;

-- A list that exists in IETF form only has no embedded one.
ALTER TABLE projections.published_status_lists
    ADD COLUMN media_types          text[] NOT NULL DEFAULT '{application/vc}',
    ADD COLUMN verification_methods text[] NOT NULL DEFAULT '{}',
    ADD COLUMN forms_sequence       bigint NOT NULL DEFAULT 0,
    ALTER COLUMN body      DROP NOT NULL,
    ALTER COLUMN gzip      DROP NOT NULL,
    ALTER COLUMN etag      DROP NOT NULL,
    ALTER COLUMN gzip_etag DROP NOT NULL;

GRANT SELECT ON projections.published_forms TO registry_writer;
