-- $1 log, $2 lists
SELECT p.status_list_id, p.list_set, p.purpose, p.url, p.position, p.sequence, p.body, p.gzip, p.etag, p.gzip_etag,
       p.ttl_s, p.valid_from, p.valid_until, p.published_at
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1 AND p.status_list_id = ANY ($2::uuid[])
