-- $1 log, $2 lists: the entries that are not 0 (values only where they have more than one bit; those of a token list
-- from revocation and suspension), and what the world saw of them last (the body only where bits are final: of a
-- revocation or refresh list its own, of a token list that of its set's revocation list)
SELECT m.status_list_id, m.list_set, m.purpose, m.url, m.status_size, m.messages, m.reference,
       m.changed_position, m.changed_at, s.issuer_id, s.issuer_did, s.size,
       entries.indices, entries.values,
       p.position AS published_position, p.restore_position AS published_restore,
       (SELECT r.body FROM projections.published_status_lists AS r
          JOIN projections.status_list_members AS n ON n.log_name = r.log_name AND n.status_list_id = r.status_list_id
         WHERE n.log_name = m.log_name AND n.list_set = m.list_set
           AND n.purpose = CASE WHEN m.purpose = 'token' THEN 'revocation' ELSE m.purpose END
           AND n.purpose IN ('revocation', 'refresh')) AS published_body
  FROM projections.status_list_members AS m
  JOIN projections.status_list_sets AS s ON s.log_name = m.log_name AND s.list_set = m.list_set
  LEFT JOIN projections.published_status_lists AS p
    ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(one.index), '{}') AS indices,
              CASE WHEN m.status_size > 1 THEN coalesce(array_agg(one.value), '{}') END AS values
         FROM (SELECT b.index, b.value
                 FROM projections.status_list_bits AS b
                WHERE b.log_name = m.log_name AND b.list_set = m.list_set AND b.purpose = m.purpose
                UNION ALL
               SELECT b.index, min(CASE b.purpose WHEN 'revocation' THEN 1 ELSE 2 END)
                 FROM projections.status_list_bits AS b
                WHERE m.purpose = 'token' AND b.log_name = m.log_name AND b.list_set = m.list_set
                  AND (b.purpose = 'revocation' OR (b.purpose = 'suspension' AND m.status_size > 1))
                GROUP BY b.index) AS one) AS entries
 WHERE m.log_name = $1 AND m.status_list_id = ANY ($2::uuid[])
