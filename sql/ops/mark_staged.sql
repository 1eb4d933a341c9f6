-- The load is staged and awaits its audit, also where it had one.
UPDATE audit.load
SET status = 'staged', staged_at = clock_timestamp(), rows_staged = NULL, audited_at = NULL, error = NULL
WHERE load_id = %(load_id)s;
