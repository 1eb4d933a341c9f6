-- Coverage: which hours of a place and which windows of a page are loaded, and why the others are not.
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

CREATE VIEW audit.coverage AS
-- An hour is due once it has struck. In UTC, also for a session in a zone that is half an hour off.
WITH followed AS (
    SELECT
        catchup.source,
        location.location_id AS subject_id,
        location.location_name AS subject,
        tstzrange(
            date_trunc('hour', catchup.start_date + interval '1 hour' - interval '1 microsecond', 'UTC'),
            date_trunc('hour', now(), 'UTC') + interval '1 hour'
        ) AS span
    FROM audit.catchup AS catchup
    CROSS JOIN core.location AS location
    WHERE catchup.source = 'weather' AND catchup.start_date < now() AND location.is_active
    UNION ALL
    SELECT catchup.source, page.page_id, page.page_language || ':' || page.page_title, tstzrange(catchup.start_date, now())
    FROM audit.catchup AS catchup
    CROSS JOIN core.tracked_page AS page
    WHERE catchup.source = 'wikipedia' AND catchup.start_date < now() AND page.is_active
),

present AS (
    SELECT
        'weather' AS source,
        weather.location_id AS subject_id,
        range_agg(tstzrange(weather.observed_at, weather.observed_at + interval '1 hour')) AS spans
    FROM core.weather AS weather
    WHERE weather.observed_at >= (SELECT catchup.start_date FROM audit.catchup AS catchup WHERE catchup.source = 'weather')
    GROUP BY weather.location_id
    UNION ALL
    -- A page may have no edits: only the ledger knows that it was asked for.
    SELECT load.source, page.page_id, range_agg(tstzrange(load.window_start, load.window_end))
    FROM audit.load AS load
    CROSS JOIN unnest(load.subject_ids) AS page (page_id)
    WHERE load.source = 'wikipedia' AND load.published_at IS NOT NULL AND NOT load.is_replay
    GROUP BY load.source, page.page_id
    UNION ALL
    -- A replay has of its window what the answers that it found were for.
    SELECT load.source, answer.page_id, range_agg(tstzrange(answer.window_start, answer.window_end))
    FROM audit.load AS load
    INNER JOIN staging.page_answer AS answer ON load.load_id = answer.load_id
    WHERE load.source = 'wikipedia' AND load.published_at IS NOT NULL AND load.is_replay
    GROUP BY load.source, answer.page_id
),

present_of_subject AS (
    SELECT source, subject_id, range_agg(spans) AS spans
    FROM present
    GROUP BY source, subject_id
),

divided AS (
    SELECT
        followed.source,
        followed.subject_id,
        followed.subject,
        tstzmultirange(followed.span) * coalesce(present.spans, '{}') AS loaded,
        tstzmultirange(followed.span) - coalesce(present.spans, '{}') AS absent
    FROM followed
    LEFT JOIN present_of_subject AS present ON followed.source = present.source AND followed.subject_id = present.subject_id
),

absent_somewhere AS (
    SELECT source, range_agg(absent) AS spans
    FROM divided
    GROUP BY source
),

-- The loads that may say why: they have ended, and asked for something that is absent.
ended AS (
    SELECT load.source, load.load_id, load.subject_ids, load.window_start, load.window_end
    FROM audit.load AS load
    INNER JOIN absent_somewhere AS absent
        ON load.source = absent.source AND tstzrange(load.window_start, load.window_end) && absent.spans
    WHERE load.status IN ('published', 'rejected', 'failed')
),

-- Time is cut wherever one of their windows begins or ends, so that each asked for a slice as a whole or not at all. The last
-- load of a slice is then a matter of sorting; comparing windows with each other takes minutes where years have failed.
border AS (
    SELECT source, window_start AS moment FROM ended
    UNION
    SELECT source, window_end FROM ended
),

slice AS (
    SELECT source, moment AS slice_start, lead(moment) OVER (PARTITION BY source ORDER BY moment) AS slice_end
    FROM border
),

