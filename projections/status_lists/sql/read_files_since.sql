-- $1 log, $2 sequence: which lists were published since, and when
SELECT p.status_list_id, p.published_at
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1 AND p.sequence > $2
 ORDER BY p.published_at
