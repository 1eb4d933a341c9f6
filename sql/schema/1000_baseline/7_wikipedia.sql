-- Wikipedia: from the responses of MediaWiki to the history of each page, its revisions, and the mart.

-- raw
CREATE TABLE raw.wikipedia_pages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    page_id bigint NOT NULL,
    page_title text NOT NULL,
    page_language text NOT NULL,
    source text NOT NULL,
    url text NOT NULL,
    http_status integer NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    payload text NOT NULL,
    payload_encoding text NOT NULL DEFAULT 'utf-8' CHECK (payload_encoding IN ('utf-8', 'base64')),
    problem text,
    ingested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX wikipedia_pages_load_idx ON raw.wikipedia_pages (load_id, attempt);
-- A replay looks for the responses of its pages by window, whichever load landed them.
CREATE INDEX wikipedia_pages_window_idx ON raw.wikipedia_pages (page_id, window_end, window_start) WHERE problem IS NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON raw.wikipedia_pages
FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();

COMMENT ON TABLE raw.wikipedia_pages IS 'MediaWiki Action API responses, one row for each request (a page, a continuation of it, or a look-up by page id).';
COMMENT ON COLUMN raw.wikipedia_pages.attempt IS 'Extraction attempt of the load that fetched this response.';
COMMENT ON COLUMN raw.wikipedia_pages.page_id IS 'The tracked page the response is for.';
COMMENT ON COLUMN raw.wikipedia_pages.page_title IS 'Title as asked for.';
COMMENT ON COLUMN raw.wikipedia_pages.source IS 'Airflow connection that answered: mediawiki.';
COMMENT ON COLUMN raw.wikipedia_pages.url IS 'The request, without credentials.';
COMMENT ON COLUMN raw.wikipedia_pages.window_start IS 'First instant asked for, UTC.';
COMMENT ON COLUMN raw.wikipedia_pages.window_end IS 'End of the window asked for, UTC, exclusive.';
COMMENT ON COLUMN raw.wikipedia_pages.payload IS 'The body after HTTP content decoding, byte for byte.';
COMMENT ON COLUMN raw.wikipedia_pages.payload_encoding IS 'base64 for a body that PostgreSQL text cannot hold (not UTF-8, or with a NUL byte).';
COMMENT ON COLUMN raw.wikipedia_pages.problem IS 'What was wrong with the response; NULL for a good one. Only good ones are transformed.';

-- staging
CREATE VIEW staging.page_response AS
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
COMMENT ON VIEW staging.page_response IS
'The responses a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.page_response.landed_by IS 'The load that asked for the response.';
COMMENT ON COLUMN staging.page_response.reading_id IS
'Which reading of the page the response belongs to, by the raw id of the last response: all that one extraction landed of a page. A load that asks has one of each page.';
COMMENT ON COLUMN staging.page_response.window_start IS 'First instant that was asked for, UTC; of a replay, in its own window.';
COMMENT ON COLUMN staging.page_response.window_end IS 'End of what was asked for, UTC, exclusive.';

CREATE TABLE staging.page (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    reading_id bigint NOT NULL,
    page_id bigint NOT NULL,
    wikipedia_page_id bigint,
    page_title text NOT NULL,
    namespace integer NOT NULL,
    page_language text NOT NULL,
    is_redirect boolean NOT NULL,
    is_missing boolean NOT NULL,
    seen_at timestamptz NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    is_withheld boolean NOT NULL DEFAULT false
);
CREATE INDEX page_load_idx ON staging.page (load_id);
COMMENT ON TABLE staging.page IS 'What the wiki says of the pages of a load; one row for each reading of a page, of which a replay may have several.';
COMMENT ON COLUMN staging.page.reading_id IS 'The reading, see staging.page_response.';
COMMENT ON COLUMN staging.page.is_withheld IS 'The reading is not trusted.';

