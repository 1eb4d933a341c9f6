-- The load is staged and awaits its audit.
UPDATE audit.load
SET
    status = 'staged',
    staged_at = clock_timestamp(),
    audited_at = NULL,
    error = NULL,
    rows_staged = (
        SELECT count(*) FROM staging.weather WHERE staging.weather.load_id = %(load_id)s AND staging.weather.is_in_window
    )
WHERE load_id = %(load_id)s;
