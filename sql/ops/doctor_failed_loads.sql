-- The loads planned since a moment that failed, or of which nothing was trusted, but where a later one has published all of their window
-- for all their places or pages; the last first.
SELECT
    load.load_id,
    load.source,
    load.dag_id,
    load.run_id,
    load.is_replay,
    1 AS number,
    load.planned_at AS moved
FROM audit.load AS load
WHERE
    load.status IN ('failed', 'rejected')
    AND load.planned_at >= %(since)s
    AND NOT EXISTS (
        SELECT FROM audit.load AS later
        WHERE
            later.source = load.source
            AND later.load_id > load.load_id
            AND later.status = 'published'
            AND later.window_start <= load.window_start
            AND later.window_end >= load.window_end
            AND later.subject_ids @> load.subject_ids
    )
ORDER BY load.load_id DESC;
