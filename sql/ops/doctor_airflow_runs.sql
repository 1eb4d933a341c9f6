-- The DAGs of Airflow 3.3.2 with runs that have not ended, and when one of these, or of their tasks, last began, ended or gave a sign. Runs of
-- a paused DAG wait for whoever paused it, one with a task between two tries for the next.
SELECT
    run.dag_id,
    count(DISTINCT run.id) AS active,
    max(greatest(run.queued_at, run.start_date, task.queued_dttm, task.start_date, task.end_date, task.last_heartbeat_at)) AS moved
FROM dag_run AS run
INNER JOIN dag ON run.dag_id = dag.dag_id AND NOT dag.is_paused
LEFT JOIN task_instance AS task ON run.dag_id = task.dag_id AND run.run_id = task.run_id
WHERE run.dag_id = ANY(%(dag_ids)s) AND run.state IN ('queued', 'running')
    AND NOT EXISTS (
        SELECT FROM task_instance AS waiting
        WHERE waiting.dag_id = run.dag_id AND waiting.run_id = run.run_id AND waiting.state = 'up_for_retry'
    )
GROUP BY run.dag_id
ORDER BY run.dag_id;
