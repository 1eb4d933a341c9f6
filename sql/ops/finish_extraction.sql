-- Marks an extraction attempt as complete, unless a newer attempt has begun meanwhile.
UPDATE audit.load
SET status = 'extracted', extracted_at = clock_timestamp(), rows_raw = %(rows_raw)s
WHERE load_id = %(load_id)s AND attempt = %(attempt)s AND status = 'extracting'
RETURNING load_id;
