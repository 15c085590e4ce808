-- $1 log, $2 sequence
SELECT p.status_list_id, p.url, p.sequence
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1 AND p.sequence > $2
