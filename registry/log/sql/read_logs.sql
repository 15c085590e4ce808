-- no parameters
SELECT log_name
  FROM log_heads
 ORDER BY log_name
