-- $1 log, $2 list, $3 moment: the version that was published last then; whether a restore that was accepted since lost
-- the events it stood for, or may have lost publications that came after it; how far the live generation is projected
SELECT v.sequence, v.position, v.ttl_s, v.valid_from, v.valid_until, v.published_at, v.kept,
       EXISTS (SELECT FROM projections.status_list_restores AS r
                WHERE r.log_name = v.log_name AND r.position > v.restore_position
                  AND (r.restored_position < v.position
                       OR NOT EXISTS (SELECT FROM projections.published_versions AS w
                                       WHERE w.log_name = v.log_name AND w.status_list_id = v.status_list_id
                                         AND w.published_at > v.published_at AND w.restore_position < r.position))
              ) AS is_lost,
       coalesce((SELECT c.position
                   FROM projections.checkpoints AS c
                   JOIN projections.generations AS g
                     ON g.projection = c.projection AND g.generation = c.generation AND g.is_current
                  WHERE c.log_name = $1 AND c.projection = 'status_lists'), 0) AS projected
  FROM projections.published_versions AS v
 WHERE v.log_name = $1 AND v.status_list_id = $2 AND v.published_at <= $3
 ORDER BY v.published_at DESC, v.sequence DESC
 LIMIT 1
