-- Why tasks of a run failed that have no load.
SELECT task_id, error
FROM audit.failed_task
WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s;
