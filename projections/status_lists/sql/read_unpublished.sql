-- $1 log, $2 lists: which of them are not published
SELECT u.status_list_id
  FROM unnest($2::uuid[]) AS u (status_list_id)
 WHERE NOT EXISTS (SELECT 1 FROM projections.published_status_lists AS p
                    WHERE p.log_name = $1 AND p.status_list_id = u.status_list_id)
 ORDER BY u.status_list_id
