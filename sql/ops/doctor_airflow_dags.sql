-- DAGs as the scheduler of Airflow 3.3.2 sees them.
SELECT dag_id, is_paused, is_stale, coalesce(has_import_errors, false) AS has_import_errors
FROM dag
WHERE dag_id = ANY(%(dag_ids)s);
