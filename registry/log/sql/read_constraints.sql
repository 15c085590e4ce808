-- $1 tables (array): their primary keys and unique constraints, as ALTER TABLE takes them
SELECT made.conrelid::regclass::text AS table_name, made.conname AS name, pg_get_constraintdef(made.oid) AS definition
  FROM pg_constraint AS made
 WHERE made.conrelid = ANY ($1::text[]::regclass[]) AND made.contype IN ('p', 'u')
 ORDER BY made.conrelid::regclass::text, made.contype
