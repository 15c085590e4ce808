-- $1 log, $2 lists: their set bits, and what the world saw of them last (the body only where bits are final)
SELECT m.status_list_id, m.list_set, m.purpose, m.url, m.changed_position, m.changed_at,
       s.issuer_id, s.issuer_did, s.size,
       ARRAY(SELECT b.index FROM projections.status_list_bits AS b
              WHERE b.log_name = m.log_name AND b.list_set = m.list_set AND b.purpose = m.purpose) AS indices,
       p.position AS published_position, p.restore_position AS published_restore,
       CASE WHEN m.purpose = 'revocation' THEN p.body END AS published_body
  FROM projections.status_list_members AS m
  JOIN projections.status_list_sets AS s ON s.log_name = m.log_name AND s.list_set = m.list_set
  LEFT JOIN projections.published_status_lists AS p
    ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 WHERE m.log_name = $1 AND m.status_list_id = ANY ($2::uuid[])
