-- The five schemas, who may do what in them, and the ledger of loads that every other table points at.
CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS staging;
CREATE SCHEMA IF NOT EXISTS core;
CREATE SCHEMA IF NOT EXISTS mart;
CREATE SCHEMA IF NOT EXISTS audit;

COMMENT ON SCHEMA raw IS 'Answers of the services as they came; append-only.';
COMMENT ON SCHEMA staging IS 'Rows of the loads that are on their way; emptied when a load is published.';
COMMENT ON SCHEMA core IS 'Audited facts and dimensions.';
COMMENT ON SCHEMA mart IS 'Daily aggregates for readers; materialized views, refreshed by the DAG refresh_marts.';
COMMENT ON SCHEMA audit IS 'What was loaded, how it was judged, and what was set aside.';

GRANT USAGE ON SCHEMA raw, staging, core, mart, audit TO dw_loader;
GRANT USAGE ON SCHEMA core, mart TO dw_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA core GRANT SELECT ON TABLES TO dw_reader, dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT SELECT ON TABLES TO dw_reader, dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA raw GRANT SELECT, INSERT ON TABLES TO dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA staging GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT, INSERT, UPDATE ON TABLES TO dw_loader;

CREATE TABLE audit.load (
    load_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    map_index integer NOT NULL,
    source text NOT NULL,
    subject_ids bigint [] NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'planned' CHECK (
        status IN ('planned', 'extracting', 'extracted', 'staged', 'audited', 'rejected', 'published', 'failed', 'superseded')
    ),
    attempt integer NOT NULL DEFAULT 0,
    rows_raw bigint,
    rows_staged bigint,
    rows_quarantined bigint,
    rows_published bigint,
    rows_changed bigint,
    planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    extracted_at timestamptz,
    staged_at timestamptz,
    audited_at timestamptz,
    published_at timestamptz,
    marts_due_since timestamptz,
    marts_refreshed_at timestamptz,
    error text,
    CHECK (window_start < window_end)
);
CREATE INDEX load_run_idx ON audit.load (dag_id, run_id, map_index);
CREATE INDEX load_marts_due_idx ON audit.load (source) WHERE marts_due_since IS NOT NULL;

COMMENT ON TABLE audit.load IS 'The ledger: one row for each batch of a DAG run, a slice of the window times a group of places or pages.';
COMMENT ON COLUMN audit.load.map_index IS 'Index of the mapped task group in the Airflow UI.';
COMMENT ON COLUMN audit.load.source IS 'weather or wikipedia.';
COMMENT ON COLUMN audit.load.subject_ids IS 'The location_id or page_id values this load asks for.';
COMMENT ON COLUMN audit.load.window_start IS 'First instant of the window, UTC.';
COMMENT ON COLUMN audit.load.window_end IS 'End of the window, UTC, exclusive.';
COMMENT ON COLUMN audit.load.status IS 'planned > extracting > extracted > staged > audited > published; or rejected (by its audit), failed, superseded (planned again).';
COMMENT ON COLUMN audit.load.attempt IS 'Times the extraction was begun; only the raw rows of the last one are transformed.';
COMMENT ON COLUMN audit.load.rows_raw IS 'Raw rows landed by the last extraction.';
COMMENT ON COLUMN audit.load.rows_staged IS 'Rows parsed into staging.';
COMMENT ON COLUMN audit.load.rows_quarantined IS 'Staged rows outside their limits, see audit.quarantine.';
COMMENT ON COLUMN audit.load.rows_published IS 'Staged rows offered to core.';
COMMENT ON COLUMN audit.load.rows_changed IS 'Core rows that were inserted or changed; unchanged ones are not rewritten.';
COMMENT ON COLUMN audit.load.marts_due_since IS 'Last publication that no refresh of the marts has seen yet; NULL when there is none.';
COMMENT ON COLUMN audit.load.marts_refreshed_at IS 'When the last refresh that saw this load finished.';
COMMENT ON COLUMN audit.load.error IS 'Why the load failed or was rejected, and what to do.';

CREATE TABLE audit.validation_result (
    load_id bigint NOT NULL REFERENCES audit.load,
    suite text NOT NULL,
    expectation text NOT NULL,
    "column" text,
    success boolean NOT NULL,
    severity text NOT NULL DEFAULT 'critical',
    expected text,
    observed text,
    unexpected_count bigint,
    sample jsonb,
    run_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX validation_result_load_idx ON audit.validation_result (load_id);

COMMENT ON TABLE audit.validation_result IS 'One row for each expectation of the last audit of a load.';
COMMENT ON COLUMN audit.validation_result.severity IS 'critical fails the load, warning is reported only.';
COMMENT ON COLUMN audit.validation_result.expected IS 'The limit that was expected, in words.';
COMMENT ON COLUMN audit.validation_result.sample IS 'At most 20 of the unexpected values or rows.';

CREATE TABLE audit.quarantine (
    load_id bigint NOT NULL REFERENCES audit.load,
    source text NOT NULL,
    row_key jsonb NOT NULL,
    expectation text NOT NULL,
    value text,
    raw_id bigint NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (load_id, row_key, expectation)
);

COMMENT ON TABLE audit.quarantine IS 'Rows that were set aside by an audit, with the limit they broke; never published.';
COMMENT ON COLUMN audit.quarantine.row_key IS 'Key of the row in core: {location_id, observed_at} or {page_id, revision_id}.';
COMMENT ON COLUMN audit.quarantine.raw_id IS 'The raw row the value came from.';

GRANT DELETE ON audit.validation_result, audit.quarantine TO dw_loader;

CREATE FUNCTION audit.lock_load(wanted_load_id bigint, finished_step text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    load audit.load;
BEGIN
    SELECT * INTO STRICT load FROM audit.load WHERE load_id = wanted_load_id FOR UPDATE;
    IF load.status = 'superseded' THEN
        RAISE EXCEPTION 'load % of run % was planned again since: clear the whole run, not one of its tasks', load.load_id, load.run_id;
    END IF;
    IF (finished_step = 'extract' AND load.extracted_at IS NULL)
        OR (finished_step = 'transform' AND load.staged_at IS NULL)
        OR (finished_step = 'validate' AND load.audited_at IS NULL)
    THEN
        RAISE EXCEPTION 'load % of run % (map index %) has not finished its task %: clear that task with its downstream tasks',
            load.load_id, load.run_id, load.map_index, finished_step;
    END IF;
END
$$;
COMMENT ON FUNCTION audit.lock_load IS
'Locks a load for the rest of the transaction, so that two tries of a task take turns, and refuses a step out of order.';
