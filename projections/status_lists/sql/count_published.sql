-- $1 log: how many lists are published
SELECT count(*) FROM projections.published_status_lists AS p WHERE p.log_name = $1
