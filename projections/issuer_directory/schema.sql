-- Who may issue, under which names, DIDs and keys, and since when.
-- search_text holds the searchable fields, folded; grams its pieces of one to three characters, so that a substring
-- is found through an index that every PostgreSQL has.

CREATE TABLE issuers (
    log_name       text             NOT NULL,
    issuer_id      uuid             NOT NULL,
    slug           text COLLATE "C" NOT NULL,
    did            text,                        -- NULL until the first DID is adopted
    proposed_did   text,                        -- controlled elsewhere; adopted once its document lists our keys
    is_delegated   boolean          NOT NULL,   -- whether did is controlled elsewhere
    name           text             NOT NULL,
    legal_name     text,
    url            text,
    logo           text,
    kind           text             NOT NULL,
    jurisdiction   text COLLATE "C" NOT NULL,
    identifiers    jsonb            NOT NULL,
    status         text             NOT NULL,
    since          timestamptz      NOT NULL,   -- the status holds from here
    status_profile text             NOT NULL,
    public_reasons boolean          NOT NULL,
    position       bigint           NOT NULL,   -- of the last event about the issuer
    search_text    text             NOT NULL,
    grams          text[]           NOT NULL,
    PRIMARY KEY (log_name, issuer_id),
    UNIQUE (log_name, slug)
);

CREATE INDEX ON issuers (log_name, kind, slug);
CREATE INDEX ON issuers (log_name, jurisdiction, slug);
CREATE INDEX ON issuers (log_name, status, slug);
CREATE INDEX ON issuers USING gin (grams);

CREATE TABLE issuer_dids (
    log_name   text        NOT NULL,
    did        text        NOT NULL,
    position   bigint      NOT NULL,
    issuer_id  uuid        NOT NULL,
    adopted_at timestamptz NOT NULL,
    PRIMARY KEY (log_name, did, position)
);

CREATE INDEX ON issuer_dids (log_name, issuer_id, position);

CREATE TABLE issuer_methods (
    log_name             text        NOT NULL,
    issuer_id            uuid        NOT NULL,
    position             bigint      NOT NULL,
    method_id            text        NOT NULL,
    controller           text        NOT NULL,
    public_key_multibase text        NOT NULL,
    key_id               uuid,                  -- in the vault; NULL: the key is held elsewhere
    added_at             timestamptz NOT NULL,
    state                text        NOT NULL,
    until                timestamptz,           -- when it was retired, or the cut-off of its compromise
    PRIMARY KEY (log_name, issuer_id, position)
);

CREATE INDEX ON issuer_methods (log_name, method_id);
