-- The newest answer that knows a value gives it, and a raw id says which answer is newer: that of a row, or of one of its fields.
ALTER TABLE core.weather ADD COLUMN field_raw_ids bigint [];
COMMENT ON COLUMN core.weather.raw_id IS 'raw.weather_observations row that the values came from; of several, the newest.';
COMMENT ON COLUMN core.weather.field_raw_ids IS
'NULL: every value came from raw_id. Else one raw id for each of the eight values, in the order of the columns; NULL where there is no value.';

-- What is staged was parsed by the transform of before: its loads are to be transformed again. What core has stays.
TRUNCATE staging.weather, staging.page, staging.revision;
UPDATE audit.load
SET staged_at = NULL, audited_at = NULL, status = CASE WHEN status = 'rejected' THEN status ELSE 'extracted' END
WHERE status IN ('staged', 'audited', 'rejected');

-- What a unit of an audit decides about a row.
ALTER TABLE staging.weather
ADD COLUMN is_withheld boolean NOT NULL DEFAULT false,
ADD COLUMN is_in_window boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN staging.weather.is_quarantined IS 'The row is outside a limit.';
COMMENT ON COLUMN staging.weather.is_withheld IS 'The place''s day, as this answer gives it, is not trusted.';
COMMENT ON COLUMN staging.weather.is_in_window IS 'The hour lies in the window of the answer; only such hours are published.';

-- A replay stages a row once for each answer that gives it.
ALTER TABLE audit.quarantine DROP CONSTRAINT quarantine_pkey, ADD PRIMARY KEY (load_id, row_key, expectation, raw_id);

-- What a replay is made of is written down when it is made.
CREATE TABLE audit.load_answer (
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    raw_id bigint NOT NULL,
    PRIMARY KEY (load_id, attempt, raw_id)
);
REVOKE UPDATE ON audit.load_answer FROM dw_loader;
COMMENT ON TABLE audit.load_answer IS 'The stored answers that a replay is made of, as it found them. Other loads are made of the answers that they landed.';
COMMENT ON COLUMN audit.load_answer.attempt IS 'audit.load.attempt of the replay.';
COMMENT ON COLUMN audit.load_answer.raw_id IS 'id of raw.weather_observations or raw.wikipedia_pages, by audit.load.source.';

CREATE VIEW audit.unsettled_load AS
SELECT load_id, source, subject_ids, window_start, window_end
FROM audit.load
WHERE status NOT IN ('published', 'superseded') OR rows_quarantined > 0;
COMMENT ON VIEW audit.unsettled_load IS
'Loads that may yet bring core something of the answers that they are made of: not published, or not all of it.';
CREATE INDEX load_unsettled_idx ON audit.load (source, window_end)
WHERE status NOT IN ('published', 'superseded') OR rows_quarantined > 0;

-- Which extractions were complete: only those are replayed, for pages are read by continuing.
-- The views of before tell what is known of the past.
INSERT INTO audit.load_answer (load_id, attempt, raw_id)
SELECT load.load_id, load.attempt, answer.raw_id
FROM audit.load AS load
INNER JOIN staging.weather_answer AS answer ON load.load_id = answer.load_id
WHERE load.is_replay AND load.source = 'weather' AND load.extracted_at IS NOT NULL
UNION
SELECT load.load_id, load.attempt, answer.raw_id
FROM audit.load AS load
INNER JOIN staging.page_answer AS answer ON load.load_id = answer.load_id
WHERE load.is_replay AND load.source = 'wikipedia' AND load.extracted_at IS NOT NULL;

ALTER VIEW audit.extraction RENAME TO former_extraction;
CREATE TABLE audit.extraction (
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    extracted_at timestamptz NOT NULL,
    unanswered_ids bigint [] NOT NULL DEFAULT '{}',
    PRIMARY KEY (load_id, attempt)
);
REVOKE UPDATE ON audit.extraction FROM dw_loader;
COMMENT ON TABLE audit.extraction IS 'The extractions that came to their end; a page''s answers of one that did not are not replayed.';
COMMENT ON COLUMN audit.extraction.unanswered_ids IS 'Places and pages of which a request brought no answer, or one with a problem that no later answer made up for.';
INSERT INTO audit.extraction (load_id, attempt, extracted_at)
SELECT former.load_id, former.attempt, coalesce(former.extracted_at, load.published_at)
FROM audit.former_extraction AS former
INNER JOIN audit.load AS load ON former.load_id = load.load_id;

