-- Units that audits did not trust, those of the newest loads first.
SELECT
    unit.load_id,
    unit.source,
    unit.subject_id,
    followed.subject,
    unit.span_start,
    unit.span_end,
    unit.expectation,
    unit.observed,
    unit.raw_ids,
    unit.withheld_at
FROM audit.withheld AS unit
LEFT JOIN audit.followed AS followed ON unit.source = followed.source AND unit.subject_id = followed.subject_id
WHERE
    unit.source = ANY(%(sources)s)
    AND (%(load_id)s::bigint IS NULL OR unit.load_id = %(load_id)s)
    AND (
        %(search)s::text IS NULL
        OR strpos(lower(concat_ws(' ', followed.subject, unit.expectation, unit.observed)), lower(%(search)s)) > 0
    )
ORDER BY unit.load_id DESC, unit.subject_id, unit.span_start, unit.span_end
LIMIT %(most)s OFFSET %(skip)s;
