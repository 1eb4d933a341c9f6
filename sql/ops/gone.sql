-- What was loaded of the time before a source is to be complete, and is not there any more: a row for each span, with the places or pages
-- that share it. Where no load was published before that, the ledger alone is read.
WITH earlier AS (
    SELECT load.load_id, load.source, asked.subject_id, tstzrange(load.window_start, load.window_end) AS span
    FROM audit.load AS load
    INNER JOIN audit.catchup AS catchup ON load.source = catchup.source AND load.window_start < catchup.start_date
    CROSS JOIN unnest(load.subject_ids) AS asked (subject_id)
    -- A replay brings only what an earlier load asked for.
    WHERE load.published_at IS NOT NULL AND NOT load.is_replay
),

not_loaded AS (
    SELECT left_out.load_id, left_out.subject_id, range_agg(left_out.span) AS spans
    FROM (
        SELECT withheld.load_id, withheld.subject_id, tstzrange(withheld.span_start, withheld.span_end) AS span
        FROM audit.withheld AS withheld
        UNION ALL
        SELECT set_aside.load_id, set_aside.subject_id, set_aside.span
        FROM audit.set_aside AS set_aside
    ) AS left_out
    WHERE left_out.load_id IN (SELECT earlier.load_id FROM earlier)
    GROUP BY left_out.load_id, left_out.subject_id
),

-- Each made once: the planner takes them for a few rows, and would make them anew for each subject.
loaded AS MATERIALIZED (
    SELECT earlier.source, earlier.subject_id, range_agg(tstzmultirange(earlier.span) - coalesce(not_loaded.spans, '{}')) AS spans
    FROM earlier
    LEFT JOIN not_loaded ON earlier.load_id = not_loaded.load_id AND earlier.subject_id = not_loaded.subject_id
    GROUP BY earlier.source, earlier.subject_id
),

present AS MATERIALIZED (
    SELECT source, subject_id, spans
    FROM audit.present
    WHERE source IN (SELECT earlier.source FROM earlier)
),

gone AS (
    SELECT
        followed.source,
        followed.subject_id,
        followed.subject,
        loaded.spans * tstzmultirange(tstzrange(NULL, lower(followed.span))) - coalesce(present.spans, '{}') AS spans
    FROM loaded
    INNER JOIN audit.followed AS followed ON loaded.source = followed.source AND loaded.subject_id = followed.subject_id
    LEFT JOIN present ON loaded.source = present.source AND loaded.subject_id = present.subject_id
)

SELECT
    gone.source,
    lower(part.span) AS window_start,
    upper(part.span) AS window_end,
    array_agg(gone.subject ORDER BY gone.subject) AS subjects,
    (SELECT count(*) FROM audit.followed AS every WHERE every.source = gone.source) AS followed
FROM gone
CROSS JOIN unnest(gone.spans) AS part (span)
GROUP BY gone.source, part.span
ORDER BY gone.source, part.span, subjects;
