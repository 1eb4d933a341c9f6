-- The load's rows are in core: the marts are due. A load that already was published stays as it is.
UPDATE audit.load
SET
    status = 'published',
    published_at = clock_timestamp(),
    published_attempt = attempt,
    published_as_of = CASE WHEN NOT is_replay THEN extracted_at END,
    marts_due_since = clock_timestamp(),
    error = NULL
WHERE load_id = %(load_id)s AND status <> 'published';
