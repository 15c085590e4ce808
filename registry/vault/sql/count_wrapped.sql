-- no parameters: how many secrets each master key holds
SELECT master_key_id, count(*) AS secrets
  FROM vault.{kind}
 GROUP BY master_key_id
