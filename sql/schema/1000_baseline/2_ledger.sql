-- The ledger: what is to be loaded, each load and its state, what it is made of, and how it was judged.
CREATE TABLE audit.catchup (
    source text PRIMARY KEY,
    start_date timestamptz NOT NULL,
    schedule text NOT NULL
);
REVOKE INSERT, UPDATE ON audit.catchup FROM dw_loader;

COMMENT ON TABLE audit.catchup IS 'From when on the warehouse is to be complete: the settings of each source, noted by `python -m include migrate`.';
COMMENT ON COLUMN audit.catchup.source IS 'weather or wikipedia; also the DAG that fills it.';
COMMENT ON COLUMN audit.catchup.start_date IS 'DW_START_DATE.';
COMMENT ON COLUMN audit.catchup.schedule IS 'Cron expression or preset in UTC; the source''s windows are its intervals.';

CREATE TABLE audit.load (
    load_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    map_index integer NOT NULL,
    source text NOT NULL,
    subject_ids bigint [] NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    is_replay boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'planned' CHECK (
        status IN ('planned', 'extracting', 'extracted', 'staged', 'audited', 'rejected', 'published', 'failed', 'superseded')
    ),
    error text,
    attempt integer NOT NULL DEFAULT 0,
    published_attempt integer,
    rows_raw bigint,
    rows_staged bigint,
    rows_quarantined bigint,
    units_withheld bigint,
    rows_published bigint,
    rows_changed bigint,
    planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    extracted_at timestamptz,
    staged_at timestamptz,
    audited_at timestamptz,
    published_at timestamptz,
    marts_due_since timestamptz,
    marts_refreshed_at timestamptz,
    CHECK (window_start < window_end)
);
CREATE INDEX load_run_idx ON audit.load (dag_id, run_id, map_index);
CREATE INDEX load_marts_due_idx ON audit.load (source) WHERE marts_due_since IS NOT NULL;
-- A refresh looks for loads that are under way: few, among all that there ever were.
CREATE INDEX load_under_way_idx ON audit.load (source)
WHERE status IN ('planned', 'extracting', 'extracted', 'staged', 'audited');
CREATE INDEX load_unsettled_idx ON audit.load (source, window_end)
WHERE status NOT IN ('published', 'superseded') OR rows_quarantined > 0 OR units_withheld > 0;

COMMENT ON TABLE audit.load IS 'The ledger: one row for each batch of a DAG run, a slice of the window times a group of places or pages.';
COMMENT ON COLUMN audit.load.map_index IS 'Index of the mapped task group in the Airflow UI.';
COMMENT ON COLUMN audit.load.source IS 'weather or wikipedia.';
COMMENT ON COLUMN audit.load.subject_ids IS 'The location_id or page_id values this load asks for.';
COMMENT ON COLUMN audit.load.window_start IS 'First instant of the window, UTC.';
COMMENT ON COLUMN audit.load.window_end IS 'End of the window, UTC, exclusive.';
COMMENT ON COLUMN audit.load.is_replay IS 'The load asked nobody: it is made of the responses that raw held for its subjects and window.';
COMMENT ON COLUMN audit.load.status IS 'planned > extracting > extracted > staged > audited > published; or rejected (by its audit), failed, superseded (planned again).';
COMMENT ON COLUMN audit.load.error IS 'Why the load failed, was rejected, or was published without some of its units, and what to do.';
COMMENT ON COLUMN audit.load.attempt IS 'Times the extraction was begun; only the raw rows of the last one are transformed.';
COMMENT ON COLUMN audit.load.published_attempt IS 'The attempt that was last published; NULL for a load that never was.';
COMMENT ON COLUMN audit.load.rows_raw IS 'Raw rows landed by the last extraction; of a replay, the stored responses it found.';
COMMENT ON COLUMN audit.load.rows_staged IS 'Rows parsed into staging.';
COMMENT ON COLUMN audit.load.rows_quarantined IS 'Staged rows outside their limits, see audit.quarantine.';
COMMENT ON COLUMN audit.load.units_withheld IS 'Units that the audit did not trust, see audit.withheld; the others were published.';
COMMENT ON COLUMN audit.load.rows_published IS 'Staged rows offered to core.';
COMMENT ON COLUMN audit.load.rows_changed IS 'Core rows that were inserted or changed; unchanged ones are not rewritten.';
COMMENT ON COLUMN audit.load.extracted_at IS 'When the last extraction was complete.';
COMMENT ON COLUMN audit.load.published_at IS 'Last publication; kept when the load is extracted again.';
COMMENT ON COLUMN audit.load.marts_due_since IS 'Last publication that no refresh of the marts has seen yet; NULL when there is none.';
COMMENT ON COLUMN audit.load.marts_refreshed_at IS 'When the last refresh that saw this load finished.';

