-- $1 log, $2 position of the latest restore (0: none), $3 re-sign what is valid until then or shorter
-- What a compromised method signed is due at once, since when its compromise was recorded. What is not urgent lacks
-- only forms that an older process did not know.
WITH compromised AS (
    SELECT coalesce(array_agg(c.method_id), '{}') AS methods, max(c.noted_at) AS noted_at
      FROM projections.status_list_compromises AS c
     WHERE c.log_name = $1
), lists AS (
    SELECT m.status_list_id, m.list_set, m.changed_at, p.valid_until,
           p.status_list_id IS NULL OR m.changed_position > p.position OR p.restore_position <> $2 AS is_changed,
           coalesce(p.verification_methods && compromised.methods, false) AS is_compromised, compromised.noted_at,
           coalesce(p.forms_sequence <> p.sequence, false) AS lacks_forms
      FROM projections.status_list_members AS m
     CROSS JOIN compromised
      LEFT JOIN projections.published_status_lists AS p
        ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
     WHERE m.log_name = $1
)
SELECT l.status_list_id, l.list_set, l.valid_until, l.is_changed OR l.is_compromised AS is_dirty,
       CASE WHEN l.is_changed THEN l.changed_at ELSE coalesce(l.noted_at, l.changed_at) END AS changed_at,
       l.is_changed OR l.is_compromised OR l.valid_until <= $3 AS is_urgent
  FROM lists AS l
 WHERE l.is_changed OR l.is_compromised OR l.valid_until <= $3 OR l.lacks_forms
 ORDER BY l.valid_until NULLS FIRST, l.list_set, l.status_list_id
