-- What alerts are made of and what they have told: why tasks failed that have no load of their own, and what is known to be late.
CREATE TABLE audit.failed_task (
    dag_id text NOT NULL,
    run_id text NOT NULL,
    task_id text NOT NULL,
    error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dag_id, run_id, task_id)
);
COMMENT ON TABLE audit.failed_task IS
'Why tasks failed that have no load: plan, and the refreshes of marts. A row stays when the task succeeds later; what became of it Airflow knows.';
COMMENT ON COLUMN audit.failed_task.task_id IS 'plan, or the name of a mart.';
COMMENT ON COLUMN audit.failed_task.error IS 'Of its last try, and what to do.';
COMMENT ON COLUMN audit.failed_task.failed_at IS 'When it failed last, UTC.';

CREATE TABLE audit.told_late (
    source text NOT NULL,
    mart text,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (source, mart)
);
GRANT DELETE ON audit.told_late TO dw_loader;
COMMENT ON TABLE audit.told_late IS
'What was late in audit.freshness and was told of by an alert: told again only after it has been on time, when its row is gone.';
COMMENT ON COLUMN audit.told_late.source IS 'Name of the source.';
COMMENT ON COLUMN audit.told_late.mart IS 'The mart that is late; NULL for the data of the source.';
COMMENT ON COLUMN audit.told_late.told_at IS 'When it was told, UTC.';
