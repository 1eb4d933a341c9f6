-- Writes down the stored answers that a replay is made of: all readings of its pages that came to their end without a problem,
-- whatever became of the loads that landed them, for each is judged anew. Returns how many answers there are, and the pages of the replay in words.
WITH reading AS (
    SELECT DISTINCT extraction.load_id, extraction.attempt, answer.page_id
    FROM audit.load AS load
    INNER JOIN raw.wikipedia_pages AS answer
        ON
            answer.page_id = ANY(load.subject_ids)
            AND load.window_start < answer.window_end
            AND load.window_end > answer.window_start
    INNER JOIN audit.extraction AS extraction ON answer.load_id = extraction.load_id AND answer.attempt = extraction.attempt
    WHERE load.load_id = %(load_id)s AND answer.problem IS NULL AND answer.page_id <> ALL(extraction.unanswered_ids)
),

-- The last answer is a good one, and nothing follows it: the key "continue" stands in no other place.
complete AS (
    SELECT reading.load_id, reading.attempt, reading.page_id
    FROM reading
    CROSS JOIN LATERAL (
        SELECT answer.problem, answer.payload
        FROM raw.wikipedia_pages AS answer
        WHERE answer.load_id = reading.load_id AND answer.attempt = reading.attempt AND answer.page_id = reading.page_id
        ORDER BY answer.id DESC
        LIMIT 1
    ) AS last_answer
    WHERE last_answer.problem IS NULL AND last_answer.payload !~ '"continue"\s*:'
),

found AS (
    INSERT INTO audit.load_answer (load_id, attempt, raw_id)
    SELECT load.load_id, load.attempt, answer.id
    FROM complete
    INNER JOIN audit.load AS load ON load.load_id = %(load_id)s
    INNER JOIN raw.wikipedia_pages AS answer
        ON
            complete.load_id = answer.load_id
            AND complete.attempt = answer.attempt
            AND complete.page_id = answer.page_id
    WHERE answer.problem IS NULL
    RETURNING raw_id
)

SELECT
    (SELECT count(*) FROM found) AS answers,
    'pages ' || string_agg(tracked.page_language || ':' || tracked.page_title, ', ' ORDER BY tracked.page_id) AS subjects
FROM audit.load AS load
INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;
