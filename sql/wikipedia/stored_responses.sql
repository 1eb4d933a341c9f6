-- Writes down the stored responses that a replay is made of: all readings of its pages that came to their end without a problem,
-- whatever became of the loads that landed them, for each is judged anew. Returns how many responses there are, and the pages of the replay in words.
WITH reading AS (
    SELECT DISTINCT extraction.load_id, extraction.attempt, response.page_id
    FROM audit.load AS load
    INNER JOIN raw.wikipedia_pages AS response
        ON
            response.page_id = ANY(load.subject_ids)
            AND load.window_start < response.window_end
            AND load.window_end > response.window_start
    INNER JOIN audit.extraction AS extraction ON response.load_id = extraction.load_id AND response.attempt = extraction.attempt
    WHERE load.load_id = %(load_id)s AND response.problem IS NULL AND response.page_id <> ALL(extraction.unanswered_ids)
),

-- The last response is a good one, and nothing follows it: the key "continue" stands in no other place.
complete AS (
    SELECT reading.load_id, reading.attempt, reading.page_id
    FROM reading
    CROSS JOIN LATERAL (
        SELECT response.problem, response.payload
        FROM raw.wikipedia_pages AS response
        WHERE response.load_id = reading.load_id AND response.attempt = reading.attempt AND response.page_id = reading.page_id
        ORDER BY response.id DESC
        LIMIT 1
    ) AS last_response
    WHERE last_response.problem IS NULL AND last_response.payload !~ '"continue"\s*:'
),

found AS (
    INSERT INTO audit.load_response (load_id, attempt, raw_id)
    SELECT load.load_id, load.attempt, response.id
    FROM complete
    INNER JOIN audit.load AS load ON load.load_id = %(load_id)s
    INNER JOIN raw.wikipedia_pages AS response
        ON
            complete.load_id = response.load_id
            AND complete.attempt = response.attempt
            AND complete.page_id = response.page_id
    WHERE response.problem IS NULL
    RETURNING raw_id
)

SELECT
    (SELECT count(*) FROM found) AS responses,
    'pages ' || string_agg(tracked.page_language || ':' || tracked.page_title, ', ' ORDER BY tracked.page_id) AS subjects
FROM audit.load AS load
INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;
