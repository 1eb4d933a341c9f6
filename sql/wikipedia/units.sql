-- The units of a load, one page of one extraction, and what the audit asks of each. Of a replay each has the part of its window that
-- the extraction read.
WITH response AS (
    SELECT response.raw_id, response.page_id, stored.load_id AS landed_by, stored.attempt, stored.window_start, stored.window_end
    FROM staging.page_response AS response
    INNER JOIN raw.wikipedia_pages AS stored ON response.raw_id = stored.id
    WHERE response.load_id = %(load_id)s
),

-- What is wrong with one response of a page is wrong with all that this extraction has of the page.
found AS (
    SELECT page_id, landed_by, attempt, raw_id, window_start, window_end, NULL AS problem
    FROM response
    UNION ALL
    SELECT
        problem.subject_id, coalesce(stored.load_id, load.load_id), coalesce(stored.attempt, load.attempt), problem.raw_id,
        problem.window_start, problem.window_end, problem.problem
    FROM staging.problem
    INNER JOIN audit.load AS load ON problem.load_id = load.load_id
    LEFT JOIN raw.wikipedia_pages AS stored ON problem.raw_id = stored.id
    WHERE problem.load_id = %(load_id)s
),

unit AS (
    SELECT
        page_id,
        landed_by,
        attempt,
        coalesce(array_agg(DISTINCT raw_id) FILTER (WHERE raw_id IS NOT NULL), '{}') AS raw_ids,
        max(raw_id) FILTER (WHERE problem IS NULL) AS reading_id,
        min(window_start) AS window_start,
        max(window_end) AS window_end,
        string_agg(DISTINCT problem, '; ') AS problem
    FROM found
    GROUP BY page_id, landed_by, attempt
    UNION ALL
    SELECT page.page_id, NULL, NULL, '{}', NULL, NULL, NULL, 'no response was landed'
    FROM audit.load AS load
    CROSS JOIN LATERAL unnest(load.subject_ids) AS page (page_id)
    WHERE load.load_id = %(load_id)s AND NOT load.is_replay AND page.page_id NOT IN (SELECT found.page_id FROM found)
),

measured AS (
    SELECT
        response.page_id,
        response.landed_by,
        response.attempt,
        count(*) AS rows_staged,
        count(*) - count(DISTINCT staged.revision_id) AS twice,
        count(*) FILTER (WHERE staged.is_quarantined) AS rows_set_aside,
        count(*) FILTER (
            WHERE staged.revision_timestamp < response.window_start OR staged.revision_timestamp >= response.window_end
        ) AS outside_window,
        min(staged.revision_size_bytes)::float8 AS lowest_revision_size_bytes,
        max(staged.revision_size_bytes)::float8 AS highest_revision_size_bytes
    FROM staging.revision AS staged
    INNER JOIN response ON staged.raw_id = response.raw_id AND staged.page_id = response.page_id
    WHERE staged.load_id = %(load_id)s
    GROUP BY response.page_id, response.landed_by, response.attempt
),

-- Those of the load alone: joined with all, a load of fifty pages reads every one that is followed.
tracked AS (
    SELECT tracked.page_id, tracked.page_language || ':' || tracked.page_title AS title
    FROM audit.load AS load
    INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
    WHERE load.load_id = %(load_id)s
)

SELECT
    unit.raw_ids,
    unit.page_id AS subject_id,
    tracked.title AS subject,
    tracked.title AS name,
    greatest(load.window_start, CASE WHEN load.is_replay THEN unit.window_start END) AS span_start,
    least(load.window_end, CASE WHEN load.is_replay THEN unit.window_end END) AS span_end,
    coalesce(unit.problem, CASE WHEN page.page_id IS NULL THEN 'no response tells of the page' END) AS problem,
    coalesce(measured.rows_staged, 0) AS rows_staged,
    coalesce(measured.outside_window, 0) AS outside_window,
    coalesce(measured.twice, 0) AS twice,
    CASE
        WHEN measured.rows_set_aside > greatest(1, measured.rows_staged * %(most_set_aside)s) THEN measured.rows_set_aside ELSE 0
    END AS too_many_set_aside,
    CASE WHEN page.is_missing THEN 'missing' WHEN page.is_redirect THEN 'a redirect' END AS vanished,
    -- As core has the other titles, and as this load found them: core knows none of those that are met for the first time.
    (
        SELECT string_agg(other.page_language || ':' || other.page_title, ', ' ORDER BY other.page_id)
        FROM core.tracked_page AS other
        WHERE
            other.is_active
            AND other.page_id <> unit.page_id
            AND other.page_id IN (
                SELECT present.page_id
                FROM core.wikipedia_page AS present
                WHERE
                    present.valid_to IS NULL
                    AND present.page_language = page.page_language
                    AND present.wikipedia_page_id = page.wikipedia_page_id
                UNION
                SELECT met.page_id
                FROM staging.page AS met
                WHERE
                    met.load_id = %(load_id)s
                    AND met.page_language = page.page_language
                    AND met.wikipedia_page_id = page.wikipedia_page_id
            )
    ) AS followed_as,
    measured.lowest_revision_size_bytes,
    measured.highest_revision_size_bytes
FROM unit
INNER JOIN audit.load AS load ON load.load_id = %(load_id)s
LEFT JOIN tracked ON unit.page_id = tracked.page_id
LEFT JOIN staging.page AS page
    ON page.load_id = %(load_id)s AND unit.page_id = page.page_id AND unit.reading_id = page.reading_id
LEFT JOIN measured
    ON unit.page_id = measured.page_id AND unit.landed_by = measured.landed_by AND unit.attempt = measured.attempt
ORDER BY unit.page_id, unit.landed_by, unit.attempt;
