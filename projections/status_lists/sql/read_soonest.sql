-- $1 log
SELECT min(p.valid_until) FROM projections.published_status_lists AS p WHERE p.log_name = $1
