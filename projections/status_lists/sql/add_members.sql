-- $1 log, $2 lists, $3 their sets, $4 purposes, $5 URLs, $6 bits of an entry, $7 messages (JSON), $8 references (JSON),
-- $9 positions, $10 times of the openings
INSERT INTO status_list_members
       (log_name, status_list_id, list_set, purpose, url, status_size, messages, reference,
        added_position, changed_position, changed_at)
SELECT $1, u.status_list_id, u.list_set, u.purpose, u.url, u.status_size, u.messages,
       ARRAY(SELECT json_array_elements_text(u.reference::json)),
       u.position, 0, u.opened_at
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[],
              $9::bigint[], $10::timestamptz[])
       AS u (status_list_id, list_set, purpose, url, status_size, messages, reference, position, opened_at)
    ON CONFLICT DO NOTHING
