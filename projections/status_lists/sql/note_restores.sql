-- $1 log, $2 positions of the acceptance, $3 published positions, $4 published hashes, $5 restored positions
INSERT INTO status_list_restores (log_name, position, published_position, published_hash, restored_position)
SELECT $1, u.position, u.published_position, u.published_hash, u.restored_position
  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[])
       AS u (position, published_position, published_hash, restored_position)
    ON CONFLICT (log_name, position) DO NOTHING
