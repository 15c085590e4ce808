-- $1 log, $2 sequence, $3 lists, $4 media types, $5 contents, $6 gzipped, $7 and $8 their entity tags
INSERT INTO projections.published_forms AS f
       (log_name, status_list_id, media_type, sequence, content, gzip, etag, gzip_etag)
SELECT $1, u.status_list_id, u.media_type, $2, u.content, u.gzip, u.etag, u.gzip_etag
  FROM unnest($3::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::text[])
       AS u (status_list_id, media_type, content, gzip, etag, gzip_etag)
    ON CONFLICT (log_name, status_list_id, media_type) DO UPDATE
   SET sequence = excluded.sequence, content = excluded.content, gzip = excluded.gzip,
       etag = excluded.etag, gzip_etag = excluded.gzip_etag
