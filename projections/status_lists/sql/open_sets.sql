-- $1 log, $2 sets, $3 issuers, $4 issuers' DIDs, $5 sizes, $6 positions of the openings
INSERT INTO status_list_sets (log_name, list_set, issuer_id, issuer_did, size, is_open, opened_position)
SELECT $1, u.list_set, u.issuer_id, u.issuer_did, u.size, true, u.position
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::bigint[])
       AS u (list_set, issuer_id, issuer_did, size, position)
    ON CONFLICT (log_name, list_set) DO NOTHING
