-- $1 log, $2 position, $3 hash, $4 restore, $5 sequence, $6 ttl in seconds, $7 valid from, $8 valid until, $9 now,
-- $10 lists, $11 sets, $12 purposes, $13 URLs, $14 embedded forms (NULL: none), $15 gzipped, $16 and $17 their entity
-- tags, $18 media types of all forms and $19 verification methods, each joined by spaces
INSERT INTO projections.published_status_lists AS p
       (log_name, status_list_id, list_set, purpose, url, position, log_hash, restore_position, sequence,
        body, gzip, etag, gzip_etag, ttl_s, valid_from, valid_until, published_at,
        media_types, verification_methods, forms_sequence)
SELECT $1, u.status_list_id, u.list_set, u.purpose, u.url, $2, $3, $4, $5,
       u.body, u.gzip, u.etag, u.gzip_etag, $6, $7, $8, $9,
       string_to_array(u.media_types, ' '), string_to_array(u.verification_methods, ' '), $5
  FROM unnest($10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::text[], $17::text[],
              $18::text[], $19::text[])
       AS u (status_list_id, list_set, purpose, url, body, gzip, etag, gzip_etag, media_types, verification_methods)
    ON CONFLICT (log_name, status_list_id) DO UPDATE
   SET position = excluded.position, log_hash = excluded.log_hash, restore_position = excluded.restore_position,
       sequence = excluded.sequence, body = excluded.body, gzip = excluded.gzip, etag = excluded.etag,
       gzip_etag = excluded.gzip_etag, ttl_s = excluded.ttl_s, valid_from = excluded.valid_from,
       valid_until = excluded.valid_until, published_at = excluded.published_at,
       media_types = excluded.media_types, verification_methods = excluded.verification_methods,
       forms_sequence = excluded.forms_sequence
