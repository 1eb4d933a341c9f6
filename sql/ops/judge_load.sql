-- The verdict of an audit: a load of which nothing is trusted is rejected, any other goes on without the units that are withheld.
UPDATE audit.load
SET
    status = CASE WHEN %(is_rejected)s THEN 'rejected' ELSE 'audited' END,
    audited_at = CASE WHEN NOT %(is_rejected)s THEN clock_timestamp() END,
    rows_staged = %(staged)s,
    rows_quarantined = %(quarantined)s,
    units_withheld = %(withheld)s,
    error = %(error)s
WHERE load_id = %(load_id)s;
