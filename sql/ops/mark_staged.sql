-- The load is staged, all of it, and awaits its audit, also where it had one.
WITH load AS (
    UPDATE audit.load
    SET status = 'staged', staged_at = clock_timestamp(), rows_staged = NULL, audited_at = NULL, error = NULL
    WHERE load_id = %(load_id)s
    RETURNING load_id
)

INSERT INTO staging.staged_load (load_id)
SELECT load_id FROM load
ON CONFLICT DO NOTHING;
