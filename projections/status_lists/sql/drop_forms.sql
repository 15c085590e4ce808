-- $1 log, $2 sequence, $3 lists: forms that the lists of this publication do not have any more
DELETE FROM projections.published_forms AS f
 WHERE f.log_name = $1 AND f.sequence <> $2 AND f.status_list_id = ANY ($3::uuid[])
