-- $1 log, $2 sequence, $3 position, $4 restore, $5 ttl in seconds, $6 valid from, $7 valid until, $8 now, $9 lists,
-- $10 their kept indices, each a JSON array
INSERT INTO projections.published_versions
       (log_name, status_list_id, published_at, sequence, position, restore_position, ttl_s, valid_from, valid_until,
        kept)
SELECT $1, u.status_list_id, $8, $2, $3, $4, $5, $6, $7,
       ARRAY(SELECT json_array_elements_text(u.kept::json)::integer)
  FROM unnest($9::uuid[], $10::text[]) AS u (status_list_id, kept)
