-- $1 log: the row that orders its publications exists
INSERT INTO projections.published_heads (log_name, sequence, position, hash, restore_position, published_at)
VALUES ($1, 0, 0, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, '-infinity')
    ON CONFLICT (log_name) DO NOTHING
