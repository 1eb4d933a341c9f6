-- Marks an extraction attempt as complete, unless a newer attempt has begun meanwhile or the run was planned again.
UPDATE audit.load
SET status = 'extracted', extracted_at = clock_timestamp(), rows_raw = %(rows_raw)s, error = NULL
WHERE load_id = %(load_id)s AND attempt = %(attempt)s AND status <> 'superseded'
RETURNING load_id;
