-- $1 log_name, $2 streams (1,2,3), $3 callers (1,2,3), $4 keys (array), $5 list sets (array): everything a batch of decisions must know, in one snapshot
-- Each LATERAL stays on its index; a join would hash all keys of the log and grow with it.
SELECT 'event' AS kind, wanted.stream AS name, found.position, found.body, NULL::bytea AS request_hash, NULL::uuid AS list_set
  FROM unnest(string_to_array($2, ',')) AS wanted (stream)
 CROSS JOIN LATERAL (
       SELECT events.position, events.version, events.body
         FROM events
        WHERE events.log_name = $1 AND events.stream = wanted.stream
        ORDER BY events.version) AS found
UNION ALL
SELECT 'key', wanted.caller || ' ' || wanted.key, found.position, found.answer, found.request_hash, NULL
  FROM unnest(string_to_array($3, ','), $4::text[]) AS wanted (caller, key)
 CROSS JOIN LATERAL (
       SELECT kept.position, kept.answer, kept.request_hash
         FROM idempotency_keys AS kept
        WHERE kept.log_name = $1 AND kept.caller = wanted.caller AND kept.key = wanted.key
        LIMIT 1) AS found
UNION ALL
SELECT 'number', NULL, found.number, NULL, NULL, wanted.list_set
  FROM unnest($5::uuid[]) AS wanted (list_set)
 CROSS JOIN LATERAL (
       SELECT given.number
         FROM status_list_allocations AS given
        WHERE given.log_name = $1 AND given.list_set = wanted.list_set
        ORDER BY given.number DESC
        LIMIT 1) AS found
