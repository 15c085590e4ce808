-- $1 log, $2 list after which, $3 how many lists: what is published of them, in their order, without the bytes
SELECT p.status_list_id, p.sequence, p.ttl_s, p.valid_until, p.published_at, u.media_type,
       coalesce(f.etag, p.etag) AS etag, coalesce(f.gzip_etag, p.gzip_etag) AS gzip_etag
  FROM (SELECT q.log_name, q.status_list_id, q.sequence, q.ttl_s, q.valid_until, q.published_at, q.etag, q.gzip_etag,
               q.body IS NOT NULL AS is_embedded,
               CASE WHEN q.forms_sequence = q.sequence THEN q.media_types ELSE '{application/vc}' END AS media_types
          FROM projections.published_status_lists AS q
         WHERE q.log_name = $1 AND q.status_list_id > $2
         ORDER BY q.status_list_id
         LIMIT $3) AS p
 CROSS JOIN LATERAL unnest(p.media_types) WITH ORDINALITY AS u (media_type, place)
  LEFT JOIN projections.published_forms AS f
    ON f.log_name = p.log_name AND f.status_list_id = p.status_list_id AND f.media_type = u.media_type
   AND f.sequence = p.sequence
 WHERE f.status_list_id IS NOT NULL OR (u.media_type = 'application/vc' AND p.is_embedded)
 ORDER BY p.status_list_id, u.place
