-- $1 log, $2 verification methods, $3 when it was recorded; the first word counts
INSERT INTO status_list_compromises (log_name, method_id, noted_at)
SELECT $1, u.method_id, u.noted_at
  FROM unnest($2::text[], $3::timestamptz[]) AS u (method_id, noted_at)
    ON CONFLICT (log_name, method_id) DO NOTHING
