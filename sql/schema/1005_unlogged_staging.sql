-- Staging is made anew of the responses whenever it is gone: it needs no WAL. A crash of PostgreSQL empties all of it at once, also
-- the list of what is staged, by which the steps after it can tell.
ALTER TABLE staging.weather SET UNLOGGED;
ALTER TABLE staging.weather_unit SET UNLOGGED;
ALTER TABLE staging.page SET UNLOGGED;
ALTER TABLE staging.revision SET UNLOGGED;

CREATE UNLOGGED TABLE staging.staged_load (
    load_id bigint PRIMARY KEY
);
COMMENT ON TABLE staging.staged_load IS
'Loads of which everything is staged. Not logged, as what is staged: after a crash of PostgreSQL both are empty, and a load is staged anew.';
INSERT INTO staging.staged_load SELECT load_id FROM audit.load WHERE status IN ('staged', 'audited', 'rejected');

CREATE OR REPLACE FUNCTION audit.lock_load(wanted_load_id bigint, finished_step audit.load_step) RETURNS void LANGUAGE plpgsql AS $$
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
    IF finished_step IN ('transform', 'validate')
        AND load.status <> 'published'
        AND NOT EXISTS (SELECT FROM staging.staged_load AS staged WHERE staged.load_id = load.load_id)
    THEN
        -- Not as the others, which no further try would mend: the next one stages the load anew.
        RAISE EXCEPTION 'what was staged of load % of run % (map index %) went with a crash of PostgreSQL',
            load.load_id, load.run_id, load.map_index
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'the next try stages it anew from the stored responses';
    END IF;
END
$$;
