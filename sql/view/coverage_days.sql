-- The UTC days [first_day, end_day) of some subjects of a source: how much of each is due by due_end, loaded, and due but not loaded, in
-- seconds; and of what is not loaded the last load that ended and asked for it, with what became of it there. It looks at the hours of these
-- subjects alone, where audit.coverage looks at all.
WITH day AS (
    SELECT moment, tstzrange(moment, moment + interval '24 hours') AS span
    FROM generate_series(
        %(first_day)s::timestamptz, %(end_day)s::timestamptz - interval '1 second', interval '24 hours'
    ) AS series (moment)
),

followed AS (
    SELECT subject_id, span
    FROM audit.followed
    WHERE source = %(source)s AND subject_id = ANY(%(subject_ids)s::bigint [])
),

present AS (
    SELECT subject_id, spans
    FROM audit.present
    WHERE source = %(source)s AND subject_id = ANY(%(subject_ids)s::bigint [])
),

divided AS (
    SELECT
        followed.subject_id,
        day.moment,
        tstzmultirange(day.span * followed.span * tstzrange(NULL, %(due_end)s)) AS due,
        tstzmultirange(day.span) * coalesce(present.spans, '{}') AS loaded,
        tstzmultirange(day.span * tstzrange(NULL, %(due_end)s)) - coalesce(present.spans, '{}') AS absent
    FROM followed
    CROSS JOIN day
    LEFT JOIN present ON followed.subject_id = present.subject_id
),

ended AS MATERIALIZED (
    SELECT load_id, status, units_withheld, subject_ids, tstzrange(window_start, window_end) AS span
    FROM audit.load
    WHERE
        source = %(source)s
        AND status IN ('published', 'rejected', 'failed')
        AND window_start < %(end_day)s
        AND window_end > %(first_day)s
        AND subject_ids && %(subject_ids)s::bigint []
)

SELECT
    divided.subject_id,
    (divided.moment AT TIME ZONE 'UTC')::date AS day,
    (SELECT coalesce(sum(extract(EPOCH FROM upper(part.span) - lower(part.span))), 0)::bigint FROM unnest(divided.due) AS part (span)) AS due,
    (SELECT coalesce(sum(extract(EPOCH FROM upper(part.span) - lower(part.span))), 0)::bigint FROM unnest(divided.loaded) AS part (span)) AS loaded,
    (
        SELECT coalesce(sum(extract(EPOCH FROM upper(part.span) - lower(part.span))), 0)::bigint
        FROM unnest(divided.absent * divided.due) AS part (span)
    ) AS lacking,
    last_load.load_id,
    CASE
        WHEN last_load.status = 'failed' OR (last_load.status = 'rejected' AND last_load.units_withheld IS NULL) THEN 'failed'
        WHEN EXISTS (
            SELECT FROM audit.withheld AS unit
            WHERE
                unit.load_id = last_load.load_id
                AND unit.subject_id = divided.subject_id
                AND tstzrange(unit.span_start, unit.span_end) && divided.absent
        ) THEN 'withheld'
        WHEN EXISTS (
            SELECT FROM audit.set_aside AS aside
            WHERE
                aside.source = %(source)s
                AND aside.load_id = last_load.load_id
                AND aside.subject_id = divided.subject_id
                AND aside.span && divided.absent
        ) THEN 'quarantined'
    END AS reason
FROM divided
LEFT JOIN LATERAL (
    SELECT ended.load_id, ended.status, ended.units_withheld
    FROM ended
    WHERE divided.subject_id = ANY(ended.subject_ids) AND ended.span && divided.absent
    ORDER BY ended.load_id DESC
    LIMIT 1
) AS last_load ON true
ORDER BY divided.subject_id, divided.moment;
