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
