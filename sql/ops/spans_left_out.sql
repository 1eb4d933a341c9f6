-- The spans of time that a run left out, and of which places or pages: of a load that was not published all, else the units it withheld. What
-- follows each other is one span; the first of them, and how many there are.
WITH planned AS (
    SELECT *
    FROM audit.load
    WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s AND status <> 'superseded'
),

left_out AS (
    SELECT subject.subject_id, tstzrange(planned.window_start, planned.window_end) AS span
    FROM planned
    CROSS JOIN LATERAL unnest(planned.subject_ids) AS subject (subject_id)
    WHERE planned.status NOT IN ('published', 'rejected')
    UNION ALL
    SELECT withheld.subject_id, tstzrange(withheld.span_start, withheld.span_end) AS span
    FROM planned
    INNER JOIN audit.withheld AS withheld ON planned.load_id = withheld.load_id
    WHERE planned.status IN ('published', 'rejected')
),

spans AS (
    SELECT left_out.subject_id, unnest(range_agg(left_out.span)) AS span
    FROM left_out
    GROUP BY left_out.subject_id
)

SELECT
    lower(spans.span) AS span_start,
    upper(spans.span) AS span_end,
    array_agg(spans.subject_id ORDER BY spans.subject_id) AS subject_ids,
    count(*) OVER () AS number
FROM spans
GROUP BY spans.span
ORDER BY spans.span
LIMIT %(most)s;
