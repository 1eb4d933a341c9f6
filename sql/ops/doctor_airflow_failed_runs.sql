-- Runs of Airflow 3.3.2 that failed since a moment and that no later one makes up for, the last first. Of a source those that have no loads,
-- whose plan failed, until a plan succeeds; what loads lack is told by the warehouse, however it was fetched since.
SELECT run.dag_id, run.run_id, run.end_date
FROM dag_run AS run
WHERE
    run.dag_id = ANY(%(dag_ids)s)
    AND run.state = 'failed'
    AND run.end_date >= %(since)s
    AND (
        NOT run.dag_id = ANY(%(sources)s)
        OR EXISTS (
            SELECT FROM task_instance AS planned
            WHERE planned.dag_id = run.dag_id AND planned.run_id = run.run_id AND planned.task_id = 'plan' AND planned.state = 'failed'
        )
    )
    AND NOT EXISTS (
        SELECT FROM dag_run AS later
        WHERE later.dag_id = run.dag_id AND later.state = 'success' AND later.start_date > run.start_date
    )
ORDER BY run.end_date DESC, run.id DESC;
