-- $1 log, $2 sets, $3 purposes, $4 indices, $5 values, no key twice; returns the entries that were not 0 before
WITH said AS (
    SELECT u.list_set, u.purpose, u.index, u.value
      FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::integer[]) AS u (list_set, purpose, index, value)
), written AS (
    INSERT INTO status_list_bits AS b (log_name, list_set, purpose, index, value)
    SELECT $1, said.list_set, said.purpose, said.index, said.value FROM said WHERE said.value <> 0
        ON CONFLICT (log_name, list_set, purpose, index) DO UPDATE
       SET value = excluded.value
     WHERE b.value <> excluded.value
), cleared AS (
    DELETE FROM status_list_bits AS b
     USING said
     WHERE b.log_name = $1 AND b.list_set = said.list_set AND b.purpose = said.purpose AND b.index = said.index
       AND said.value = 0
)
SELECT b.list_set, b.purpose, b.index, b.value
  FROM said
  JOIN status_list_bits AS b
    ON b.log_name = $1 AND b.list_set = said.list_set AND b.purpose = said.purpose AND b.index = said.index