CREATE TABLE staging.revision (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    reading_id bigint NOT NULL,
    page_id bigint NOT NULL,
    wikipedia_page_id bigint NOT NULL,
    revision_id bigint NOT NULL,
    parent_id bigint,
    revision_timestamp timestamptz NOT NULL,
    revision_user text,
    is_minor boolean NOT NULL,
    is_anonymous boolean NOT NULL,
    is_temporary boolean NOT NULL,
    revision_size_bytes bigint,
    revision_comment text,
    tags text [] NOT NULL,
    sha1 text,
    is_quarantined boolean NOT NULL DEFAULT false,
    is_withheld boolean NOT NULL DEFAULT false
);
-- Whatever the planner thinks of a load that has just been staged, what it listed is found by its key.
CREATE INDEX revision_key_idx ON staging.revision (load_id, page_id, revision_id);
COMMENT ON TABLE staging.revision IS 'Revisions of the loads on their way to core.revision.';
COMMENT ON COLUMN staging.revision.reading_id IS 'The reading that listed it, see staging.page_response.';
COMMENT ON COLUMN staging.revision.sha1 IS 'Empty when hidden, NULL when unknown.';
COMMENT ON COLUMN staging.revision.is_quarantined IS 'The row is outside a limit.';
COMMENT ON COLUMN staging.revision.is_withheld IS 'Its reading is not trusted.';

