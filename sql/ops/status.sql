-- Where a load is, and whether its last audit let it go on.
SELECT status, audited_at IS NOT NULL AS is_audited
FROM audit.load
WHERE load_id = %(load_id)s;