CREATE VIEW audit.unsettled_load AS
SELECT load_id, source, subject_ids, window_start, window_end
FROM audit.load
WHERE status NOT IN ('published', 'superseded') OR rows_quarantined > 0 OR units_withheld > 0;
COMMENT ON VIEW audit.unsettled_load IS
'Loads that may yet bring core something of the responses that they are made of: not published, or not all of it.';

-- A type of its own: what is misspelled is an error, not a step that nobody waits for.
CREATE TYPE audit.load_step AS ENUM ('plan', 'extract', 'transform', 'validate');
COMMENT ON TYPE audit.load_step IS 'The tasks of a load that others build on, in their order.';

CREATE FUNCTION audit.lock_load(wanted_load_id bigint, finished_step audit.load_step) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    load audit.load;
BEGIN
    SELECT * INTO STRICT load FROM audit.load WHERE load_id = wanted_load_id FOR UPDATE;
    IF load.status = 'superseded' THEN
        RAISE EXCEPTION 'load % of run % was planned again since', load.load_id, load.run_id
        USING HINT = 'clear the whole run, not one of its tasks';
    END IF;
    IF (finished_step = 'extract' AND load.extracted_at IS NULL)
        OR (finished_step = 'transform' AND load.staged_at IS NULL)
        OR (finished_step = 'validate' AND load.audited_at IS NULL)
    THEN
        RAISE EXCEPTION 'load % of run % (map index %) has not finished its task %',
            load.load_id, load.run_id, load.map_index, finished_step
        USING HINT = 'clear that task with its downstream tasks';
    END IF;
END
$$;
COMMENT ON FUNCTION audit.lock_load IS
'Locks a load for the rest of the transaction, so that two tries of a task take turns, and refuses a step out of order.';

-- What a load is made of.
CREATE TABLE audit.extraction (
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    extracted_at timestamptz NOT NULL,
    unanswered_ids bigint [] NOT NULL DEFAULT '{}',
    PRIMARY KEY (load_id, attempt)
);
REVOKE UPDATE ON audit.extraction FROM dw_loader;
COMMENT ON TABLE audit.extraction IS 'The extractions that came to their end; a page''s responses of one that did not are not replayed.';
COMMENT ON COLUMN audit.extraction.unanswered_ids IS 'Places and pages of which a request brought no response, or one with a problem that no later response made up for.';

CREATE TABLE audit.load_response (
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    raw_id bigint NOT NULL,
    PRIMARY KEY (load_id, attempt, raw_id)
);
REVOKE UPDATE ON audit.load_response FROM dw_loader;
COMMENT ON TABLE audit.load_response IS 'The stored responses that a replay is made of, as it found them. Other loads are made of the responses that they landed.';
COMMENT ON COLUMN audit.load_response.attempt IS 'audit.load.attempt of the replay.';
COMMENT ON COLUMN audit.load_response.raw_id IS 'id of raw.weather_observations or raw.wikipedia_pages, by audit.load.source.';

CREATE TABLE staging.problem (
    load_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    raw_id bigint,
    problem text NOT NULL,
    is_unreadable boolean NOT NULL DEFAULT false,
    CHECK (raw_id IS NOT NULL OR NOT is_unreadable)
);
CREATE INDEX problem_load_idx ON staging.problem (load_id);
COMMENT ON TABLE staging.problem IS
'What a load could not get or read, for its audit to withhold; kept until the load is extracted again.';
COMMENT ON COLUMN staging.problem.subject_id IS 'location_id or page_id.';
COMMENT ON COLUMN staging.problem.window_start IS 'Start of what was asked for, UTC.';
COMMENT ON COLUMN staging.problem.window_end IS 'End of what was asked for, UTC, exclusive.';
COMMENT ON COLUMN staging.problem.raw_id IS 'The response, in raw; NULL where none came.';
COMMENT ON COLUMN staging.problem.problem IS 'In words.';
COMMENT ON COLUMN staging.problem.is_unreadable IS
'Noted by transform: PostgreSQL could not read a response that had passed its check. Others were noted by extract.';