-- What was published of each page's windows; never deleted from.
CREATE TABLE audit.published_answer (
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
CREATE INDEX published_answer_time_idx ON audit.published_answer (source, subject_id, window_end);
COMMENT ON TABLE audit.published_answer IS
'Readings that were published: a window of a followed page, read to its end by one extraction. Written by publish; kept when a load is extracted again.';
COMMENT ON COLUMN audit.published_answer.source IS 'wikipedia; the hours of weather tell themselves what was published.';
COMMENT ON COLUMN audit.published_answer.subject_id IS 'page_id.';
COMMENT ON COLUMN audit.published_answer.window_start IS 'First instant that was read, UTC; of a replay, in its own window.';
COMMENT ON COLUMN audit.published_answer.window_end IS 'End of what was read, UTC, exclusive.';
COMMENT ON COLUMN audit.published_answer.wikipedia_page_id IS 'Which page of the wiki was read; NULL for one that it did not have.';
COMMENT ON COLUMN audit.published_answer.answered_at IS 'When the answer came, UTC.';
COMMENT ON COLUMN audit.published_answer.raw_id IS 'The last answer of the reading: of two readings the one with the higher raw_id is the newer.';
COMMENT ON COLUMN audit.published_answer.load_id IS 'The load that published it.';

INSERT INTO audit.published_answer (
    source, subject_id, window_start, window_end, wikipedia_page_id, answered_at, raw_id, load_id
)
SELECT
    load.source, page.page_id, load.window_start, load.window_end, last_answer.wikipedia_page_id,
    coalesce(last_answer.ingested_at, load.published_at), coalesce(last_answer.raw_id, 0), load.load_id
FROM audit.load AS load
CROSS JOIN unnest(load.subject_ids) AS page (page_id)
LEFT JOIN LATERAL (
    SELECT
        max(answer.id) AS raw_id,
        max(answer.ingested_at) AS ingested_at,
        (array_agg(read.wikipedia_page_id ORDER BY answer.id DESC) FILTER (WHERE NOT read.is_missing))[1] AS wikipedia_page_id
    FROM raw.wikipedia_pages AS answer
    CROSS JOIN LATERAL (
        SELECT
            (answer.payload::jsonb #>> '{query,pages,0,pageid}')::bigint AS wikipedia_page_id,
            coalesce((answer.payload::jsonb #>> '{query,pages,0,missing}')::boolean, false) AS is_missing
    ) AS read
    WHERE
        answer.load_id = load.load_id
        AND answer.attempt = load.published_attempt
        AND answer.page_id = page.page_id
        AND answer.problem IS NULL
) AS last_answer ON true
WHERE load.source = 'wikipedia' AND load.published_at IS NOT NULL AND NOT load.is_replay
UNION ALL
SELECT
    load.source, answer.page_id, answer.window_start, answer.window_end, NULL, max(answer.ingested_at), max(answer.raw_id), load.load_id
FROM audit.load AS load
INNER JOIN staging.page_answer AS answer ON load.load_id = answer.load_id
WHERE load.source = 'wikipedia' AND load.published_at IS NOT NULL AND load.is_replay
GROUP BY load.load_id, answer.landed_by, answer.page_id, answer.window_start, answer.window_end;

-- Made anew by the migration of units, 0013.
DROP VIEW audit.coverage;
DROP VIEW staging.weather_expected;
DROP VIEW staging.weather_answer;
DROP VIEW staging.page_answer;
DROP VIEW audit.later_load;
DROP VIEW audit.former_extraction;
DROP INDEX audit.load_published_at_idx;
ALTER TABLE audit.load DROP COLUMN published_as_of;
COMMENT ON COLUMN audit.load.extracted_at IS 'When the last extraction was complete.';

CREATE VIEW staging.weather_answer AS
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.location_id, answer.location_name, answer.payload,
    answer.window_start, answer.window_end
FROM audit.load AS load
INNER JOIN raw.weather_observations AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
WHERE answer.problem IS NULL
UNION ALL
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.location_id, answer.location_name, answer.payload,
    greatest(answer.window_start, load.window_start), least(answer.window_end, load.window_end)
FROM audit.load AS load
INNER JOIN audit.load_answer AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
INNER JOIN raw.weather_observations AS answer ON noted.raw_id = answer.id
WHERE load.is_replay;
COMMENT ON VIEW staging.weather_answer IS
'The answers a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.weather_answer.landed_by IS 'The load that asked for the answer.';
COMMENT ON COLUMN staging.weather_answer.window_start IS 'First hour of the answer that counts, UTC.';
COMMENT ON COLUMN staging.weather_answer.window_end IS 'End of the hours that count, UTC, exclusive.';

CREATE VIEW staging.weather_expected AS
SELECT load.load_id, subject.location_id, load.window_start, load.window_end
FROM audit.load AS load
CROSS JOIN LATERAL unnest(load.subject_ids) AS subject (location_id)
WHERE NOT load.is_replay
UNION ALL
SELECT answer.load_id, answer.location_id, answer.window_start, answer.window_end
FROM audit.load AS load
INNER JOIN staging.weather_answer AS answer ON load.load_id = answer.load_id
WHERE load.is_replay;
COMMENT ON VIEW staging.weather_expected IS
'The windows that must be there hour by hour when a load is audited; of a replay, those of the answers that it found. They may overlap.';

CREATE VIEW staging.page_answer AS
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by,
    max(answer.id) OVER (PARTITION BY load.load_id, answer.load_id, answer.attempt, answer.page_id) AS reading_id,
    answer.page_id, answer.page_title, answer.page_language, answer.payload, answer.ingested_at, answer.window_start, answer.window_end
FROM audit.load AS load
INNER JOIN raw.wikipedia_pages AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
WHERE answer.problem IS NULL
UNION ALL
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by,
    max(answer.id) OVER (PARTITION BY load.load_id, answer.load_id, answer.attempt, answer.page_id) AS reading_id,
    answer.page_id, answer.page_title, answer.page_language, answer.payload, answer.ingested_at,
    greatest(answer.window_start, load.window_start), least(answer.window_end, load.window_end)
FROM audit.load AS load
INNER JOIN audit.load_answer AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
INNER JOIN raw.wikipedia_pages AS answer ON noted.raw_id = answer.id
WHERE load.is_replay;
COMMENT ON VIEW staging.page_answer IS
'The answers a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.page_answer.landed_by IS 'The load that asked for the answer.';
COMMENT ON COLUMN staging.page_answer.reading_id IS
'Which reading of the page the answer belongs to, by the raw id of the last answer: all that one extraction landed of a page. A load that asks has one of each page.';
COMMENT ON COLUMN staging.page_answer.window_start IS 'First instant that was asked for, UTC; of a replay, in its own window.';
COMMENT ON COLUMN staging.page_answer.window_end IS 'End of what was asked for, UTC, exclusive.';

-- Revisions: what is unknown is NULL, what the wiki no longer lists is marked, and each says which page of the wiki had it.
ALTER TABLE core.revision
ALTER COLUMN parent_id DROP NOT NULL,
ALTER COLUMN revision_size_bytes DROP NOT NULL,
ADD COLUMN wikipedia_page_id bigint,
ADD COLUMN removed_at timestamptz,
ADD COLUMN field_raw_ids bigint [];
COMMENT ON COLUMN core.revision.parent_id IS 'revid of the revision before; 0 for the creation of the page; NULL where the wiki does not know it.';
COMMENT ON COLUMN core.revision.revision_user IS 'User name, temporary account or IP address; NULL when hidden or removed, also when that was done later.';
COMMENT ON COLUMN core.revision.is_anonymous IS
'Edited from an IP address; false when the user is hidden, and for imported edits and scripts, which have a name without an account.';
COMMENT ON COLUMN core.revision.revision_size_bytes IS 'Size of the page text after the revision, bytes; NULL where the wiki does not know it.';
COMMENT ON COLUMN core.revision.size_delta_bytes IS
'Size minus the parent''s size, bytes; NULL while the parent is not in the warehouse, or either size is unknown.';
COMMENT ON COLUMN core.revision.revision_comment IS 'Edit summary; NULL when hidden or removed.';
COMMENT ON COLUMN core.revision.sha1 IS 'SHA-1 of the text in hex; NULL when hidden or unknown.';
COMMENT ON COLUMN core.revision.wikipedia_page_id IS 'pageid at that wiki that had the revision; another one after a merge of histories.';
COMMENT ON COLUMN core.revision.removed_at IS
'When an answer came that read its time to the end and no longer listed it, UTC; NULL while it is listed. The marts leave it out.';
COMMENT ON COLUMN core.revision.raw_id IS 'raw.wikipedia_pages row the values came from; of a removed revision, the one that no longer lists it.';
COMMENT ON COLUMN core.revision.field_raw_ids IS
'NULL: every value came from raw_id. Else the raw ids of parent_id, revision_size_bytes and sha1; all others came from raw_id.';
CREATE INDEX revision_page_time_idx ON core.revision (page_id, revision_timestamp);
CREATE INDEX revision_id_idx ON core.revision (revision_id);

CREATE FUNCTION staging.is_ip_address(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- No mask, no zone; only what may be one is tried, for a handler costs more than a comparison.
    RETURN value ~ '^[0-9A-Fa-f:.]+$' AND value::inet IS NOT NULL;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION staging.is_ip_address IS 'Whether a text is an IPv4 or IPv6 address; never an error.';

-- What is known of the past: the page by the answer, sizes that were unknown, and names that were taken for addresses.
UPDATE core.revision AS known
SET wikipedia_page_id = answer.wikipedia_page_id
FROM (
    SELECT page.id AS raw_id, (page.payload::jsonb #>> '{query,pages,0,pageid}')::bigint AS wikipedia_page_id
    FROM raw.wikipedia_pages AS page
    WHERE page.id IN (SELECT revision.raw_id FROM core.revision AS revision)
) AS answer
WHERE known.raw_id = answer.raw_id;
UPDATE core.revision AS known
SET wikipedia_page_id = page.wikipedia_page_id
FROM core.wikipedia_page AS page
WHERE known.wikipedia_page_id IS NULL AND known.page_id = page.page_id AND page.valid_to IS NULL;
UPDATE core.revision
SET revision_size_bytes = NULL, sha1 = NULL, size_delta_bytes = NULL
WHERE revision_size_bytes = 0 AND sha1 = '';
UPDATE core.revision AS child
SET size_delta_bytes = NULL
FROM core.revision AS parent
WHERE child.page_id = parent.page_id AND child.parent_id = parent.revision_id AND parent.revision_size_bytes IS NULL;
UPDATE core.revision
SET is_anonymous = false
WHERE is_anonymous AND staging.is_ip_address(revision_user) IS NOT TRUE;

ALTER TABLE staging.page
ADD COLUMN reading_id bigint NOT NULL,
ADD COLUMN window_start timestamptz NOT NULL,
ADD COLUMN window_end timestamptz NOT NULL,
ADD COLUMN is_withheld boolean NOT NULL DEFAULT false;
ALTER TABLE staging.revision
ALTER COLUMN parent_id DROP NOT NULL,
ALTER COLUMN revision_size_bytes DROP NOT NULL,
ADD COLUMN reading_id bigint NOT NULL,
ADD COLUMN wikipedia_page_id bigint NOT NULL,
ADD COLUMN is_withheld boolean NOT NULL DEFAULT false;
-- Whatever the planner thinks of a load that has just been staged, what it listed is found by its key.
DROP INDEX staging.revision_load_idx;
CREATE INDEX revision_key_idx ON staging.revision (load_id, page_id, revision_id);
COMMENT ON TABLE staging.page IS 'What the wiki says of the pages of a load; one row for each reading of a page, of which a replay may have several.';
COMMENT ON COLUMN staging.page.reading_id IS 'The reading, see staging.page_answer.';
COMMENT ON COLUMN staging.page.is_withheld IS 'The reading is not trusted.';
COMMENT ON COLUMN staging.revision.reading_id IS 'The reading that listed it, see staging.page_answer.';
COMMENT ON COLUMN staging.revision.sha1 IS 'Empty when hidden, NULL when unknown.';
COMMENT ON COLUMN staging.revision.is_quarantined IS 'The row is outside a limit.';
COMMENT ON COLUMN staging.revision.is_withheld IS 'Its reading is not trusted.';

-- A revision is counted once: under the page that has it by the newest answer, and two followed titles of one page are one page.
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
        revision.*
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
-- It shows what this migration has changed.
DELETE FROM audit.mart_due WHERE noted_by = pg_current_xact_id();
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
