-- How fresh each source and mart is against its schedule; and what was loaded once and is gone, whoever deleted it and whenever it was of.

-- No SQL knows when a cron expression is due next: whoever notes the schedule notes the length of its intervals too.
ALTER TABLE audit.catchup ADD COLUMN interval_seconds bigint;
COMMENT ON COLUMN audit.catchup.interval_seconds IS 'Length of the longest interval of the schedule, seconds; NULL until `python -m include migrate` notes it.';

CREATE TABLE audit.mart (
    mart text PRIMARY KEY,
    source text NOT NULL,
    interval_seconds bigint NOT NULL,
    refreshed_at timestamptz
);
REVOKE INSERT, UPDATE ON audit.mart FROM dw_loader;
COMMENT ON TABLE audit.mart IS 'The marts of each source, noted by `python -m include migrate`, and when each was refreshed.';
COMMENT ON COLUMN audit.mart.mart IS 'Name of the materialized view in schema mart.';
COMMENT ON COLUMN audit.mart.source IS 'Whose mart it is.';
COMMENT ON COLUMN audit.mart.interval_seconds IS 'Longest time between two looks of refresh_marts by its schedule (DW_MARTS_SCHEDULE), seconds.';
COMMENT ON COLUMN audit.mart.refreshed_at IS
'When the last refresh began: it shows what core had then. NULL before the first; a REFRESH that was typed by hand is not noted.';

