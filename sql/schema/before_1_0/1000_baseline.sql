-- What the baseline has otherwise than the numbered migrations left it.

-- A step that is misspelled is an error, not one that nobody waits for.
CREATE TYPE audit.load_step AS ENUM ('plan', 'extract', 'transform', 'validate');
COMMENT ON TYPE audit.load_step IS 'The tasks of a load that others build on, in their order.';
DROP FUNCTION audit.lock_load(bigint, text);
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

COMMENT ON FUNCTION raw.refuse_change IS 'Makes a table append-only, for its owner too.';

-- The partitions have no comments of their own, which a later change would have to repeat: those of core.weather hold for them.
DO $$
DECLARE
    month regclass;
    column_name text;
BEGIN
    EXECUTE replace(pg_get_functiondef('core.ensure_weather_partitions'::regproc), ' INCLUDING COMMENTS', '');
    FOR month, column_name IN
        SELECT part.inhrelid::regclass, attribute.attname
        FROM pg_inherits AS part
        INNER JOIN pg_description AS comment ON part.inhrelid = comment.objoid AND comment.classoid = 'pg_class'::regclass
        INNER JOIN pg_attribute AS attribute ON comment.objoid = attribute.attrelid AND comment.objsubid = attribute.attnum
        WHERE part.inhparent = 'core.weather'::regclass
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', month, column_name);
    END LOOP;
END
$$;

-- The mart names the columns that it reads: of a star, their order in the table would be part of it.
DROP MATERIALIZED VIEW mart.daily_wikipedia_page_stats;
CREATE MATERIALIZED VIEW mart.daily_wikipedia_page_stats AS
WITH page AS (
    SELECT
        page_id,
        page_title,
        page_language,
        min(page_id) OVER (PARTITION BY page_language, coalesce(wikipedia_page_id, -page_id)) AS counted_as
    FROM core.wikipedia_page
    WHERE valid_to IS NULL
),

newest_of_page AS (
    SELECT DISTINCT ON (page.page_language, revision.wikipedia_page_id, revision.revision_id)
        page.page_language,
        page.counted_as,
        revision.page_id,
        revision.revision_id,
        revision.revision_timestamp,
        revision.revision_user,
        revision.is_minor,
        revision.is_anonymous,
        revision.is_temporary,
        revision.revision_size_bytes,
        revision.size_delta_bytes,
        revision.removed_at,
        revision.raw_id
    FROM core.revision AS revision
    INNER JOIN page ON revision.page_id = page.page_id
    ORDER BY page.page_language, revision.wikipedia_page_id, revision.revision_id, revision.raw_id DESC, revision.page_id
),

counted AS (
    SELECT DISTINCT ON (page_language, revision_id) *
    FROM newest_of_page
    WHERE removed_at IS NULL
    ORDER BY page_language, revision_id, raw_id DESC, page_id
)

SELECT
    page.page_id,
    page.page_title,
    page.page_language,
    (revision.revision_timestamp AT TIME ZONE 'UTC')::date AS revision_date,
    count(*) AS revision_count,
    count(DISTINCT revision.revision_user) AS unique_editors,
    -- In numeric, whatever stands in one row: no sum is too large for it.
    coalesce(sum(abs(revision.size_delta_bytes::numeric)), 0) AS total_bytes_changed,
    coalesce(sum(revision.size_delta_bytes), 0) AS net_bytes_changed,
    round(avg(revision.revision_size_bytes), 2) AS avg_bytes_per_revision,
    count(*) FILTER (WHERE revision.is_minor) AS minor_revision_count,
    count(*) FILTER (WHERE revision.is_anonymous OR revision.is_temporary) AS anonymous_revision_count
FROM counted AS revision
INNER JOIN page ON revision.counted_as = page.page_id
GROUP BY page.page_id, page.page_title, page.page_language, revision_date
WITH DATA;
CREATE UNIQUE INDEX daily_wikipedia_page_stats_key ON mart.daily_wikipedia_page_stats (page_id, revision_date);
CREATE INDEX daily_wikipedia_page_stats_date_idx ON mart.daily_wikipedia_page_stats (revision_date);

