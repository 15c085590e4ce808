-- $1 log, $2 lists, $3 media types: of each list one form, where the present publication has it
SELECT p.status_list_id, p.list_set, p.purpose, p.url, p.position, p.sequence, u.media_type,
       coalesce(f.content, p.body) AS body, coalesce(f.gzip, p.gzip) AS gzip,
       coalesce(f.etag, p.etag) AS etag, coalesce(f.gzip_etag, p.gzip_etag) AS gzip_etag,
       p.ttl_s, p.valid_from, p.valid_until, p.published_at
  FROM unnest($2::uuid[], $3::text[]) AS u (status_list_id, media_type)
  JOIN projections.published_status_lists AS p ON p.log_name = $1 AND p.status_list_id = u.status_list_id
  LEFT JOIN projections.published_forms AS f
    ON f.log_name = p.log_name AND f.status_list_id = p.status_list_id AND f.media_type = u.media_type
   AND f.sequence = p.sequence
 WHERE f.status_list_id IS NOT NULL OR (u.media_type = 'application/vc' AND p.body IS NOT NULL)
