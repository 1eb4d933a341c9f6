-- Where a load is, whether its last audit let it go on, whether it asks nobody, whether it was staged, and still is.
SELECT
    load.status,
    load.audited_at IS NOT NULL AS is_audited,
    load.is_replay,
    load.staged_at IS NOT NULL AS was_staged,
    staged.load_id IS NOT NULL AS is_staged
FROM audit.load AS load
LEFT JOIN staging.staged_load AS staged ON load.load_id = staged.load_id
WHERE load.load_id = %(load_id)s;
