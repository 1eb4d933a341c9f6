-- The loads that set rows aside since a moment, but where a later one published their window without any, and how many rows; the last first.
SELECT
    load.load_id,
    load.source,
    load.dag_id,
    load.run_id,
    load.is_replay,
    count(DISTINCT quarantine.row_key) AS number,
    max(quarantine.quarantined_at) AS moved
FROM audit.quarantine AS quarantine
INNER JOIN audit.load AS load ON quarantine.load_id = load.load_id
WHERE
    quarantine.quarantined_at >= %(since)s
    AND load.status = 'published'
    AND NOT EXISTS (
        SELECT FROM audit.load AS later
        WHERE
            later.source = load.source
            AND later.load_id > load.load_id
            AND later.status = 'published'
            AND later.rows_quarantined = 0
            AND later.window_start <= load.window_start
            AND later.window_end >= load.window_end
            AND later.subject_ids @> load.subject_ids
    )
GROUP BY load.load_id
ORDER BY load.load_id DESC;
