-- $1 log_name, $2 expected position, $3 the new head's hash, $4 recorded_at, $5 streams, $6 versions, $7 types, $8 bodies (array), $9 hashes in a row, $10–$13 allocations: list sets, numbers, indices, positions; $14–$18 idempotency keys: callers, keys (array), request hashes (array), positions, answers (array); $19 expected hash, $20 how many events
-- What cannot hold a comma comes as one text, 1,2,3: asyncpg takes longer over an array than PostgreSQL over splitting it.
-- One row: everything was written. No row: the fence was lost, and nothing was.
WITH head AS (
    UPDATE log_heads
       SET position = $2::bigint + $20::bigint, hash = $3, recorded_at = $4
     WHERE log_name = $1 AND position = $2::bigint AND hash = $19
    RETURNING log_name
), written_events AS (
    INSERT INTO events (log_name, position, stream, version, type, body, hash, recorded_at)
    SELECT head.log_name, $2::bigint + one.ordinal, one.stream, one.version, one.type, one.body,
           substring($9::bytea FROM 32 * one.ordinal::integer - 31 FOR 32), $4
      FROM head
     CROSS JOIN unnest(
               string_to_array($5, ','), string_to_array($6, ',')::integer[], string_to_array($7, ','), $8::bytea[])
           WITH ORDINALITY AS one (stream, version, type, body, ordinal)
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
               string_to_array($14, ','), $15::text[], $16::bytea[], string_to_array($17, ',')::bigint[], $18::bytea[])
           AS one (caller, key, request_hash, position, answer)
)
SELECT 1 FROM head
