-- $1 log, $2 sequence: what was published since, and in which forms (of an older process: the embedded one)
SELECT p.status_list_id, p.url, p.sequence,
       CASE WHEN p.forms_sequence = p.sequence THEN p.media_types ELSE '{application/vc}' END AS media_types
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1 AND p.sequence > $2
