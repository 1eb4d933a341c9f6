-- The load's rows are in core: the marts are due. A load that already was published stays as it is.
UPDATE audit.load
SET
    status = 'published',
    published_at = clock_timestamp(),
    published_attempt = attempt,
    marts_due_since = clock_timestamp(),
    -- What the audit withheld is still to be told.
    error = CASE WHEN units_withheld > 0 THEN error END
WHERE load_id = %(load_id)s AND status <> 'published';
