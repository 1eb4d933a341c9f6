-- Why loads of these runs failed, were rejected, or left something out, the latest load of a map index last.
SELECT run_id, map_index, error
FROM audit.load
WHERE dag_id = %(dag_id)s AND run_id = ANY(%(run_ids)s) AND error IS NOT NULL
ORDER BY load_id;
