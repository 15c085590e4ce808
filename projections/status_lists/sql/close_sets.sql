-- $1 log, $2 sets
UPDATE status_list_sets SET is_open = false WHERE log_name = $1 AND list_set = ANY ($2::uuid[])
