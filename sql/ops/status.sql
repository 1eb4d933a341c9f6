-- Where a load is, whether its last audit let it go on, and whether it asks nobody.
SELECT status, audited_at IS NOT NULL AS is_audited, is_replay
FROM audit.load
WHERE load_id = %(load_id)s;
