-- The loads that set rows aside since a moment, but where a later one published their window without any, and how many rows; the last first.
WITH stained AS (
    SELECT
        load.load_id, load.source, load.dag_id, load.run_id, load.is_replay, load.subject_ids, load.window_start, load.window_end,
        count(DISTINCT quarantine.row_key) AS number,
        max(quarantine.quarantined_at) AS moved
    FROM audit.quarantine AS quarantine
    INNER JOIN audit.load AS load ON quarantine.load_id = load.load_id
    WHERE quarantine.quarantined_at >= %(since)s AND load.status = 'published'
    GROUP BY load.load_id
),

-- Of the same the last alone, and by day, so that the join below can hash: there may be thousands of both.
later AS MATERIALIZED (
    SELECT published.*, day.day
    FROM (
        SELECT source, subject_ids, window_start, window_end, max(load_id) AS load_id
        FROM audit.load
        WHERE status = 'published' AND rows_quarantined = 0 AND load_id > (SELECT min(stained.load_id) FROM stained)
        GROUP BY source, subject_ids, window_start, window_end
    ) AS published
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', published.window_start, 'UTC'), published.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
)

SELECT
    stained.load_id,
    stained.source,
    stained.dag_id,
    stained.run_id,
    stained.is_replay,
    stained.number,
    stained.moved
FROM stained
WHERE NOT EXISTS (
    SELECT FROM later
    WHERE
        later.source = stained.source
        AND later.day = date_trunc('day', stained.window_start, 'UTC')
        AND later.load_id > stained.load_id
        AND later.window_start <= stained.window_start
        AND later.window_end >= stained.window_end
        AND later.subject_ids @> stained.subject_ids
)
ORDER BY stained.load_id DESC;
