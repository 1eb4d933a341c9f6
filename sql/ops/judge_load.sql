-- The verdict of an audit, if what is staged is still what was audited.
UPDATE audit.load
SET
    status = CASE WHEN %(passed)s THEN 'audited' ELSE 'rejected' END,
    audited_at = CASE WHEN %(passed)s THEN clock_timestamp() END,
    rows_quarantined = %(quarantined)s,
    error = %(error)s
WHERE load_id = %(load_id)s AND staged_at = %(staged_at)s AND status NOT IN ('published', 'superseded')
RETURNING load_id;
