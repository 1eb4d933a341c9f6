-- Why loads of these runs failed or were rejected, the latest load of a map index last.
SELECT run_id, map_index, error
FROM audit.load
WHERE dag_id = %(dag_id)s AND run_id = ANY(%(run_ids)s) AND status IN ('failed', 'rejected') AND error IS NOT NULL
ORDER BY load_id;