last_load_of_slice AS (
    SELECT DISTINCT ON (ended.source, asked.subject_id, slice.slice_start)
        ended.source,
        asked.subject_id,
        ended.load_id,
        tstzrange(slice.slice_start, slice.slice_end) AS span
    FROM ended
    INNER JOIN slice
        ON ended.source = slice.source AND ended.window_start <= slice.slice_start AND ended.window_end > slice.slice_start
    CROSS JOIN unnest(ended.subject_ids) AS asked (subject_id)
    ORDER BY ended.source, asked.subject_id, slice.slice_start, ended.load_id DESC
),

asked_last AS (
    SELECT source, subject_id, load_id, range_agg(span) AS spans
    FROM last_load_of_slice
    GROUP BY source, subject_id, load_id
),

last_load AS (
    SELECT
        divided.source,
        divided.subject_id,
        divided.subject,
        load.load_id,
        load.status,
        load.error,
        divided.absent * asked_last.spans AS spans
    FROM asked_last
    INNER JOIN divided ON asked_last.source = divided.source AND asked_last.subject_id = divided.subject_id
    INNER JOIN audit.load AS load ON asked_last.load_id = load.load_id
),

set_aside AS (
    SELECT
        load_id,
        (row_key ->> 'location_id')::bigint AS location_id,
        (row_key ->> 'observed_at')::timestamptz AS observed_at,
        string_agg(expectation, ', ' ORDER BY expectation) AS limits
    FROM audit.quarantine
    WHERE source = 'weather'
    GROUP BY load_id, row_key
),

explained AS (
    SELECT source, subject_id, subject, 'failed' AS state, load_id, error, spans
    FROM last_load
    WHERE status <> 'published'
    UNION ALL
    SELECT
        last_load.source,
        last_load.subject_id,
        last_load.subject,
        'quarantined',
        last_load.load_id,
        'outside ' || set_aside.limits,
        range_agg(tstzrange(set_aside.observed_at, set_aside.observed_at + interval '1 hour'))
    FROM last_load
    INNER JOIN set_aside
        ON
            last_load.load_id = set_aside.load_id
            AND last_load.subject_id = set_aside.location_id
            AND set_aside.observed_at <@ last_load.spans
    WHERE last_load.source = 'weather' AND last_load.status = 'published'
    GROUP BY last_load.source, last_load.subject_id, last_load.subject, last_load.load_id, set_aside.limits
),

all_explained AS (
    SELECT source, subject_id, range_agg(spans) AS spans
    FROM explained
    GROUP BY source, subject_id
),

stated AS (
    SELECT source, subject_id, subject, 'loaded' AS state, NULL::bigint AS load_id, NULL AS error, loaded AS spans
    FROM divided
    UNION ALL
    SELECT source, subject_id, subject, state, load_id, error, spans
    FROM explained
    UNION ALL
    SELECT
        divided.source, divided.subject_id, divided.subject, 'missing', NULL, NULL,
        divided.absent - coalesce(all_explained.spans, '{}')
    FROM divided
    LEFT JOIN all_explained ON divided.source = all_explained.source AND divided.subject_id = all_explained.subject_id
)

SELECT
    stated.source,
    stated.subject_id,
    stated.subject,
    lower(part.span) AS window_start,
    upper(part.span) AS window_end,
    stated.state,
    stated.load_id,
    stated.error
FROM stated
CROSS JOIN unnest(stated.spans) AS part (span);

COMMENT ON VIEW audit.coverage IS
'What is loaded of each followed place and page between audit.catchup.start_date and now, and what is not: spans that tile, each as long as it can be.';
COMMENT ON COLUMN audit.coverage.source IS 'weather or wikipedia.';
COMMENT ON COLUMN audit.coverage.subject_id IS 'location_id or page_id.';
COMMENT ON COLUMN audit.coverage.subject IS 'Name of the place, or language:title of the page.';
COMMENT ON COLUMN audit.coverage.window_start IS 'First instant of the span, UTC; of weather the first hour.';
COMMENT ON COLUMN audit.coverage.window_end IS 'End of the span, UTC, exclusive.';
COMMENT ON COLUMN audit.coverage.state IS
'loaded (weather: the hour is in core.weather; wikipedia: a load was published), quarantined (by its last load), failed (its last load was, or was rejected), missing.';
COMMENT ON COLUMN audit.coverage.load_id IS 'The last load that ended, where it tells why the span is not loaded.';
COMMENT ON COLUMN audit.coverage.error IS 'Why that load failed or was rejected, or the limits that the hours were outside of.';