-- How it was judged. A verdict is made anew when the load is audited again.
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
COMMENT ON COLUMN audit.validation_result.severity IS
'critical: a unit that fails is withheld; warning: reported only, as are rows outside a limit, which are set aside.';
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
    -- A replay stages a row once for each response that gives it.
    PRIMARY KEY (load_id, row_key, expectation, raw_id)
);

COMMENT ON TABLE audit.quarantine IS 'Rows that were set aside by an audit, with the limit they broke; never published.';
COMMENT ON COLUMN audit.quarantine.row_key IS 'Key of the row in core: {location_id, observed_at} or {page_id, revision_id}.';
COMMENT ON COLUMN audit.quarantine.raw_id IS 'The raw row the value came from.';

CREATE TABLE audit.withheld (
    load_id bigint NOT NULL REFERENCES audit.load,
    source text NOT NULL,
    subject_id bigint NOT NULL,
    span_start timestamptz NOT NULL,
    span_end timestamptz NOT NULL,
    expectation text NOT NULL,
    observed text NOT NULL,
    raw_ids bigint [] NOT NULL,
    withheld_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (load_id, subject_id, span_start, span_end)
);

COMMENT ON TABLE audit.withheld IS 'Units that the last audit of a load did not trust, of a replay those that trusted ones do not make up for: none of their rows was published.';
COMMENT ON COLUMN audit.withheld.source IS 'weather or wikipedia.';
COMMENT ON COLUMN audit.withheld.subject_id IS 'location_id or page_id.';
COMMENT ON COLUMN audit.withheld.span_start IS 'Weather: the UTC day, however the window cut it; wikipedia: the window of the load. Of a replay the part that was asked for.';
COMMENT ON COLUMN audit.withheld.span_end IS 'End of the span, UTC, exclusive.';
COMMENT ON COLUMN audit.withheld.expectation IS 'The first check of the suite that the unit failed, and what it asks.';
COMMENT ON COLUMN audit.withheld.observed IS 'What was seen instead.';
COMMENT ON COLUMN audit.withheld.raw_ids IS 'The responses it was made of; empty where none came.';

GRANT DELETE ON audit.validation_result, audit.quarantine, audit.withheld TO dw_loader;

-- What was published of each page's windows; never deleted from.
CREATE TABLE audit.published_response (
    source text NOT NULL,
    subject_id bigint NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    wikipedia_page_id bigint,
    answered_at timestamptz NOT NULL,
    raw_id bigint NOT NULL,
    load_id bigint NOT NULL REFERENCES audit.load,
    PRIMARY KEY (source, subject_id, raw_id, load_id)
);
CREATE INDEX published_response_time_idx ON audit.published_response (source, subject_id, window_end);
COMMENT ON TABLE audit.published_response IS
'Readings that were published: a window of a followed page, read to its end by one extraction. Written by publish; kept when a load is extracted again.';
COMMENT ON COLUMN audit.published_response.source IS 'wikipedia; the hours of weather tell themselves what was published.';
COMMENT ON COLUMN audit.published_response.subject_id IS 'page_id.';
COMMENT ON COLUMN audit.published_response.window_start IS 'First instant that was read, UTC; of a replay, in its own window.';
COMMENT ON COLUMN audit.published_response.window_end IS 'End of what was read, UTC, exclusive.';
COMMENT ON COLUMN audit.published_response.wikipedia_page_id IS 'Which page of the wiki was read; NULL for one that it did not have.';
COMMENT ON COLUMN audit.published_response.answered_at IS 'When the response came, UTC.';
COMMENT ON COLUMN audit.published_response.raw_id IS 'The last response of the reading: of two readings the one with the higher raw_id is the newer.';
COMMENT ON COLUMN audit.published_response.load_id IS 'The load that published it.';

-- What is derived follows: a change of core that no load made is noted by triggers, and the marts that show it are due. They leave loads
-- alone, whose publish notes itself (audit.load.marts_due_since).
CREATE TABLE audit.mart_due (
    source text NOT NULL,
    noted_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, noted_by)
);
GRANT DELETE ON audit.mart_due TO dw_loader;
COMMENT ON TABLE audit.mart_due IS
'Transactions that changed what a mart shows, other than loads (see audit.load.marts_due_since): a dimension, or facts by the owner''s hand.';
COMMENT ON COLUMN audit.mart_due.source IS 'weather or wikipedia: whose mart.';

CREATE FUNCTION audit.note_mart_due() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.mart_due (source) VALUES (tg_argv[0]) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit.note_mart_due IS 'Notes that the mart of a source, the trigger''s argument, no longer shows what core has.';