CREATE FUNCTION staging.is_ip_address(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- No mask, no zone; only what may be one is tried, for a handler costs more than a comparison.
    RETURN value ~ '^[0-9A-Fa-f:.]+$' AND value::inet IS NOT NULL;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION staging.is_ip_address IS 'Whether a text is an IPv4 or IPv6 address; never an error.';

-- core: what the wiki says of a page, in type-2 history.
CREATE TABLE core.wikipedia_page (
    page_id bigint NOT NULL REFERENCES core.tracked_page,
    wikipedia_page_id bigint,
    page_title text NOT NULL,
    namespace integer NOT NULL,
    page_language text NOT NULL,
    is_redirect boolean NOT NULL,
    is_missing boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    is_current boolean NOT NULL GENERATED ALWAYS AS (valid_to IS NULL) STORED,
    raw_id bigint NOT NULL,
    load_id bigint NOT NULL,
    PRIMARY KEY (page_id, valid_from),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX wikipedia_page_current_idx ON core.wikipedia_page (page_id) WHERE valid_to IS NULL;
GRANT INSERT, UPDATE ON core.wikipedia_page TO dw_loader;
CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.wikipedia_page
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('wikipedia');

COMMENT ON TABLE core.wikipedia_page IS 'What Wikipedia said of a tracked page, and from when to when (type-2 history): renames, moves, redirects, deletion.';
COMMENT ON COLUMN core.wikipedia_page.page_id IS 'core.tracked_page; the same in all versions of a page.';
COMMENT ON COLUMN core.wikipedia_page.wikipedia_page_id IS 'pageid at that wiki; survives a move; NULL for a page that was never seen.';
COMMENT ON COLUMN core.wikipedia_page.namespace IS 'MediaWiki namespace number; 0 is an article.';
COMMENT ON COLUMN core.wikipedia_page.is_redirect IS 'The page itself is a redirect now.';
COMMENT ON COLUMN core.wikipedia_page.is_missing IS 'The wiki has no such page (any more): deleted, or a wrong title.';
COMMENT ON COLUMN core.wikipedia_page.valid_from IS 'When the response that first showed this version came, UTC.';
COMMENT ON COLUMN core.wikipedia_page.valid_to IS 'When the response that showed the next version came, UTC; NULL for the current one.';

-- core: revisions. What is unknown is NULL, what the wiki no longer lists is marked, and each says which page of the wiki had it.
CREATE TABLE core.revision (
    page_id bigint NOT NULL REFERENCES core.tracked_page,
    wikipedia_page_id bigint,
    revision_id bigint NOT NULL,
    parent_id bigint,
    revision_timestamp timestamptz NOT NULL,
    revision_user text,
    is_minor boolean NOT NULL,
    is_anonymous boolean NOT NULL,
    is_temporary boolean NOT NULL,
    revision_size_bytes bigint,
    size_delta_bytes bigint,
    revision_comment text,
    tags text [] NOT NULL,
    sha1 text,
    removed_at timestamptz,
    raw_id bigint NOT NULL,
    field_raw_ids bigint [],
    load_id bigint NOT NULL,
    PRIMARY KEY (page_id, revision_id)
);
CREATE INDEX revision_parent_idx ON core.revision (page_id, parent_id);
CREATE INDEX revision_time_idx ON core.revision (revision_timestamp);
CREATE INDEX revision_page_time_idx ON core.revision (page_id, revision_timestamp);
CREATE INDEX revision_id_idx ON core.revision (revision_id);
GRANT INSERT, UPDATE ON core.revision TO dw_loader;
CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.revision
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('wikipedia');

COMMENT ON TABLE core.revision IS 'Revisions of the tracked pages. Text of Wikipedia, CC BY-SA 4.0.';
COMMENT ON COLUMN core.revision.wikipedia_page_id IS 'pageid at that wiki that had the revision; another one after a merge of histories.';
COMMENT ON COLUMN core.revision.revision_id IS 'revid at that wiki; not monotonic in time.';
COMMENT ON COLUMN core.revision.parent_id IS 'revid of the revision before; 0 for the creation of the page; NULL where the wiki does not know it.';
COMMENT ON COLUMN core.revision.revision_timestamp IS 'When it was saved, UTC.';
COMMENT ON COLUMN core.revision.revision_user IS 'User name, temporary account or IP address; NULL when hidden or removed, also when that was done later.';
COMMENT ON COLUMN core.revision.is_anonymous IS
'Edited from an IP address; false when the user is hidden, and for imported edits and scripts, which have a name without an account.';
COMMENT ON COLUMN core.revision.is_temporary IS 'Edited by a temporary account; false when the user is hidden.';
COMMENT ON COLUMN core.revision.revision_size_bytes IS 'Size of the page text after the revision, bytes; NULL where the wiki does not know it.';
COMMENT ON COLUMN core.revision.size_delta_bytes IS
'Size minus the parent''s size, bytes; NULL while the parent is not in the warehouse, or either size is unknown.';
COMMENT ON COLUMN core.revision.revision_comment IS 'Edit summary; NULL when hidden or removed.';
COMMENT ON COLUMN core.revision.sha1 IS 'SHA-1 of the text in hex; NULL when hidden or unknown.';
COMMENT ON COLUMN core.revision.removed_at IS
'When a response came that read its time to the end and no longer listed it, UTC; NULL while it is listed. The marts leave it out.';
COMMENT ON COLUMN core.revision.raw_id IS 'raw.wikipedia_pages row the values came from; of a removed revision, the one that no longer lists it.';
COMMENT ON COLUMN core.revision.field_raw_ids IS
'NULL: every value came from raw_id. Else the raw ids of parent_id, revision_size_bytes and sha1; all others came from raw_id.';
COMMENT ON COLUMN core.revision.load_id IS 'audit.load that last changed the row.';

-- mart: a revision is counted once: under the page that has it by the newest response, and two followed titles of one page are one page.
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

-- audit: what audit.coverage reads of every source.
CREATE VIEW audit.wikipedia_followed AS
SELECT page.page_id AS subject_id, page.page_language || ':' || page.page_title AS subject, tstzrange(catchup.start_date, now()) AS span
FROM audit.catchup AS catchup
CROSS JOIN core.tracked_page AS page
WHERE catchup.source = 'wikipedia' AND catchup.start_date < now() AND page.is_active;
COMMENT ON VIEW audit.wikipedia_followed IS 'Pages that are followed, and the time that is due of each.';

-- A page may have no edits: only what was published of its windows tells.
CREATE VIEW audit.wikipedia_present AS
SELECT subject_id, range_agg(tstzrange(window_start, window_end)) AS spans
FROM audit.published_response
WHERE source = 'wikipedia'
GROUP BY subject_id;
COMMENT ON VIEW audit.wikipedia_present IS 'The windows of each page that were read and published.';

CREATE VIEW audit.wikipedia_answered AS
SELECT id AS raw_id, page_id AS subject_id, window_start, window_end
FROM raw.wikipedia_pages;
COMMENT ON VIEW audit.wikipedia_answered IS 'What each response of raw.wikipedia_pages was asked for.';

-- A window without one of its revisions is loaded all the same.
CREATE VIEW audit.wikipedia_set_aside AS
SELECT NULL::bigint AS load_id, NULL::bigint AS subject_id, NULL::tstzrange AS span, NULL::text AS limits
WHERE false;
COMMENT ON VIEW audit.wikipedia_set_aside IS 'Empty: revisions that are set aside leave no time without data.';
