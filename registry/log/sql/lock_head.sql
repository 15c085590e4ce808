-- $1 log_name: waits for its turn at the head's row and holds it until the transaction ends
SELECT position
  FROM log_heads
 WHERE log_name = $1
   FOR UPDATE
