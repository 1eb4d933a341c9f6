-- Notes why a task without a load failed, once its last try has.
INSERT INTO audit.failed_task (dag_id, run_id, task_id, error)
VALUES (%(dag_id)s, %(run_id)s, %(task_id)s, %(error)s)
ON CONFLICT (dag_id, run_id, task_id) DO UPDATE SET error = excluded.error, failed_at = excluded.failed_at;
