-- The loads that withheld units since a moment which no later load has published, and how many; the last first.
WITH unit AS (
    SELECT
        load.load_id, load.source, load.dag_id, load.run_id, load.is_replay,
        withheld.subject_id, withheld.span_start, withheld.span_end, withheld.withheld_at,
        -- A day is withheld as a whole, also where the window cuts it.
        greatest(withheld.span_start, load.window_start) AS first_hour,
        least(withheld.span_end, load.window_end) AS end_hour
    FROM audit.withheld AS withheld
    INNER JOIN audit.load AS load ON withheld.load_id = load.load_id
    WHERE withheld.withheld_at >= %(since)s AND load.status IN ('published', 'rejected')
),

-- By day, so that the join below can hash: there may be thousands of loads, and as many units.
later AS MATERIALIZED (
    SELECT load.source, day.day, load.load_id, load.subject_ids, load.window_start, load.window_end
    FROM audit.load AS load
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', load.window_start, 'UTC'), load.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
    WHERE load.status = 'published' AND load.load_id > (SELECT min(unit.load_id) FROM unit)
),

-- The last load that has published the same: of each once, however many loads withheld it.
trusted AS (
    SELECT same.source, same.subject_id, same.first_hour, same.end_hour, same.span_start, same.span_end, max(later.load_id) AS load_id
    FROM (SELECT DISTINCT source, subject_id, first_hour, end_hour, span_start, span_end FROM unit) AS same
    INNER JOIN later ON same.source = later.source AND date_trunc('day', same.first_hour, 'UTC') = later.day
    WHERE
        same.subject_id = ANY(later.subject_ids)
        AND later.window_start <= same.first_hour
        AND later.window_end >= same.end_hour
        AND NOT EXISTS (
            SELECT FROM audit.withheld AS still
            WHERE
                still.load_id = later.load_id
                AND still.subject_id = same.subject_id
                AND still.span_start < same.span_end
                AND still.span_end > same.span_start
        )
    GROUP BY same.source, same.subject_id, same.first_hour, same.end_hour, same.span_start, same.span_end
)

SELECT
    load_id,
    source,
    dag_id,
    run_id,
    is_replay,
    count(*) AS number,
    max(withheld_at) AS moved
FROM unit
WHERE NOT EXISTS (
    SELECT FROM trusted
    WHERE
        unit.source = trusted.source
        AND unit.subject_id = trusted.subject_id
        AND unit.first_hour = trusted.first_hour
        AND unit.end_hour = trusted.end_hour
        AND unit.span_start = trusted.span_start
        AND unit.span_end = trusted.span_end
        AND trusted.load_id > unit.load_id
)
GROUP BY load_id, source, dag_id, run_id, is_replay
ORDER BY load_id DESC;
