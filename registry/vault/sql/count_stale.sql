-- $1 the current master_key_id: how many secrets of each log are not under it
SELECT log_name, count(*) AS secrets
  FROM vault.{kind}
 WHERE master_key_id <> $1
 GROUP BY log_name
 ORDER BY log_name
