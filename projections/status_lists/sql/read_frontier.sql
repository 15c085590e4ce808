-- $1 log: how far the live generation is projected, and how far was published (NULLs: never)
SELECT coalesce((SELECT c.position
                   FROM projections.checkpoints AS c
                   JOIN projections.generations AS g
                     ON g.projection = c.projection AND g.generation = c.generation AND g.is_current
                  WHERE c.log_name = $1 AND c.projection = 'status_lists'), 0) AS projected,
       h.sequence, h.position, h.hash, h.restore_position, h.published_at
  FROM (SELECT 1) AS always
  LEFT JOIN projections.published_heads AS h ON h.log_name = $1
