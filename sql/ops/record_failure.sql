-- Notes in the ledger why the newest load of a mapped task failed; a rejected one keeps the verdict of its audit, and
-- what is but the consequence of another failure is noted only where none is.
UPDATE audit.load
SET status = CASE status WHEN 'rejected' THEN status ELSE 'failed' END, error = %(error)s
WHERE
    load_id = (
        SELECT max(load.load_id)
        FROM audit.load AS load
        WHERE load.dag_id = %(dag_id)s AND load.run_id = %(run_id)s AND load.map_index = %(map_index)s
    )
    AND status NOT IN ('published', 'superseded')
    AND (error IS NULL OR NOT %(is_consequence)s);
