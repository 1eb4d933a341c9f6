-- Replays: loads that are made of the answers that raw already holds. Which answers a load is made of stands in two views here.
-- IF NOT EXISTS: an early 0001 had this column and its index.
ALTER TABLE audit.load
ADD COLUMN is_replay boolean NOT NULL DEFAULT false,
ADD COLUMN IF NOT EXISTS published_as_of timestamptz,
ADD COLUMN published_attempt integer;
CREATE INDEX IF NOT EXISTS load_published_as_of_idx ON audit.load (source, published_as_of);

-- The attempt of a load that was published and then extracted again is known by when its answers came.
WITH landed AS (
    SELECT load_id, attempt, ingested_at FROM raw.weather_observations
    UNION ALL
    SELECT load_id, attempt, ingested_at FROM raw.wikipedia_pages
),

answer AS (
    SELECT load.load_id, max(landed.ingested_at) AS last_came, max(landed.attempt) AS attempt
    FROM audit.load AS load
    INNER JOIN landed ON load.load_id = landed.load_id AND load.published_at >= landed.ingested_at
    GROUP BY load.load_id
)

UPDATE audit.load
SET
    published_as_of = CASE WHEN load.extracted_at <= load.published_at THEN load.extracted_at ELSE answer.last_came END,
    published_attempt = answer.attempt
FROM answer
WHERE load.load_id = answer.load_id;

COMMENT ON COLUMN audit.load.is_replay IS 'The load asked nobody: it is made of the answers that raw held for its subjects and window.';
COMMENT ON COLUMN audit.load.published_at IS 'Last publication; kept when the load is extracted again.';
COMMENT ON COLUMN audit.load.published_attempt IS 'The attempt that was last published; NULL for a load that never was.';
COMMENT ON COLUMN audit.load.rows_raw IS 'Raw rows landed by the last extraction; of a replay, the stored answers it found.';
COMMENT ON COLUMN audit.load.extracted_at IS 'When the last extraction was complete; a replay is made of answers that came no later.';
COMMENT ON COLUMN audit.load.published_as_of IS
'When the answers that were last published had come: an earlier answer never replaces a later one. NULL for a replay, which brings none.';

-- A replay looks for the answers of its places by window, whichever load landed them.
CREATE INDEX weather_observations_window_idx ON raw.weather_observations (location_id, window_end, window_start) WHERE problem IS NULL;
CREATE INDEX wikipedia_pages_window_idx ON raw.wikipedia_pages (page_id, window_end, window_start) WHERE problem IS NULL;

CREATE VIEW audit.extraction AS
SELECT load_id, published_attempt AS attempt, published_as_of AS extracted_at, true AS was_published
FROM audit.load
WHERE published_attempt IS NOT NULL
UNION ALL
SELECT load_id, attempt, extracted_at, false AS was_published
FROM audit.load
WHERE extracted_at IS NOT NULL AND attempt IS DISTINCT FROM published_attempt;
COMMENT ON VIEW audit.extraction IS
'The extractions that were complete and are on record: of each load the one that was published, and the last one.';

CREATE VIEW audit.later_load AS
SELECT load.load_id, later.subject_ids, later.window_start, later.window_end
FROM audit.load AS load
INNER JOIN audit.load AS later ON load.source = later.source AND load.extracted_at < later.published_as_of
WHERE NOT load.is_replay
UNION ALL
SELECT load.load_id, later.subject_ids, later.window_start, later.window_end
FROM audit.load AS load
INNER JOIN audit.load AS later ON load.source = later.source AND load.extracted_at < later.published_at AND NOT later.is_replay
WHERE load.is_replay;
COMMENT ON VIEW audit.later_load IS
'What each load leaves to others: the subjects and windows that were published with later answers, or since a replay looked for answers.';

CREATE VIEW staging.weather_answer AS
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.location_id, answer.location_name, answer.payload,
    answer.window_start, answer.window_end, load.extracted_at, false AS was_published
FROM audit.load AS load
INNER JOIN raw.weather_observations AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
WHERE answer.problem IS NULL
UNION ALL
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.location_id, answer.location_name, answer.payload,
    greatest(answer.window_start, load.window_start), least(answer.window_end, load.window_end),
    extraction.extracted_at, extraction.was_published
FROM audit.load AS load
INNER JOIN raw.weather_observations AS answer
    ON
        answer.location_id = ANY(load.subject_ids)
        AND load.window_start < answer.window_end
        AND load.window_end > answer.window_start
        AND answer.ingested_at <= coalesce(load.extracted_at, 'infinity')
INNER JOIN audit.extraction AS extraction ON answer.load_id = extraction.load_id AND answer.attempt = extraction.attempt
WHERE load.is_replay AND answer.problem IS NULL;
COMMENT ON VIEW staging.weather_answer IS
'The answers a load is made of: those of its last extraction; of a replay those that raw held for its places and window.';
COMMENT ON COLUMN staging.weather_answer.landed_by IS 'The load that asked for the answer.';
COMMENT ON COLUMN staging.weather_answer.window_start IS 'First hour of the answer that counts, UTC.';
COMMENT ON COLUMN staging.weather_answer.window_end IS 'End of the hours that count, UTC, exclusive.';
COMMENT ON COLUMN staging.weather_answer.extracted_at IS 'When the extraction that the answer belongs to was complete.';
COMMENT ON COLUMN staging.weather_answer.was_published IS 'A replay''s: the load that asked published this answer.';

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
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.page_id, answer.page_title, answer.page_language,
    answer.payload, answer.ingested_at, '-infinity'::timestamptz AS window_start, 'infinity'::timestamptz AS window_end,
    load.extracted_at, false AS was_published
FROM audit.load AS load
INNER JOIN raw.wikipedia_pages AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
WHERE answer.problem IS NULL
UNION ALL
SELECT
    load.load_id, answer.id AS raw_id, answer.load_id AS landed_by, answer.page_id, answer.page_title, answer.page_language,
    answer.payload, answer.ingested_at, greatest(answer.window_start, load.window_start), least(answer.window_end, load.window_end),
    extraction.extracted_at, extraction.was_published
FROM audit.load AS load
INNER JOIN raw.wikipedia_pages AS answer
    ON
        answer.page_id = ANY(load.subject_ids)
        AND load.window_start < answer.window_end
        AND load.window_end > answer.window_start
        AND answer.ingested_at <= coalesce(load.extracted_at, 'infinity')
INNER JOIN audit.extraction AS extraction ON answer.load_id = extraction.load_id AND answer.attempt = extraction.attempt
WHERE load.is_replay AND answer.problem IS NULL;
COMMENT ON VIEW staging.page_answer IS
'The answers a load is made of: those of its last extraction; of a replay those that raw held for its pages and window.';
COMMENT ON COLUMN staging.page_answer.landed_by IS 'The load that asked for the answer.';
COMMENT ON COLUMN staging.page_answer.window_start IS 'First instant that counts, UTC; all of a load''s own answer does: its audit refuses what lies outside.';
COMMENT ON COLUMN staging.page_answer.window_end IS 'End of what counts, UTC, exclusive.';
COMMENT ON COLUMN staging.page_answer.extracted_at IS 'When the extraction that the answer belongs to was complete.';
COMMENT ON COLUMN staging.page_answer.was_published IS 'A replay''s: the load that asked published this answer.';
