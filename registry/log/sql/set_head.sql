-- $1 log_name, $2 position, $3 hash, $4 recorded_at: the head after a load; only its owner may do that, behind `lock_head`
UPDATE log_heads
   SET position = $2, hash = $3, recorded_at = $4
 WHERE log_name = $1
