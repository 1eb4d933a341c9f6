-- What is deleted leaves a trace: of raw, of the facts and dimensions of core, and of the ledger. No load deletes from these.
CREATE TABLE audit.deletion (
    deletion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    operation text NOT NULL CHECK (operation IN ('DELETE', 'TRUNCATE')),
    rows_deleted bigint NOT NULL,
    deleted_by text NOT NULL DEFAULT session_user,
    application_name text NOT NULL DEFAULT current_setting('application_name'),
    deleted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE INSERT, UPDATE ON audit.deletion FROM dw_loader;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.deletion
FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();

COMMENT ON TABLE audit.deletion IS
'Statements that deleted rows of raw, core or audit.load; append-only. A table or partition that is dropped or detached leaves none.';
COMMENT ON COLUMN audit.deletion.table_name IS 'The table that the statement named, with its schema; of a TRUNCATE each partition of it.';
COMMENT ON COLUMN audit.deletion.rows_deleted IS 'How many; a statement that found none is not noted.';
COMMENT ON COLUMN audit.deletion.deleted_by IS 'The role that logged in, also where it acted as another one.';
COMMENT ON COLUMN audit.deletion.application_name IS 'What the session said it is: psql, Adminer, a task.';
COMMENT ON COLUMN audit.deletion.deleted_at IS 'When, UTC.';

CREATE FUNCTION audit.note_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted bigint;
BEGIN
    IF tg_op = 'TRUNCATE' THEN
        EXECUTE format('SELECT count(*) FROM %I.%I', tg_table_schema, tg_table_name) INTO counted;
    ELSE
        SELECT count(*) INTO counted FROM deleted;
    END IF;
    IF counted > 0 THEN
        INSERT INTO audit.deletion (table_name, operation, rows_deleted)
        VALUES (tg_table_schema || '.' || tg_table_name, tg_op, counted);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION audit.note_deletion FROM public;
COMMENT ON FUNCTION audit.note_deletion IS 'Notes how many rows of a table a statement deletes, and who.';

CREATE FUNCTION audit.note_deletions_of(watched regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER note_deletion AFTER DELETE ON %s REFERENCING OLD TABLE AS deleted '
        'FOR EACH STATEMENT EXECUTE FUNCTION audit.note_deletion()', watched
    );
    -- To empty a partitioned table fires the triggers of its partitions too: each counts its own.
    IF (SELECT relkind FROM pg_class WHERE oid = watched) = 'r' THEN
        EXECUTE format(
            'CREATE TRIGGER note_truncation BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.note_deletion()', watched
        );
    END IF;
END
$$;
COMMENT ON FUNCTION audit.note_deletions_of IS
'From now on the deletions of a table are noted in audit.deletion. A partition is a table of its own here: a statement may name it.';
REVOKE ALL ON FUNCTION audit.note_deletions_of FROM public;

SELECT audit.note_deletions_of(watched)
FROM unnest(ARRAY[
    'raw.weather_observations', 'raw.wikipedia_pages', 'core.location', 'core.tracked_page', 'core.weather_condition', 'core.weather',
    'core.wikipedia_page', 'core.revision', 'audit.load'
]::regclass []) AS watched;
SELECT audit.note_deletions_of(inhrelid)
FROM pg_inherits
WHERE inhparent = 'core.weather'::regclass;

CREATE OR REPLACE FUNCTION core.ensure_weather_partitions(first_hour timestamptz, end_hour timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start timestamptz := date_trunc('month', first_hour);
    month_name text;
BEGIN
    WHILE month_start < end_hour LOOP
        month_name := 'weather_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass('core.' || month_name) IS NULL THEN
            -- Readers and other publishes do not wait for this lock, which attaching takes anyway; CREATE ... PARTITION OF would stop them.
            LOCK TABLE core.weather IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('core.' || month_name) IS NULL THEN
                EXECUTE format('CREATE TABLE core.%I (LIKE core.weather INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month_name);
                PERFORM audit.note_deletions_of(to_regclass('core.' || month_name));
                EXECUTE format(
                    'ALTER TABLE core.weather ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                    month_name, month_start, month_start + interval '1 month'
                );
                -- It is empty: there is nothing in it that the rollup would have to follow.
                INSERT INTO audit.weather_partition_seen
                SELECT * FROM audit.weather_partition AS month WHERE month.partition_name = month_name;
            END IF;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
END
$$;
