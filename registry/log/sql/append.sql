-- $1 log_name, $2 expected position, $3 the new head's hash, $4 recorded_at, $5 streams, $6 versions, $7 types, $8 bodies, $9 hashes, $10–$13 allocations: list sets, numbers, indices, positions; $14–$18 idempotency keys: callers, keys, request hashes, positions, answers; $19 expected hash
-- Numbers come as text, 1,2,3: asyncpg takes longer over an array of them than PostgreSQL over reading that.
-- One row: everything was written. No row: the fence was lost, and nothing was.
WITH head AS (
    UPDATE log_heads
       SET position = $2::bigint + cardinality($5::text[]), hash = $3, recorded_at = $4
     WHERE log_name = $1 AND position = $2::bigint AND hash = $19
    RETURNING log_name
), written_events AS (
    INSERT INTO events (log_name, position, stream, version, type, body, hash, recorded_at)
    SELECT head.log_name, $2::bigint + one.ordinal, one.stream, one.version, one.type, one.body, one.hash, $4
      FROM head
     CROSS JOIN unnest($5::text[], string_to_array($6, ',')::integer[], $7::text[], $8::bytea[], $9::bytea[])
           WITH ORDINALITY AS one (stream, version, type, body, hash, ordinal)
), written_allocations AS (
    INSERT INTO status_list_allocations (log_name, list_set, number, index, position)
    SELECT head.log_name, one.list_set, one.number, one.index, one.position
      FROM head
     CROSS JOIN unnest(
               string_to_array($10, ',')::uuid[], string_to_array($11, ',')::integer[],
               string_to_array($12, ',')::integer[], string_to_array($13, ',')::bigint[])
           AS one (list_set, number, index, position)
), written_keys AS (
    INSERT INTO idempotency_keys (log_name, caller, key, request_hash, position, answer)
    SELECT head.log_name, one.caller, one.key, one.request_hash, one.position, one.answer
      FROM head
     CROSS JOIN unnest(
               $14::text[], $15::text[], $16::bytea[], string_to_array($17, ',')::bigint[], $18::bytea[])
           AS one (caller, key, request_hash, position, answer)
)
SELECT 1 FROM head