CREATE OR REPLACE FUNCTION mart.refresh(mart_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY mart.%I', mart_name);
    UPDATE audit.mart SET refreshed_at = greatest(refreshed_at, began) WHERE mart.mart = mart_name;
END
$$;
COMMENT ON FUNCTION mart.refresh IS 'Refreshes one materialized view of schema mart without blocking its readers, and notes when.';

-- From the ledger, not from core: to look for the newest of all hours takes longer with every year, and a page may have no edits.
CREATE VIEW audit.freshness AS
WITH published AS (
    SELECT
        source,
        max(window_end) FILTER (WHERE NOT is_replay) AS newest_data,
        max(published_at) AS published_at,
        min(marts_due_since) AS due_since
    FROM audit.load
    WHERE published_at IS NOT NULL
    GROUP BY source
),

changed AS (
    SELECT source, min(noted_at) AS due_since
    FROM audit.mart_due
    GROUP BY source
),

allowed AS (
    -- An hour to load an interval that has ended, and to refresh a mart after the time for it has come.
    SELECT
        catchup.source,
        mart.mart,
        catchup.start_date + make_interval(secs => catchup.interval_seconds) AS first_due,
        make_interval(secs => catchup.interval_seconds) + interval '1 hour' AS max_data_age,
        make_interval(secs => mart.interval_seconds) + interval '1 hour' AS max_mart_delay,
        mart.refreshed_at
    FROM audit.catchup AS catchup
    LEFT JOIN audit.mart AS mart ON catchup.source = mart.source
),

seen AS (
    SELECT
        allowed.source,
        allowed.mart,
        published.newest_data,
        -- The hour that has struck ends later: it is there already.
        greatest(now() - published.newest_data, interval '0') AS data_age,
        allowed.max_data_age,
        now() > greatest(published.newest_data, allowed.first_due) + allowed.max_data_age AS is_data_late,
        published.published_at,
        allowed.refreshed_at AS mart_refreshed_at,
        least(published.due_since, changed.due_since) AS mart_due_since,
        allowed.max_mart_delay,
        coalesce(now() > least(published.due_since, changed.due_since) + allowed.max_mart_delay, false) AS is_mart_late
    FROM allowed
    LEFT JOIN published ON allowed.source = published.source
    LEFT JOIN changed ON allowed.source = changed.source
)

SELECT
    source,
    mart,
    newest_data,
    data_age,
    max_data_age,
    is_data_late,
    (
        SELECT load.load_id
        FROM audit.load AS load
        WHERE seen.source = load.source AND seen.published_at = load.published_at
        ORDER BY load.load_id DESC
        LIMIT 1
    ) AS last_load_id,
    published_at,
    mart_refreshed_at,
    mart_due_since,
    max_mart_delay,
    is_mart_late,
    is_data_late OR is_mart_late AS is_late
FROM seen;
COMMENT ON VIEW audit.freshness IS
'How old the newest data of each source is and how long its marts have not shown what is new, against what the schedules allow: a row for each mart.';
COMMENT ON COLUMN audit.freshness.source IS 'Name of the source.';
COMMENT ON COLUMN audit.freshness.mart IS 'A mart of the source; NULL where it has none.';
COMMENT ON COLUMN audit.freshness.newest_data IS
'End of the newest window that a load has published of any place or page, UTC; replays ask for nothing new. What others lack, audit.coverage tells.';
COMMENT ON COLUMN audit.freshness.data_age IS 'Time since then.';
COMMENT ON COLUMN audit.freshness.max_data_age IS 'How old it may be: the longest interval of the source''s schedule, and an hour to load it.';
COMMENT ON COLUMN audit.freshness.is_data_late IS 'It is older; before DW_START_DATE and its first interval nothing is late. NULL until the schedule is noted.';
COMMENT ON COLUMN audit.freshness.last_load_id IS 'The load that was published last.';
COMMENT ON COLUMN audit.freshness.published_at IS 'When that was.';
COMMENT ON COLUMN audit.freshness.mart_refreshed_at IS 'When the last refresh of the mart began (audit.mart).';
COMMENT ON COLUMN audit.freshness.mart_due_since IS
'The first publication, or change by hand of what the mart shows, that no refresh has seen; NULL without one. What is done to a partition by its own name shows later.';
COMMENT ON COLUMN audit.freshness.max_mart_delay IS 'How long that may wait: the longest interval of DW_MARTS_SCHEDULE, and an hour.';
COMMENT ON COLUMN audit.freshness.is_mart_late IS 'It waits longer.';
COMMENT ON COLUMN audit.freshness.is_late IS 'The data or the mart is late.';

-- What changes hours, days or zones by hand is made anew at the next refresh (audit.weather_daily_due): the mart is due from now on.
CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.weather
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('weather');
CREATE TRIGGER note_changed_mart_due AFTER INSERT OR UPDATE OR DELETE ON core.weather_daily
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('weather');
CREATE TRIGGER note_zone_due AFTER UPDATE ON core.location
FOR EACH ROW WHEN (old.timezone IS DISTINCT FROM new.timezone) EXECUTE FUNCTION audit.note_mart_due('weather');

-- A dashboard reads it as dw_reader, who so comes to see the names of schema audit. What PostgreSQL lets everybody call is not for it: a
-- trigger on a table of its own would run as the owner.
GRANT USAGE ON SCHEMA audit TO dw_reader;
GRANT SELECT ON audit.freshness TO dw_reader;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA audit FROM public;
GRANT EXECUTE ON FUNCTION audit.lock_load TO dw_loader;

-- What was loaded before DW_START_DATE is looked for as well, from the first window that was published on. Where there is none, nothing
-- more is read than was.
CREATE OR REPLACE VIEW audit.weather_present AS
SELECT
    weather.location_id AS subject_id,
    range_agg(tstzrange(weather.observed_at, weather.observed_at + interval '1 hour')) AS spans
FROM core.weather AS weather
WHERE
    weather.observed_at >= (
        SELECT least(catchup.start_date, min(load.window_start))
        FROM audit.catchup AS catchup
        LEFT JOIN audit.load AS load ON catchup.source = load.source AND load.published_at IS NOT NULL
        WHERE catchup.source = 'weather'
        GROUP BY catchup.start_date
    )
GROUP BY weather.location_id;
COMMENT ON VIEW audit.weather_present IS
'The hours that core.weather has of each place since audit.catchup.start_date, or since the first hour that was ever published.';

-- The hours of weather tell themselves that they are gone. A page may have no edits, so that somebody took some away has to be noted.
CREATE TABLE audit.deleted_day (
    source text NOT NULL,
    subject_id bigint,
    span_start timestamptz NOT NULL,
    span_end timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    noted_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE NULLS NOT DISTINCT (source, subject_id, span_start, span_end, noted_by)
);
REVOKE INSERT, UPDATE ON audit.deleted_day FROM dw_loader;
COMMENT ON TABLE audit.deleted_day IS
'UTC days of which somebody other than a load deleted revisions: a window is missing where none of its publications is newer than that.';
COMMENT ON COLUMN audit.deleted_day.source IS 'wikipedia.';
COMMENT ON COLUMN audit.deleted_day.subject_id IS 'page_id; NULL for all pages.';
COMMENT ON COLUMN audit.deleted_day.span_start IS 'Start of the UTC day; -infinity when the table was emptied.';
COMMENT ON COLUMN audit.deleted_day.span_end IS 'Its end, exclusive; infinity when the table was emptied.';
COMMENT ON COLUMN audit.deleted_day.deleted_at IS 'When, UTC.';
COMMENT ON COLUMN audit.deleted_day.noted_by IS 'The transaction that deleted them.';

CREATE FUNCTION audit.note_deleted_revisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tg_op = 'TRUNCATE' THEN
        INSERT INTO audit.deleted_day (source, span_start, span_end)
        VALUES ('wikipedia', '-infinity', 'infinity') ON CONFLICT DO NOTHING;
    ELSE
        -- A publish of the same page has ended before, or begins when this is committed: it finds the rows, or finds them gone.
        PERFORM FROM core.tracked_page AS tracked
        WHERE tracked.page_id IN (SELECT deleted.page_id FROM deleted)
        ORDER BY tracked.page_id
        FOR NO KEY UPDATE;
        INSERT INTO audit.deleted_day (source, subject_id, span_start, span_end)
        SELECT DISTINCT 'wikipedia', deleted.page_id, day.day, day.day + interval '24 hours'
        FROM deleted
        CROSS JOIN LATERAL date_trunc('day', deleted.revision_timestamp, 'UTC') AS day (day)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION audit.note_deleted_revisions FROM public;
COMMENT ON FUNCTION audit.note_deleted_revisions IS 'Notes the pages and days of revisions that were deleted.';
CREATE TRIGGER note_deleted_revisions AFTER DELETE ON core.revision REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_deleted_revisions();
CREATE TRIGGER note_emptied_revisions AFTER TRUNCATE ON core.revision
FOR EACH STATEMENT EXECUTE FUNCTION audit.note_deleted_revisions();

-- Of each reading by itself: a load that is published again may have withheld a page that it published before.
ALTER TABLE audit.published_response ADD COLUMN published_at timestamptz;
UPDATE audit.published_response AS noted
SET published_at = coalesce(load.published_at, load.planned_at)
FROM audit.load AS load
WHERE noted.load_id = load.load_id;
ALTER TABLE audit.published_response
ALTER COLUMN published_at SET DEFAULT clock_timestamp(),
ALTER COLUMN published_at SET NOT NULL;
COMMENT ON COLUMN audit.published_response.published_at IS 'When it was published last, UTC.';

CREATE OR REPLACE VIEW audit.wikipedia_present AS
SELECT
    response.subject_id,
    range_agg(tstzmultirange(tstzrange(response.window_start, response.window_end)) - coalesce(gone.spans, '{}')) AS spans
FROM audit.published_response AS response
LEFT JOIN LATERAL (
    SELECT range_agg(tstzrange(deleted.span_start, deleted.span_end)) AS spans
    FROM audit.deleted_day AS deleted
    WHERE
        deleted.source = 'wikipedia'
        AND (response.subject_id = deleted.subject_id OR deleted.subject_id IS NULL)
        AND deleted.deleted_at > response.published_at
        AND deleted.span_start < response.window_end
        AND deleted.span_end > response.window_start
) AS gone ON true
WHERE response.source = 'wikipedia'
GROUP BY response.subject_id;
COMMENT ON VIEW audit.wikipedia_present IS
'The windows of each page that were read and published, but for the days of which somebody has deleted revisions since.';
