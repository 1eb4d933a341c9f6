-- The loads that have not ended and that no later one makes up for, and when one of their run last got a step further: a load waits
-- while others of its run are at work.
SELECT
    load.load_id,
    load.source,
    load.dag_id,
    load.run_id,
    load.is_replay,
    0 AS number,
    run.moved
FROM audit.load AS load
CROSS JOIN LATERAL (
    SELECT
        max(greatest(
            every.planned_at, every.extracted_at, every.staged_at, every.audited_at, every.published_at,
            (SELECT max(extraction.extracted_at) FROM audit.extraction AS extraction WHERE extraction.load_id = every.load_id)
        )) AS moved
    FROM audit.load AS every
    WHERE every.dag_id = load.dag_id AND every.run_id = load.run_id
) AS run
WHERE
    load.status IN ('planned', 'extracting', 'extracted', 'staged', 'audited')
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
ORDER BY run.moved, load.load_id;