COMMENT ON MATERIALIZED VIEW mart.daily_wikipedia_page_stats IS
'Daily edits by page and UTC date, from core.revision; days without an edit have no row. Each revision counts once, removed ones do not.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.page_id IS 'Of several followed titles that lead to one page, the lowest.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.page_title IS 'The present title.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.revision_date IS 'UTC date.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.unique_editors IS 'Different visible users; hidden ones are not counted.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.total_bytes_changed IS 'Sum of the absolute size changes, bytes; unknown ones count 0.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.net_bytes_changed IS 'Sum of the signed size changes, bytes; unknown ones count 0.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.avg_bytes_per_revision IS 'Mean page size after a revision, bytes, of those that are known.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.anonymous_revision_count IS 'Edits by IP addresses and temporary accounts.';

-- What a service sends back is a response, as HTTP has it; the columns with the verb keep their names.
ALTER TABLE audit.load_answer RENAME TO load_response;
ALTER TABLE audit.published_answer RENAME TO published_response;
ALTER INDEX audit.published_answer_time_idx RENAME TO published_response_time_idx;
ALTER VIEW staging.weather_answer RENAME TO weather_response;
ALTER VIEW staging.page_answer RENAME TO page_response;
DO $$
DECLARE
    of_table regclass;
    former name;
