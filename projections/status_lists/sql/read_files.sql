-- $1 log, $2 lists: every form of each, the default first, with everything that a file of it needs
SELECT p.status_list_id, p.sequence, p.ttl_s, p.valid_until, p.published_at, u.media_type,
       coalesce(f.etag, p.etag) AS etag, coalesce(f.gzip_etag, p.gzip_etag) AS gzip_etag,
       coalesce(f.content, p.body) AS body, coalesce(f.gzip, p.gzip) AS gzip
  FROM projections.published_status_lists AS p
 CROSS JOIN LATERAL unnest(CASE WHEN p.forms_sequence = p.sequence THEN p.media_types ELSE '{application/vc}' END)
       WITH ORDINALITY AS u (media_type, place)
  LEFT JOIN projections.published_forms AS f
    ON f.log_name = p.log_name AND f.status_list_id = p.status_list_id AND f.media_type = u.media_type
   AND f.sequence = p.sequence
 WHERE p.log_name = $1 AND p.status_list_id = ANY($2::uuid[])
   AND (f.status_list_id IS NOT NULL OR (u.media_type = 'application/vc' AND p.body IS NOT NULL))
 ORDER BY p.status_list_id, u.place
