-- $1 log, $2 expected sequence, $3 position, $4 hash, $5 restore, $6 now; no row: another publication came between
UPDATE projections.published_heads
   SET sequence = sequence + 1, position = $3, hash = $4, restore_position = $5, published_at = $6
 WHERE log_name = $1 AND sequence = $2
RETURNING sequence
