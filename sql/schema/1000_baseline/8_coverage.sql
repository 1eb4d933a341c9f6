-- Coverage: what is loaded of each followed place and page, what is not, and why not.

-- What each source gives for it, in four views named after it (5_weather.sql, 7_wikipedia.sql): what is followed of it and since when, what
-- of that is there, what its stored responses were asked for, and the spans whose rows were set aside. `python -m include migrate` unites
-- them under the names without a source, for all that are registered.
CREATE VIEW audit.followed AS
SELECT 'weather' AS source, subject_id, subject, span FROM audit.weather_followed
UNION ALL
SELECT 'wikipedia', subject_id, subject, span FROM audit.wikipedia_followed;
CREATE VIEW audit.present AS
SELECT 'weather' AS source, subject_id, spans FROM audit.weather_present
UNION ALL
SELECT 'wikipedia', subject_id, spans FROM audit.wikipedia_present;
CREATE VIEW audit.answered AS
SELECT 'weather' AS source, raw_id, subject_id, window_start, window_end FROM audit.weather_answered
UNION ALL
SELECT 'wikipedia', raw_id, subject_id, window_start, window_end FROM audit.wikipedia_answered;
CREATE VIEW audit.set_aside AS
SELECT 'weather' AS source, load_id, subject_id, span, limits FROM audit.weather_set_aside
UNION ALL
SELECT 'wikipedia', load_id, subject_id, span, limits FROM audit.wikipedia_set_aside;
COMMENT ON VIEW audit.followed IS 'What is followed of each source, and the time that is due: audit.<source>_followed, united by `python -m include migrate`.';
COMMENT ON VIEW audit.present IS 'What is there of each source: audit.<source>_present, united.';
COMMENT ON VIEW audit.answered IS 'What each stored response was asked for: audit.<source>_answered, united.';
COMMENT ON VIEW audit.set_aside IS 'Spans whose rows were set aside: audit.<source>_set_aside, united.';

-- What the last load of a span withheld is failed, with what was seen.
CREATE VIEW audit.coverage AS
WITH divided AS (
    SELECT
        followed.source,
        followed.subject_id,
        followed.subject,
        tstzmultirange(followed.span) * coalesce(present.spans, '{}') AS loaded,
        tstzmultirange(followed.span) - coalesce(present.spans, '{}') AS absent
    FROM audit.followed AS followed
    LEFT JOIN audit.present AS present ON followed.source = present.source AND followed.subject_id = present.subject_id
),

absent_somewhere AS (
    SELECT source, range_agg(absent) AS spans
    FROM divided
    GROUP BY source
),

-- The loads that may say why: they have ended, and asked for something that is absent.
ended_load AS (
    SELECT load.source, load.load_id, load.attempt, load.is_replay, load.subject_ids, load.window_start, load.window_end
    FROM audit.load AS load
    INNER JOIN absent_somewhere AS absent
        ON load.source = absent.source AND tstzrange(load.window_start, load.window_end) && absent.spans
    WHERE load.status IN ('published', 'rejected', 'failed')
),

-- A replay asked nobody: it can tell of what its responses were asked for, and the load that asked in vain still tells of the rest.
replayed AS (
    SELECT
        load.source, load.load_id, response.subject_id,
        greatest(load.window_start, response.window_start) AS window_start, least(load.window_end, response.window_end) AS window_end
    FROM ended_load AS load
    INNER JOIN audit.load_response AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
    INNER JOIN audit.answered AS response ON load.source = response.source AND noted.raw_id = response.raw_id
    WHERE load.is_replay
),

ended AS (
    SELECT source, load_id, subject_ids, window_start, window_end
    FROM ended_load
    WHERE NOT is_replay
    UNION ALL
    SELECT source, load_id, array_agg(DISTINCT subject_id), window_start, window_end
    FROM replayed
    GROUP BY source, load_id, window_start, window_end
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
        load.units_withheld,
        load.error,
        divided.absent * asked_last.spans AS spans
    FROM asked_last
    INNER JOIN divided ON asked_last.source = divided.source AND asked_last.subject_id = divided.subject_id
    INNER JOIN audit.load AS load ON asked_last.load_id = load.load_id
),

-- Withheld units of a replay may overlap: the newest response tells why. A unit is compared with those of its own island of time only,
-- for the days of many years are islands each.
withheld_unit AS (
    SELECT
        load_id,
        subject_id,
        tstzrange(span_start, span_end) AS span,
        raw_ids[cardinality(raw_ids)] AS newest,
        observed || ', expected ' || expectation AS error,
        coalesce(span_start >= max(span_end) OVER before, true) AS is_ashore
    FROM audit.withheld
    WHERE load_id IN (SELECT last_load.load_id FROM last_load)
    WINDOW before AS (
        PARTITION BY load_id, subject_id ORDER BY span_start, span_end ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

withheld_on_island AS (
    SELECT *, count(*) FILTER (WHERE is_ashore) OVER (PARTITION BY load_id, subject_id ORDER BY span) AS island
    FROM withheld_unit
),

withheld_part AS (
    SELECT load_id, subject_id, error, tstzmultirange(span) - coalesce(range_agg(span) OVER newer, '{}') AS spans
    FROM withheld_on_island
    WINDOW newer AS (
        PARTITION BY load_id, subject_id, island ORDER BY newest DESC, span ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

withheld AS (
    SELECT load_id, subject_id, error, range_agg(spans) AS spans
    FROM withheld_part
    GROUP BY load_id, subject_id, error
),

explained AS (
    -- Before units had verdicts a load was rejected as a whole.
    SELECT source, subject_id, subject, 'failed' AS state, load_id, error, spans
    FROM last_load
    WHERE status = 'failed' OR (status = 'rejected' AND units_withheld IS NULL)
    UNION ALL
    SELECT
        last_load.source,
        last_load.subject_id,
        last_load.subject,
        'failed',
        last_load.load_id,
        withheld.error,
        last_load.spans * withheld.spans
    FROM last_load
    INNER JOIN withheld ON last_load.load_id = withheld.load_id AND last_load.subject_id = withheld.subject_id
    WHERE last_load.status IN ('published', 'rejected')
    UNION ALL
    SELECT
        last_load.source,
        last_load.subject_id,
        last_load.subject,
        'quarantined',
        last_load.load_id,
        'outside ' || set_aside.limits,
        range_agg(set_aside.span)
    FROM last_load
    INNER JOIN audit.set_aside AS set_aside
        ON
            last_load.source = set_aside.source
            AND last_load.load_id = set_aside.load_id
            AND last_load.subject_id = set_aside.subject_id
            AND lower(set_aside.span) <@ last_load.spans
    WHERE
        last_load.status = 'published'
        AND NOT EXISTS (
            SELECT 1 FROM withheld
            WHERE
                last_load.load_id = withheld.load_id
                AND last_load.subject_id = withheld.subject_id
                AND lower(set_aside.span) <@ withheld.spans
        )
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
'loaded (weather: the hour is in core.weather; wikipedia: the window was read and published), quarantined (by its last load), failed (its last load was, or withheld it), missing.';
COMMENT ON COLUMN audit.coverage.load_id IS 'The last load that ended, where it tells why the span is not loaded.';
COMMENT ON COLUMN audit.coverage.error IS 'Why that load failed, what it saw in what it withheld, or the limits that the hours were outside of.';
