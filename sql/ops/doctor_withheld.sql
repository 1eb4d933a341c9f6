-- The loads that withheld units since a moment which no later load has published, and how many; the last first.
SELECT
    load.load_id,
    load.source,
    load.dag_id,
    load.run_id,
    load.is_replay,
    count(*) AS number,
    max(withheld.withheld_at) AS moved
FROM audit.withheld AS withheld
INNER JOIN audit.load AS load ON withheld.load_id = load.load_id
WHERE
    withheld.withheld_at >= %(since)s
    AND load.status IN ('published', 'rejected')
    AND NOT EXISTS (
        SELECT FROM audit.load AS later
        WHERE
            later.source = withheld.source
            AND later.load_id > withheld.load_id
            AND later.status = 'published'
            AND withheld.subject_id = ANY(later.subject_ids)
            -- A day is withheld as a whole, also where the window cuts it.
            AND later.window_start <= greatest(withheld.span_start, load.window_start)
            AND later.window_end >= least(withheld.span_end, load.window_end)
            AND NOT EXISTS (
                SELECT FROM audit.withheld AS still
                WHERE
                    still.load_id = later.load_id
                    AND still.subject_id = withheld.subject_id
                    AND still.span_start < withheld.span_end
                    AND still.span_end > withheld.span_start
            )
    )
GROUP BY load.load_id
ORDER BY load.load_id DESC;
