-- The loads planned since a moment that failed, or of which nothing was trusted, but where a later one has published all of their window
-- for all their places or pages; the last first.
WITH failed AS (
    SELECT *
    FROM audit.load
    WHERE status IN ('failed', 'rejected') AND planned_at >= %(since)s
),

-- Of the same the last alone, and by day, so that the join below can hash: there may be thousands of both.
later AS MATERIALIZED (
    SELECT published.*, day.day
    FROM (
        SELECT source, subject_ids, window_start, window_end, max(load_id) AS load_id
        FROM audit.load
        WHERE status = 'published' AND load_id > (SELECT min(failed.load_id) FROM failed)
        GROUP BY source, subject_ids, window_start, window_end
    ) AS published
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', published.window_start, 'UTC'), published.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
)

SELECT
    failed.load_id,
    failed.source,
    failed.dag_id,
    failed.run_id,
    failed.is_replay,
    1 AS number,
    failed.planned_at AS moved
FROM failed
WHERE NOT EXISTS (
    SELECT FROM later
    WHERE
        later.source = failed.source
        AND later.day = date_trunc('day', failed.window_start, 'UTC')
        AND later.load_id > failed.load_id
        AND later.window_start <= failed.window_start
        AND later.window_end >= failed.window_end
        AND later.subject_ids @> failed.subject_ids
)
ORDER BY failed.load_id DESC;