BEGIN
    FOR of_table, former IN
        SELECT conrelid::regclass, conname
        FROM pg_constraint
        WHERE conrelid IN ('audit.load_response'::regclass, 'audit.published_response'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', of_table, former, replace(former, '_answer_', '_response_'));
    END LOOP;
    EXECUTE replace(pg_get_functiondef('raw.refuse_change'::regproc), 'old answers', 'old responses');
END
$$;

CREATE OR REPLACE VIEW staging.weather_response AS
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by, response.location_id, response.location_name, response.payload,
    response.window_start, response.window_end
FROM audit.load AS load
INNER JOIN raw.weather_observations AS response ON load.load_id = response.load_id AND load.attempt = response.attempt
WHERE response.problem IS NULL
UNION ALL
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by, response.location_id, response.location_name, response.payload,
    greatest(response.window_start, load.window_start), least(response.window_end, load.window_end)
FROM audit.load AS load
INNER JOIN audit.load_response AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
INNER JOIN raw.weather_observations AS response ON noted.raw_id = response.id
WHERE load.is_replay;

CREATE OR REPLACE VIEW staging.page_response AS
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by,
    max(response.id) OVER (PARTITION BY load.load_id, response.load_id, response.attempt, response.page_id) AS reading_id,
    response.page_id, response.page_title, response.page_language, response.payload, response.ingested_at, response.window_start, response.window_end
FROM audit.load AS load
INNER JOIN raw.wikipedia_pages AS response ON load.load_id = response.load_id AND load.attempt = response.attempt
WHERE response.problem IS NULL
UNION ALL
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by,
    max(response.id) OVER (PARTITION BY load.load_id, response.load_id, response.attempt, response.page_id) AS reading_id,
    response.page_id, response.page_title, response.page_language, response.payload, response.ingested_at,
    greatest(response.window_start, load.window_start), least(response.window_end, load.window_end)
FROM audit.load AS load
INNER JOIN audit.load_response AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
INNER JOIN raw.wikipedia_pages AS response ON noted.raw_id = response.id
WHERE load.is_replay;

CREATE OR REPLACE VIEW audit.coverage AS
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

COMMENT ON SCHEMA raw IS 'Responses of the services as they came; append-only.';
COMMENT ON COLUMN audit.load.is_replay IS 'The load asked nobody: it is made of the responses that raw held for its subjects and window.';
COMMENT ON COLUMN audit.load.rows_raw IS 'Raw rows landed by the last extraction; of a replay, the stored responses it found.';
COMMENT ON VIEW audit.unsettled_load IS
'Loads that may yet bring core something of the responses that they are made of: not published, or not all of it.';
COMMENT ON TABLE audit.extraction IS 'The extractions that came to their end; a page''s responses of one that did not are not replayed.';
COMMENT ON COLUMN audit.extraction.unanswered_ids IS 'Places and pages of which a request brought no response, or one with a problem that no later response made up for.';
COMMENT ON TABLE audit.load_response IS 'The stored responses that a replay is made of, as it found them. Other loads are made of the responses that they landed.';
COMMENT ON COLUMN staging.problem.raw_id IS 'The response, in raw; NULL where none came.';
COMMENT ON COLUMN staging.problem.is_unreadable IS
'Noted by transform: PostgreSQL could not read a response that had passed its check. Others were noted by extract.';
COMMENT ON COLUMN audit.withheld.raw_ids IS 'The responses it was made of; empty where none came.';
COMMENT ON COLUMN audit.published_response.answered_at IS 'When the response came, UTC.';
COMMENT ON COLUMN audit.published_response.raw_id IS 'The last response of the reading: of two readings the one with the higher raw_id is the newer.';
COMMENT ON TABLE raw.weather_observations IS 'Open-Meteo responses. One row a place where the response could be cut; else one row for all its places.';
COMMENT ON COLUMN raw.weather_observations.attempt IS 'Extraction attempt of the load that fetched this response.';
COMMENT ON COLUMN raw.weather_observations.location_id IS 'The place; NULL when the row holds a response for several places that could not be cut.';
COMMENT ON COLUMN raw.weather_observations.location_ids IS 'All places the row holds a response for, in request order.';
COMMENT ON COLUMN raw.weather_observations.problem IS 'What was wrong with the response; NULL for a good one. Only good ones are transformed.';
COMMENT ON VIEW staging.weather_response IS
'The responses a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.weather_response.landed_by IS 'The load that asked for the response.';
COMMENT ON COLUMN staging.weather_response.window_start IS 'First hour of the response that counts, UTC.';
COMMENT ON TYPE staging.open_meteo_hourly IS 'The "hourly" object of an Open-Meteo response, in the service''s names and units; times are UTC.';
COMMENT ON COLUMN staging.weather.is_in_window IS 'The hour lies in the window of the response; only such hours are published.';
COMMENT ON COLUMN staging.weather.is_withheld IS 'The place''s day, as this response gives it, is not trusted.';
COMMENT ON TABLE staging.weather_unit IS 'hourly_units of the responses of a load: a unit that changed fails its audit.';
COMMENT ON VIEW audit.weather_answered IS 'What each response of raw.weather_observations was asked for.';
COMMENT ON TABLE raw.wikipedia_pages IS 'MediaWiki Action API responses, one row for each request (a page, a continuation of it, or a look-up by page id).';
COMMENT ON COLUMN raw.wikipedia_pages.attempt IS 'Extraction attempt of the load that fetched this response.';
COMMENT ON COLUMN raw.wikipedia_pages.page_id IS 'The tracked page the response is for.';
COMMENT ON COLUMN raw.wikipedia_pages.problem IS 'What was wrong with the response; NULL for a good one. Only good ones are transformed.';
COMMENT ON VIEW staging.page_response IS
'The responses a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.page_response.landed_by IS 'The load that asked for the response.';
COMMENT ON COLUMN staging.page_response.reading_id IS
'Which reading of the page the response belongs to, by the raw id of the last response: all that one extraction landed of a page. A load that asks has one of each page.';
COMMENT ON COLUMN staging.page.reading_id IS 'The reading, see staging.page_response.';
COMMENT ON COLUMN staging.revision.reading_id IS 'The reading that listed it, see staging.page_response.';
COMMENT ON COLUMN core.wikipedia_page.valid_from IS 'When the response that first showed this version came, UTC.';
COMMENT ON COLUMN core.wikipedia_page.valid_to IS 'When the response that showed the next version came, UTC; NULL for the current one.';
COMMENT ON COLUMN core.revision.removed_at IS
'When a response came that read its time to the end and no longer listed it, UTC; NULL while it is listed. The marts leave it out.';
COMMENT ON VIEW audit.wikipedia_answered IS 'What each response of raw.wikipedia_pages was asked for.';
COMMENT ON VIEW audit.answered IS 'What each stored response was asked for: audit.<source>_answered, united.';
