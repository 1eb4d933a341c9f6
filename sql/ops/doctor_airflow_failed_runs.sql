-- Runs of Airflow 3.3.2 that failed since a moment and that no later one makes up for, the last first: of a source one of the same
-- interval, of any other DAG any.
SELECT run.dag_id, run.run_id, run.end_date
FROM dag_run AS run
WHERE
    run.dag_id = ANY(%(dag_ids)s)
    AND run.state = 'failed'
    AND run.end_date >= %(since)s
    AND NOT EXISTS (
        SELECT FROM dag_run AS later
        WHERE
            later.dag_id = run.dag_id
            AND later.state = 'success'
            AND later.start_date > run.start_date
            AND (
                NOT run.dag_id = ANY(%(sources)s)
                OR (
                    later.data_interval_start = run.data_interval_start
                    AND later.data_interval_end = run.data_interval_end
                )
            )
    )
ORDER BY run.end_date DESC, run.id DESC;
