-- $1 log_name, $2 expected position, $3 the new head's hash, $4 recorded_at, $5 streams, $6 versions, $7 types, $8–$10 bodies, where each starts, how long it is; $11 hashes, $12–$15 allocations: list sets, numbers, indices, positions; $16–$22 idempotency keys: callers, keys (a line each), request hashes, positions, answers, where each starts, how long it is; $23 expected hash, $24 how many events
-- What cannot hold a comma comes as one text, 1,2,3, and bytes come in a row: asyncpg takes longer over an array than PostgreSQL over cutting these up.
-- One row: everything was written. No row: the fence was lost, and nothing was.
WITH head AS (
    UPDATE log_heads
       SET position = $2::bigint + $24::bigint, hash = $3, recorded_at = $4
     WHERE log_name = $1 AND position = $2::bigint AND hash = $23
    RETURNING log_name
), written_events AS (
    INSERT INTO events (log_name, position, stream, version, type, body, hash, recorded_at)
    SELECT head.log_name, $2::bigint + one.ordinal, one.stream, one.version, one.type,
           substring($8::bytea FROM one.start FOR one.size),
           substring($11::bytea FROM 32 * one.ordinal::integer - 31 FOR 32), $4
      FROM head
     CROSS JOIN unnest(
               string_to_array($5, ','), string_to_array($6, ',')::integer[], string_to_array($7, ','),
               string_to_array($9, ',')::integer[], string_to_array($10, ',')::integer[])
           WITH ORDINALITY AS one (stream, version, type, start, size, ordinal)
), written_allocations AS (
    INSERT INTO status_list_allocations (log_name, list_set, number, index, position)
    SELECT head.log_name, one.list_set, one.number, one.index, one.position
      FROM head
     CROSS JOIN unnest(
               string_to_array($12, ',')::uuid[], string_to_array($13, ',')::integer[],
               string_to_array($14, ',')::integer[], string_to_array($15, ',')::bigint[])
           AS one (list_set, number, index, position)
), written_keys AS (
    INSERT INTO idempotency_keys (log_name, caller, key, request_hash, position, answer)
    SELECT head.log_name, one.caller, one.key, substring($18::bytea FROM 32 * one.ordinal::integer - 31 FOR 32),
           one.position, substring($20::bytea FROM one.start FOR one.size)
      FROM head
     CROSS JOIN unnest(
               string_to_array($16, ','), string_to_array($17, E'\n'), string_to_array($19, ',')::bigint[],
               string_to_array($21, ',')::integer[], string_to_array($22, ',')::integer[])
           WITH ORDINALITY AS one (caller, key, position, start, size, ordinal)
)
SELECT 1 FROM head
