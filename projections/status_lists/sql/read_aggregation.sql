-- $1 log, $2 issuer, $3 position and $4 list after which the page begins, $5 how many
SELECT m.url, m.added_position, m.status_list_id
  FROM projections.status_list_sets AS s
  JOIN projections.status_list_members AS m ON m.log_name = s.log_name AND m.list_set = s.list_set
  JOIN projections.published_status_lists AS p ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 WHERE s.log_name = $1 AND s.issuer_id = $2
   AND p.forms_sequence = p.sequence AND 'application/statuslist+jwt' = ANY (p.media_types)
   AND (m.added_position, m.status_list_id) > ($3, $4)
 ORDER BY m.added_position, m.status_list_id
 LIMIT $5
