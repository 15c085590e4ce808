-- $1 log, $2 list, $3 position, $4 indices (NULL: all): the list after that position, its entries as read_lists tells them
SELECT m.status_list_id, m.list_set, m.purpose, m.url, m.status_size, m.messages, m.reference,
       s.issuer_id, s.issuer_did, s.size, entries.indices, entries.values
  FROM projections.status_list_members AS m
  JOIN projections.status_list_sets AS s ON s.log_name = m.log_name AND s.list_set = m.list_set
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(one.index), '{}') AS indices,
              CASE WHEN m.status_size > 1 THEN coalesce(array_agg(one.value), '{}') END AS values
         FROM (SELECT last.index,
                      min(CASE WHEN m.purpose <> 'token' THEN last.value
                               WHEN last.purpose = 'revocation' THEN 1 ELSE 2 END) AS value
                 FROM (SELECT DISTINCT ON (w.purpose, w.index) w.purpose, w.index, w.value
                         FROM projections.status_list_words AS w
                        WHERE w.log_name = m.log_name AND w.list_set = m.list_set
                          AND w.purpose = ANY (CASE WHEN m.purpose <> 'token' THEN ARRAY[m.purpose]
                                                    WHEN m.status_size = 1 THEN ARRAY['revocation']
                                                    ELSE ARRAY['revocation', 'suspension'] END)
                          AND w.position <= $3 AND ($4::integer[] IS NULL OR w.index = ANY ($4))
                        ORDER BY w.purpose, w.index, w.position DESC) AS last
                WHERE last.value <> 0
                GROUP BY last.index) AS one) AS entries
 WHERE m.log_name = $1 AND m.status_list_id = $2
